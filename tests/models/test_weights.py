import json

import pytest
import torch

from mapforge.errors import MissingInputError, ModelError
from mapforge.models.weights import ModelWeights, load_tensors, read_weights, write_weights


def weights():
    return ModelWeights("toy.v1", {"width": 3}, {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)})


def test_round_trip_with_card(tmp_path):
    target = tmp_path / "models" / "toy.safetensors"
    write_weights(weights(), target, tmp_path / "tmp", {"scores": {"f1": 0.5}})
    found = read_weights(target, "toy.v1")
    assert found.settings == {"width": 3}
    assert torch.equal(found.tensors["weight"], weights().tensors["weight"])
    assert json.loads(target.with_suffix(".json").read_text())["scores"]["f1"] == 0.5


def test_same_weights_give_the_same_bytes(tmp_path):
    for name in range(8):
        write_weights(weights(), tmp_path / f"{name}.safetensors", tmp_path / "tmp")
    assert len({path.read_bytes() for path in tmp_path.glob("*.safetensors")}) == 1


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"none\.safetensors"):
        read_weights(tmp_path / "none.safetensors", "toy.v1")


def test_another_architecture_is_refused(tmp_path):
    write_weights(weights(), tmp_path / "toy.safetensors", tmp_path / "tmp")
    with pytest.raises(ModelError, match=r"toy\.v1"):
        read_weights(tmp_path / "toy.safetensors", "toy.v2")


def test_a_pickle_is_refused(tmp_path):
    torch.save({"weight": torch.ones(1)}, tmp_path / "bad.safetensors")
    with pytest.raises(ModelError, match="no safetensors"):
        read_weights(tmp_path / "bad.safetensors", "toy.v1")


def test_tensors_that_do_not_fit_are_named():
    with pytest.raises(ModelError, match="bias"):
        load_tensors(torch.nn.Linear(3, 4), weights(), "toy")
