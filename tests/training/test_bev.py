import json

import pytest
import torch

from mapforge.errors import LeakageError
from mapforge.models.bev_segmenter import ARCHITECTURE, BevSegmenter
from mapforge.models.config import BevSegmenterConfig
from mapforge.models.weights import read_weights
from mapforge.training.batches import collate
from mapforge.training.dataset import write_manifest
from mapforge.training.generator import generate
from mapforge.training.learner import Learner
from mapforge.training.learning_config import LearningConfig
from mapforge.training.losses import BevObjective
from mapforge.training.processes import Processes
from mapforge.training.schedule import Schedule
from mapforge.training.stage import TrainingInputs, run

TINY = BevSegmenterConfig([8, 8, 8, 8], 8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_config):
    folder = tmp_path_factory.mktemp("run")
    target = folder / "bev.safetensors"
    run(TrainingInputs(folder, target), tiny_config(3))
    return folder, target


def test_a_run_leaves_weights_card_and_log(trained):
    folder, target = trained
    assert read_weights(target, ARCHITECTURE).settings["widths"] == [8, 8, 8, 8]
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["training"]["seed"] == 7
    assert 0 <= card["scores"]["generated"]["road_boundary"]["f1"] <= 1
    assert [json.loads(line)["step"] for line in (folder / "bev.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_a_killed_run_ends_with_the_same_weights(trained, tmp_path, tiny_config):
    """Stopped after the second step, gone on from its checkpoint: bit for bit the uninterrupted run."""
    folder, target = trained
    (tmp_path / "shards").symlink_to(folder / "shards")

    class Killed(Exception):
        pass

    def kill(what, done, total):
        if what.startswith("training") and done == 3:
            raise Killed

    inputs = TrainingInputs(tmp_path, tmp_path / "bev.safetensors")
    with pytest.raises(Killed):
        run(inputs, tiny_config(3), kill)
    assert torch.load(tmp_path / "bev.pt", weights_only=True)["step"] == 2
    run(inputs, tiny_config(3))
    assert inputs.target.read_bytes() == target.read_bytes()


def test_places_in_training_and_evaluation_are_refused(trained, tmp_path, tiny_config):
    folder, _ = trained
    shard = next((folder / "shards").glob("*.safetensors"))
    write_manifest(tmp_path / "held", "held", [shard], ["generated:7001"], 4)
    inputs = TrainingInputs(folder, tmp_path / "bev.safetensors", held_out_drives=tmp_path / "held")
    with pytest.raises(LeakageError, match="7001"):
        run(inputs, tiny_config(3))


def test_a_small_network_learns_one_crop():
    torch.manual_seed(0)
    batch = collate([generate(8), generate(9)], [[0], [1]], crop_cells=96)
    objective = BevObjective(BevSegmenter(TINY), False, hard_example_power=0.5)
    learner = Learner(objective, Schedule(25, 1e-2, 2, 0.0, 0.9), LearningConfig(), Processes(0, 1, "cpu"), "")
    totals = []
    for _ in range(25):
        learner.advance([batch])
        totals.append(learner.take_means()["total"])
    assert totals[-1] < 0.75 * totals[0]


def test_the_rate_rises_and_falls():
    schedule = Schedule(100, 1e-2, 10, 0.0, 0.99)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10)
    assert rates[0] < rates[5] < max(rates)
    assert rates[-1] < 2e-4
