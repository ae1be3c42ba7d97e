import numpy as np
import pytest

from mapforge.config.evaluation_group import EvaluationConfig
from mapforge.errors import ConfigurationError
from mapforge.evaluation.gate import compare
from mapforge.evaluation.world_scores import FUSED, MapFigures, WorldScores

CONFIG = EvaluationConfig(bootstrap_rounds=400)
TILES, LENGTH_M = 5, 80.0


def scores(quality: float, seed: int, worlds: int = 6, spread: float = 0.05) -> list[WorldScores]:
    """Worlds that differ among each other by `spread`, the same way for every quality; noise of 0.005 on top."""
    noise = np.random.default_rng(seed)
    result = []
    for number in range(worlds):
        hard = np.random.default_rng(number).normal(0.0, spread)
        own = float(quality + hard + noise.normal(0.0, 0.005))
        counts = {
            f"32632/{number}/{tile}": {
                "lane_divider": {
                    "truth_m": LENGTH_M, "found_m": LENGTH_M * min(1.0, own + noise.normal(0.0, 0.01)),
                    "predicted_m": LENGTH_M, "true_m": LENGTH_M * min(1.0, own + noise.normal(0.0, 0.01)),
                }
            }
            for tile in range(TILES)
        }  # fmt: skip
        metrics = {"lane_divider": {"mAP_easy": own, "mAP_hard": own - 0.1}, "all": {"mAP_easy": own}}
        maps = {FUSED: MapFigures(metrics, counts)}
        result.append(WorldScores(f"w{number}", "town", "clean", number, f"world:town-{number}", False, maps))
    return result


def test_the_same_quality_passes_whatever_the_noise():
    for seed in range(5):
        assert not [c for c in compare(scores(0.85, seed), scores(0.85, seed + 100), CONFIG) if c.fell]


def test_a_fall_smaller_than_the_spread_of_worlds_is_found_because_worlds_are_paired():
    falls = [c for c in compare(scores(0.80, 1), scores(0.85, 2), CONFIG) if c.fell]
    assert {(c.element_class, c.figure) for c in falls} == {
        ("lane_divider", "mAP_easy"), ("lane_divider", "mAP_hard"), ("lane_divider", "f1"),
    }  # fmt: skip
    assert all(c.new < c.old and c.high < 0.0 for c in falls)
    assert "lane_divider mAP_easy (fused)" in falls[0].text


def test_better_weights_pass():
    changes = compare(scores(0.9, 1), scores(0.8, 2), CONFIG)
    assert changes and not [c for c in changes if c.fell]
    assert all(c.low > 0.0 for c in changes)


def test_a_certain_fall_that_is_small_is_not_held_against_them():
    small = EvaluationConfig(bootstrap_rounds=400, least_fall=0.08)
    assert not [c for c in compare(scores(0.80, 1), scores(0.85, 2), small) if c.fell]


def test_a_fall_in_one_world_alone_is_noise():
    new, old = scores(0.85, 1), scores(0.85, 1)
    new[0].maps[FUSED].metrics["lane_divider"]["mAP_easy"] -= 0.3
    assert not [c for c in compare(new, old, CONFIG) if c.figure == "mAP_easy" and c.fell]


def test_too_few_worlds_are_compared_by_tile_only():
    changes = compare(scores(0.6, 1, worlds=2), scores(0.85, 2, worlds=2), CONFIG)
    assert {c.figure for c in changes} == {"f1"} and all(c.units == 2 * TILES and c.fell for c in changes)


def test_a_class_that_vanished_falls():
    new, old = scores(0.85, 1), scores(0.85, 2)
    for world in new:
        for counts in world.maps[FUSED].counts.values():
            counts["lane_divider"] |= {"found_m": 0.0, "true_m": 0.0, "predicted_m": 0.0}
    assert [c for c in compare(new, old, CONFIG) if c.figure == "f1" and c.fell]


def test_other_worlds_are_no_comparison():
    with pytest.raises(ConfigurationError, match="different worlds"):
        compare(scores(0.85, 1, worlds=5), scores(0.85, 1), CONFIG)
