"""One tiny world from simulation to report, and what a second call does with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mapforge.cli.evaluating import evaluate
from mapforge.config import compose_settings
from mapforge.errors import LeakageError
from mapforge.evaluation import stage
from mapforge.evaluation.stage import EvaluationInputs, run, with_weights
from mapforge.evaluation.weights import Role, replace_weights, role_of
from mapforge.evaluation.world_scores import ALONE, FUSED
from mapforge.io.fingerprint import sha256_of_file
from mapforge.models.bev_segmenter import ARCHITECTURE
from mapforge.models.shipped import BEV_SEGMENTER, weights_path
from mapforge.models.weights import ModelWeights, read_weights, write_weights

TINY = [
    "evaluation.worlds=[town:clean:10]", "evaluation.drives=2", "evaluation.duration_s=4", "evaluation.camera_worlds=0",
    "evaluation.bootstrap_rounds=200", "evaluation.calibration_tiles=2", "engine.kind=inline", "engine.workers=1",
    "engine.device=cpu", "simulation.sensors.lidar.beams=32", "simulation.sensors.lidar.columns=360",
    "simulation.sensors.lidar.rate_hz=5", "simulation.town.moving_vehicles=0", "rasterization.reach_m=12",
    "perception.signs.enabled=false",
]  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Folder and result of a first evaluation with the weights that ship."""
    folder = tmp_path_factory.mktemp("evaluation")
    result = run(EvaluationInputs(folder, compose_settings(TINY)), lambda *_: None)
    return folder, result


def worse_weights(target: Path) -> Path:
    """The shipped network with heads that say much less, and a card."""
    shipped = read_weights(weights_path(None, BEV_SEGMENTER), ARCHITECTURE)
    tensors = dict(shipped.tensors)
    bias = tensors["heads.bias"].clone()
    bias[:4] -= 4.0
    tensors["heads.bias"] = bias
    write_weights(ModelWeights(ARCHITECTURE, shipped.settings, tensors), target, target.parent / "tmp", {"model": "x"})
    return target


def test_a_world_has_scores_of_all_drives_and_of_one(evaluated):
    _, result = evaluated
    (world,) = result.worlds
    assert not result.failed and set(world.maps) == {FUSED, ALONE}
    fused = world.maps[FUSED]
    assert 0.3 < fused.metrics["road_boundary"]["mAP_easy"] <= 1.0
    boundary = world.counts_of(FUSED, "road_boundary")
    assert sum(own["truth_m"] for own in boundary) > 60.0
    assert sum(own["found_m"] for own in boundary) > 0.5 * sum(own["truth_m"] for own in boundary)
    assert sum(n for n, _, _ in world.cells["drivable_area"]) > 1000
    assert world.worst and world.seconds["simulation"] > 0.0


def test_the_report_holds_what_was_measured(evaluated):
    folder, result = evaluated
    page = result.report.read_text(encoding="utf-8")
    assert "1 held-out worlds" in page and "<svg" in page and "data:image/png;base64," in page
    data = json.loads(result.report.with_name("evaluation.json").read_text())
    assert data["worlds"] == ["town-clean-10"] and data["models"] == result.models
    easy = data["scores"]["all worlds"]["fused"]["road_boundary"]["mAP_easy"]
    assert easy == [pytest.approx(result.worlds[0].maps[FUSED].metrics["road_boundary"]["mAP_easy"], abs=1e-3)] * 3 + [
        1
    ]
    assert not (folder / "worlds" / "town-clean-10" / "simulation" / "logs").exists()


def test_true_poses_were_used(evaluated):
    """No GNSS bias shows: what is found lies where it is."""
    _, result = evaluated
    assert result.worlds[0].maps[FUSED].metrics["road_boundary"]["lateral_median_m"] < 0.06


def test_the_same_again_measures_nothing(evaluated, monkeypatch):
    folder, result = evaluated
    monkeypatch.setattr(stage, "score_world", lambda *_: pytest.fail("it was measured already"))
    again = run(EvaluationInputs(folder, compose_settings(TINY)), lambda *_: None)
    assert again.worlds == result.worlds
    assert again.report.read_bytes() == result.report.read_bytes()


