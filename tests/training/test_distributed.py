"""Several processes on one CPU (gloo): what torchrun starts on many GPUs, in small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

SCRIPT = """
import sys
from pathlib import Path
from mapforge.models.config import BevSegmenterConfig
from mapforge.training.config import BevTrainingConfig
from mapforge.training.learning_config import LearningConfig, Sharding
from mapforge.training.bev import train_bev

folder, sharding, batch, minutes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
config = BevTrainingConfig(
    steps=3, batch=batch, crop_cells=64, shards=1, samples_per_shard=4, first_seed=7000, evaluation_crops=2,
    calibration_crops=2,
    network=BevSegmenterConfig([8, 8, 8, 8], 8), curriculum_epochs=0,
    learning=LearningConfig(
        device="cpu", bf16=False, checkpoint_steps=1, log_steps=1, accumulate=2, sharding=Sharding(sharding),
        max_minutes=minutes, tensorboard=False,
    ),
)
train_bev(config, folder, folder / "bev.safetensors", lambda what, done, total: None)
"""


def torchrun(folder: Path, sharding: str, processes: int, batch: int, minutes: float = 0.0) -> None:
    script = folder / "train.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    arguments = [str(script), str(folder), sharding, str(batch), str(minutes)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def totals(folder: Path) -> list[float]:
    return [json.loads(line)["total"] for line in (folder / "bev.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    torchrun(folder, "ddp", 2, 1)
    return folder


def with_shards(folder: Path, shards: Path) -> Path:
    for name in ("shards", "evaluation"):
        (folder / name).symlink_to(shards / name)
    return folder


def test_two_processes_train_and_leave_one_set_of_weights(shards: Path) -> None:
    card = json.loads((shards / "bev.json").read_text())
    assert card["cost"]["processes"] == 2
    assert card["cost"]["samples"] == 3 * 2 * 2  # steps, batches added up, processes
    assert len(totals(shards)) == 3


def test_a_sharded_model_learns_the_same(shards: Path, tmp_path: Path) -> None:
    """fully_shard splits the same computation: losses agree to rounding, weights come out whole."""
    torchrun(with_shards(tmp_path, shards), "fsdp2", 2, 1)
    assert totals(tmp_path) == pytest.approx(totals(shards), rel=2e-3)
    whole, split = load_file(shards / "bev.safetensors"), load_file(tmp_path / "bev.safetensors")
    assert {name: value.shape for name, value in whole.items()} == {name: value.shape for name, value in split.items()}


def test_a_run_in_pieces_is_the_whole_run(shards: Path, tmp_path: Path) -> None:
    """Out of time after every step, started again until it is done: the same losses, the same weights."""
    with_shards(tmp_path, shards)
    for piece in range(3):
        assert not (tmp_path / "bev.safetensors").exists()
        torchrun(tmp_path, "ddp", 2, 1, minutes=1e-6 if piece < 2 else 0.0)
    assert totals(tmp_path) == totals(shards)
    assert (tmp_path / "bev.safetensors").read_bytes() == (shards / "bev.safetensors").read_bytes()
