"""What a run leaves beside its weights: log, TensorBoard, trace; and that it ends when nothing gets better."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mapforge.training import loop
from mapforge.training.stage import TrainingInputs, run
from mapforge.training.watch import measured_peak


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, tiny_config: Any) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    settings = tiny_config(9, profile_steps=2, tensorboard=True)
    run(TrainingInputs(folder, folder / "bev.safetensors"), settings)
    return folder


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "bev.jsonl").read_text().splitlines()]


def test_the_log_tells_pace_and_share_of_peak(watched: Path) -> None:
    last = lines(watched)[-1]
    assert last["samples_per_s"] > 0
    assert 0 <= last["waiting_share"] <= 1
    assert 0 < last["share_of_peak"] < 1


def test_tensorboard_holds_the_losses(watched: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(watched / "tensorboard" / "bev"))
    events.Reload()
    written = [event.value for event in events.Scalars("total")]
    assert written == pytest.approx([line["total"] for line in lines(watched)], rel=1e-5)


def test_the_trace_names_the_bottleneck(watched: Path) -> None:
    summary = (watched / "profile.txt").read_text().splitlines()
    assert summary[0] in [f"bottleneck: {name}" for name in ("waiting for data", "forward", "backward", "optimizer")]
    assert json.loads((watched / "profile.json").read_text())["traceEvents"]


def test_a_run_stops_when_scores_stop_rising_and_keeps_the_best(
    tmp_path: Path, tiny_config: Any, watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("shards", "evaluation"):
        (tmp_path / name).symlink_to(watched / name)
    scores = iter([0.1, 0.4, 0.3, 0.35, 0.9])
    kept: list[dict[str, Any]] = []
    plain = loop._score

    def score(learner: Any, files: Any, watch: Any, examine: Any) -> None:
        def told(averaged: dict[str, Any]) -> float:
            kept.append(averaged)
            return next(scores)

        plain(learner, files, watch, told)

    monkeypatch.setattr(loop, "_score", score)
    settings = tiny_config(9, evaluation_steps=1, patience=2)
    run(TrainingInputs(tmp_path, tmp_path / "bev.safetensors"), settings)
    assert [line["score"] for line in lines(tmp_path) if "score" in line] == [0.1, 0.4, 0.3, 0.35]
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "bev.safetensors")
    best = {name.removeprefix("network."): value for name, value in kept[1].items()}
    # calibration changes the last convolution, and nothing else
    assert all(value.equal(best[name]) for name, value in weights.items() if not name.startswith("heads."))


def test_a_device_reaches_some_operations_a_second() -> None:
    assert measured_peak("cpu", 256) > 1e8


def test_training_on_generated_crops_needs_only_torch_and_numpy(tmp_path: Path) -> None:
    """On a bare machine with a GPU: no open3d, no shapely, no pyproj, no Hydra, no pyarrow."""
    code = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"open3d", "shapely", "pyproj", "hydra", "pyarrow", "scipy"}:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
import mapforge.training.bev, mapforge.training.generator
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