def test_worse_weights_are_refused_and_replace_nothing(evaluated, tmp_path, capsys, monkeypatch):
    """The gate from the command line; simulation and rasters are used again."""
    folder, _ = evaluated
    new = worse_weights(tmp_path / "new.safetensors")
    old = tmp_path / "old.safetensors"
    shutil.copy(weights_path(None, BEV_SEGMENTER), old)
    shutil.copy(weights_path(None, BEV_SEGMENTER).with_suffix(".json"), old.with_suffix(".json"))
    before = sha256_of_file(old)
    monkeypatch.setattr("mapforge.evaluation.gate.LEAST_TILES", 2)
    monkeypatch.setattr(
        "mapforge.simulation.stage.run", lambda *_: pytest.fail("the world was simulated already"), raising=True
    )
    words = [*TINY, f"out={folder}", f"weights={new}", f"against={old}", "replace=true"]
    assert evaluate(words, json_output=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["passes"] and not told["replaced"] and told["exit_code"] == 1
    assert any("lane_divider" in text or "road_boundary" in text for text in told["falls"])
    assert sha256_of_file(old) == before
    assert "fell" not in told["old"]["scores"]


def test_the_card_gets_the_evaluation_and_keeps_the_rest(evaluated, tmp_path, capsys):
    folder, _ = evaluated
    own = tmp_path / "bev.safetensors"
    signs = weights_path(None, "sign_detector.safetensors")
    for source, target in ((weights_path(None, BEV_SEGMENTER), own), (signs, tmp_path / "signs.safetensors")):
        shutil.copy(source, target)
        shutil.copy(source.with_suffix(".json"), target.with_suffix(".json"))
    words = [*TINY, f"models.bev={own}", f"models.signs={tmp_path / 'signs.safetensors'}", f"out={folder}", "card=true"]
    assert evaluate(words, json_output=True) == 0
    card = json.loads(own.with_suffix(".json").read_text())
    before = json.loads(weights_path(None, BEV_SEGMENTER).with_suffix(".json").read_text())
    assert {key: value for key, value in card.items() if key != "evaluation"} == {
        key: value for key, value in before.items() if key != "evaluation"
    }
    assert card["evaluation"]["worlds"] == ["town-clean-10"]
    assert json.loads(capsys.readouterr().out)["cards"]


def test_weights_trained_on_the_world_are_refused(tmp_path):
    new = worse_weights(tmp_path / "new.safetensors")
    new.with_suffix(".json").write_text(json.dumps({"training": {"worlds": [10]}}))
    with pytest.raises(LeakageError, match="10"):
        run(EvaluationInputs(tmp_path / "out", with_weights(compose_settings(TINY), bev=new)), lambda *_: None)


def test_weights_and_card_take_the_place_of_others(tmp_path):
    new = worse_weights(tmp_path / "new.safetensors")
    old = tmp_path / "shipped" / "bev.safetensors"
    old.parent.mkdir()
    old.write_bytes(b"old")
    replace_weights(new, old, tmp_path / "tmp")
    assert sha256_of_file(old) == sha256_of_file(new) and role_of(old) is Role.bev
    assert json.loads(old.with_suffix(".json").read_text()) == {"model": "x"}


def test_a_torn_score_is_measured_again(evaluated, monkeypatch):
    folder, result = evaluated
    plain = result.worlds[0].as_dict()
    (kept,) = [path for path in (folder / "scores").glob("*.json") if json.loads(path.read_text()) == plain]
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    asked = []
    monkeypatch.setattr(stage, "score_world", lambda world, *_: asked.append(world.name) or result.worlds[0])
    run(EvaluationInputs(folder, compose_settings(TINY)), lambda *_: None)
    assert asked == ["town-clean-10"] and json.loads(kept.read_text()) == plain
