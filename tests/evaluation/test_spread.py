import numpy as np
import pytest

from mapforge.evaluation.counts import add_up, shares, tiles_of, total
from mapforge.evaluation.spread import EVERYTHING, spread_of_means, spread_of_shares, summarise
from mapforge.evaluation.world_scores import FUSED, MapFigures, WorldScores, defined
from mapforge.geometry.crs import MapFrame


def world(name: str, family: str, condition: str, easy: float, right: float) -> WorldScores:
    counts = {"32632/1/1": {"lane_divider": {"typed_m": 100.0, "type_right_m": right}}}
    figures = MapFigures({"lane_divider": {"mAP_easy": easy}}, counts)
    return WorldScores(name, family, condition, 1, f"world:{name}", False, {FUSED: figures})


def test_means_and_groups():
    worlds = [
        world("a", "town", "clean", 0.9, 90.0),
        world("b", "town", "wet", 0.7, 60.0),
        world("c", "rural", "wet", 0.5, 30.0),
    ]
    summary = summarise(worlds, 500, 0.95)
    assert list(summary) == [EVERYTHING, "condition clean", "condition wet", "family rural", "family town"]
    own = summary[EVERYTHING][FUSED]["lane_divider"]
    assert own["mAP_easy"].mean == pytest.approx(0.7) and own["mAP_easy"].worlds == 3
    assert own["marking_type_accuracy"].mean == pytest.approx(0.6)
    assert own["mAP_easy"].low < 0.6 < 0.8 < own["mAP_easy"].high
    assert summary["condition wet"][FUSED]["lane_divider"]["mAP_easy"].mean == pytest.approx(0.6)
    single = summary["family rural"][FUSED]["lane_divider"]["mAP_easy"]
    assert single.low == single.high == single.mean == pytest.approx(0.5)


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        spread = spread_of_means(list(rng.normal(0.5, 0.1, 20)), 400, 0.9)
        inside += spread.low <= 0.5 <= spread.high
    assert 165 <= inside <= 195


def test_worlds_count_in_shares_by_how_much_there_is_in_them():
    found = spread_of_shares([{"truth": 90.0, "found": 90.0}, {"truth": 10.0, "found": 0.0}], 400, 0.95)
    assert found["recall"].mean == pytest.approx(0.9)


def test_shares_of_nothing_are_undefined():
    figures = shares({"truth_m": 0.0, "found_m": 0.0, "predicted_m": 10.0, "true_m": 5.0})
    assert np.isnan(figures["completeness"]) and figures["correctness"] == 0.5 and figures["f1"] == 0.0
    assert np.isnan(shares({"truth_m": 0.0, "predicted_m": 0.0})["f1"])


def test_points_are_added_to_the_tile_they_lie_in():
    frame = MapFrame.at(8.4, 49.0)
    x0, y0 = frame.origin_m
    xyz = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [100.5, 0.0, 0.0]])
    names, index = tiles_of(xyz, frame)
    assert len(names) == 2 and index[1] == index[2] != index[0]
    assert names[index[0]] == f"{frame.epsg}/{int(x0 // 100)}/{int(y0 // 100)}"
    counts: dict = {}
    add_up(counts, frame, "lane_divider", xyz, {"truth_m": np.array([1.0, 2.0, 3.0])})
    add_up(counts, frame, "lane_divider", xyz[:1], {"truth_m": np.array([1.5])})
    assert counts[names[index[0]]]["lane_divider"]["truth_m"] == 2.5
    assert total(own["lane_divider"] for own in counts.values()) == {"truth_m": 7.5}


def test_scores_survive_json_and_leave_out_what_is_undefined():
    assert defined({"b": {"x": float("nan"), "y": 1.0}, "a": {}}) == {"a": {}, "b": {"y": 1.0}}
    own = world("a", "town", "clean", 0.9, 90.0)
    assert WorldScores.from_dict(own.as_dict()) == own
