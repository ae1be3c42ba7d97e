import json

import numpy as np
import pytest
import torch

from mapforge.errors import LeakageError
from mapforge.models.bev_segmenter import ARCHITECTURE, BevSegmenter
from mapforge.models.config import BevSegmenterConfig
from mapforge.models.weights import read_weights
from mapforge.training.batches import collate
from mapforge.training.config import BevTrainingConfig, TrainingConfig
from mapforge.training.dataset import write_manifest
from mapforge.training.generator import generate
from mapforge.training.loop import Schedule, Training
from mapforge.training.stage import TrainingInputs, run

TINY = BevSegmenterConfig([8, 8, 8, 8], 8)


def config(steps):
    return TrainingConfig(
        bev=BevTrainingConfig(
            steps=steps, batch=2, crop_cells=64, bf16=False, shards=1, samples_per_shard=4, first_seed=7000,
            evaluation_crops=2, checkpoint_steps=1, log_steps=1, network=TINY,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    target = run(TrainingInputs(folder, folder / "bev.safetensors"), config(3))
    return folder, target


def test_a_run_leaves_weights_card_and_log(trained):
    folder, target = trained
    assert read_weights(target, ARCHITECTURE).settings["widths"] == [8, 8, 8, 8]
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["training"]["seed"] == 7
    assert 0 <= card["scores"]["generated"]["road_boundary"]["f1"] <= 1
    assert [json.loads(line)["step"] for line in (folder / "train.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_a_killed_run_ends_with_the_same_weights(trained, tmp_path):
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
        run(inputs, config(3), kill)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2
    run(inputs, config(3))
    assert inputs.target.read_bytes() == target.read_bytes()


def test_places_in_training_and_evaluation_are_refused(trained, tmp_path):
    folder, _ = trained
    shard = next((folder / "shards").glob("*.safetensors"))
    write_manifest(tmp_path / "held", "held", [shard], ["generated:7001"], 4)
    inputs = TrainingInputs(folder, tmp_path / "bev.safetensors", held_out_drives=tmp_path / "held")
    with pytest.raises(LeakageError, match="7001"):
        run(inputs, config(3))


def test_a_small_network_learns_one_crop():
    torch.manual_seed(0)
    batch = collate([generate(8), generate(9)], np.random.default_rng(0), crop_cells=96)
    training = Training(BevSegmenter(TINY), Schedule(25, 1e-2, 0.1, 0.0, 0.9), "cpu", False)
    totals = [training.advance(batch)["total"] for _ in range(25)]
    assert totals[-1] < 0.75 * totals[0]


def test_the_rate_rises_and_falls():
    schedule = Schedule(100, 1e-2, 0.1, 0.0, 0.99)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10)
    assert rates[0] < rates[5] < max(rates)
    assert rates[-1] < 2e-4
