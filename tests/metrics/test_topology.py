"""Lane edges, with lanes cut otherwise than in the truth."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.metrics.topology import edge_scores, lanes_along, wrong_way_share


def lane(x0: float, x1: float, y: float = 0.0) -> np.ndarray:
    return np.array([[x0, y], [x1, y]])


def nearest(truth: dict[str, np.ndarray], predicted: dict[str, np.ndarray]) -> dict[str, str]:
    return {name: along[0] for name, along in lanes_along(truth, predicted).items()}


TRUTH = {"a": lane(0, 50), "b": lane(50, 100), "c": lane(50, 100, 20.0)}


def test_lanes_match_by_place_and_direction() -> None:
    predicted = {"1": lane(0, 25, 0.3), "2": lane(25, 50), "3": lane(100, 50), "4": lane(0, 50, 9.0)}
    assert nearest(TRUTH, predicted) == {"1": "a", "2": "a"}


def test_edges_by_hand() -> None:
    lanes = {"1": ("a",), "2": ("a",), "3": ("b",)}
    # 1-2 is inside a; 2-3 is right; 3-9 leads nowhere
    scores = edge_scores([("a", "b"), ("a", "c")], [("1", "2"), ("2", "3"), ("3", "9")], lanes)
    assert scores["precision"] == pytest.approx(0.5)
    assert scores["recall"] == pytest.approx(0.5)


def test_two_lanes_predicted_as_one_hold_their_edge() -> None:
    lanes = lanes_along(TRUTH, {"1": lane(0, 100, 0.2), "2": lane(50, 100, 20.1)})
    assert lanes == {"1": ("a", "b"), "2": ("c",)}
    scores = edge_scores([("a", "b"), ("a", "c")], [("1", "2")], lanes)
    assert scores["precision"] == scores["recall"] == 1.0
    assert edge_scores([("a", "b"), ("a", "c")], [], lanes)["recall"] == 0.5


def test_the_length_that_runs_the_wrong_way() -> None:
    predicted = {
        "1": lane(0, 30, 0.4),
        "2": lane(60, 50, 20.3),
        "3": lane(0, 50, 9.0),
        "4": np.array([[20, -5], [20, 5]]),
    }
    assert wrong_way_share(TRUTH, predicted) == pytest.approx(10 / 40)
    assert wrong_way_share(TRUTH, {"1": lane(0, 30, 0.4)}) == 0.0
    assert np.isnan(wrong_way_share(TRUTH, {"3": lane(0, 50, 9.0)}))
    assert np.isnan(wrong_way_share(TRUTH, {}))
    assert np.isnan(wrong_way_share({}, predicted))


def test_no_edges_are_undefined() -> None:
    assert np.isnan(edge_scores([], [], {})["precision"])


def test_where_a_lane_ends_along_the_road_does_not_matter() -> None:
    # 40 m longer than the true lane, and 20 m of one that is 50 m long
    assert nearest(TRUTH, {"1": lane(-40, 50, 0.2), "2": lane(60, 80)}) == {"1": "a", "2": "b"}
    # most of it lies beside another lane than its beginning
    assert nearest(TRUTH, {"1": lane(40, 100)}) == {"1": "b"}
    # a fifth of the shorter one is not enough
    assert nearest({"a": lane(0, 50)}, {"1": lane(40, 90)}) == {}


def test_a_lane_all_the_way_round_lies_on_every_part_wherever_it_begins() -> None:
    angle = np.linspace(0.0, 2 * np.pi, 121)
    ring = 40.0 * np.column_stack([np.cos(angle), np.sin(angle)])
    quarters = {str(k): ring[30 * k : 30 * k + 31] for k in range(4)}
    begun = np.concatenate([ring[12:], ring[1:13]])
    assert sorted(lanes_along(quarters, {"ring": begun})["ring"]) == ["0", "1", "2", "3"]
    assert lanes_along(quarters, {"ring": begun[::-1]}) == {}
    # a short piece sees the far side of the ring as well
    assert lanes_along({"piece": lane(36, 40)[:, ::-1] + [40.0, -38.0]}, {"ring": begun})["ring"] == ("piece",)
