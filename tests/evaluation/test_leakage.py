import json

import pytest

from mapforge.config.evaluation_group import EvaluationConfig, seed_of
from mapforge.errors import ConfigurationError, LeakageError, MissingInputError
from mapforge.evaluation.leakage import require_unseen, training_places, training_seeds
from mapforge.evaluation.worlds import held_out_worlds

WORLDS = held_out_worlds(EvaluationConfig(worlds=["town:clean:901", "rural:wet:902"]))


@pytest.fixture
def weights(tmp_path):
    def write(card):
        (tmp_path / "w.json").write_text(json.dumps(card))
        return tmp_path / "w.safetensors"

    return write


def test_weights_that_saw_other_worlds_may_be_evaluated(weights):
    card = {"training": {"worlds": [1001, 1002], "places": ["world:town-1001"]}, "started_from": ""}
    require_unseen(weights(card), WORLDS)


@pytest.mark.parametrize(
    "card",
    [
        {"places": ["world:town-901"]},
        {"training": {"places": ["generated:1", "world:rural-902"]}},
        {"training": {"worlds": [1001, 902]}},
        {"training": {"frames_first_seed": 900, "frames_worlds": 5}},
        {"training": {"worlds": [1001]}, "started_from": {"training": {"worlds": [901]}}},
    ],
)
def test_weights_that_saw_a_world_are_refused(weights, card):
    with pytest.raises(LeakageError, match=r"90[12]"):
        require_unseen(weights(card), WORLDS)


def test_weights_without_a_card_are_refused(tmp_path):
    with pytest.raises(LeakageError, match="no card"):
        require_unseen(tmp_path / "w.safetensors", WORLDS)


def test_what_a_card_says_of_its_places():
    card = {"training": {"worlds": [1001], "frames_first_seed": 5, "frames_worlds": 2, "places": ["a", 3]}}
    assert training_places(card) == {"a"} and training_seeds(card) == {1001, 5, 6}


def test_worlds_that_may_be_trained_on_are_no_evaluation():
    with pytest.raises(ConfigurationError, match="1000"):
        EvaluationConfig(worlds=["town:clean:1000"])
    with pytest.raises(ConfigurationError, match="family:condition:seed"):
        seed_of("town-901")
    with pytest.raises(ConfigurationError, match="no condition 'foggy'"):
        held_out_worlds(EvaluationConfig(worlds=["town:foggy:901"]))


def test_worlds_have_names_and_places():
    world = held_out_worlds(EvaluationConfig(worlds=["town:clean:901", "maps/pit.json:wet:3"], camera_worlds=1))
    assert [w.name for w in world] == ["town-clean-901-cameras", "pit-wet-3"]
    assert world[0].place == "world:town-901"
    with pytest.raises(MissingInputError, match=r"maps/pit\.json"):
        _ = world[1].place
