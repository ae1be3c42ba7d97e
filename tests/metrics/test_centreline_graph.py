"""The published score of a lane graph, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.metrics.centreline_graph import (
    frechet_distances,
    matched_centrelines,
    strict_edge_scores,
    top_ll,
)


def lane(x0: float, x1: float, y: float = 0.0) -> np.ndarray:
    return np.array([[x0, y], [x1, y]])


TRUTH = {"a": lane(0, 50), "b": lane(50, 100), "c": lane(50, 100, 20.0)}
EDGES = [("a", "b"), ("a", "c")]


def test_frechet_distance_minds_direction_and_ends() -> None:
    found = frechet_distances([lane(0, 50), lane(50, 0), lane(0, 60), lane(0, 50, 2.0)], [lane(0, 50)])
    assert np.allclose(found[:, 0], [0.0, 50.0, 10.0, 2.0])
    bent = np.array([[0.0, 0.0], [25.0, 5.0], [50.0, 0.0]])
    assert 4.5 < frechet_distances([bent], [lane(0, 50)])[0, 0] < 5.5
    assert frechet_distances([], [lane(0, 1)]).shape == (0, 1)


def test_one_true_lane_has_one_match_the_surest() -> None:
    predicted = {"1": lane(0, 50, 0.5), "2": lane(0, 50, 0.2), "3": lane(0, 50, 2.5)}
    assert matched_centrelines(TRUTH, predicted, {}, 1.0) == {"1": "a"}
    assert matched_centrelines(TRUTH, predicted, {"2": 2.0}, 1.0) == {"2": "a"}
    # 30 m and 20 m of a lane of 50 m: cut otherwise, they match nothing
    assert matched_centrelines(TRUTH, {"1": lane(0, 30), "2": lane(30, 50)}, {}, 3.0) == {}


def test_a_perfect_graph_scores_one() -> None:
    names = {"1": TRUTH["a"], "2": TRUTH["b"], "3": TRUTH["c"]}
    edges = [("1", "2"), ("1", "3")]
    assert top_ll(TRUTH, EDGES, names, edges) == 1.0
    assert strict_edge_scores(EDGES, edges, matched_centrelines(TRUTH, names, {}, 1.0)) == {
        "precision": 1.0,
        "recall": 1.0,
    }


def test_what_is_missing_and_what_is_invented_costs() -> None:
    names = {"1": TRUTH["a"], "2": TRUTH["b"], "3": TRUTH["c"]}
    # forward: a 1/2, b 1, c 1; backward: a 1, b 1, c 0
    assert top_ll(TRUTH, EDGES, names, [("1", "2")]) == pytest.approx(4.5 / 6)
    # forward: b has an edge that is none; backward: c has a wrong one behind the right one (by number), which is free
    assert top_ll(TRUTH, EDGES, names, [("1", "2"), ("1", "3"), ("2", "3")]) == pytest.approx(5 / 6)


def test_unmatched_lanes_score_nothing() -> None:
    # forward: a finds b and half of its edges; b, c nothing right to find, but c is unmatched and counts as wrong.
    found = top_ll(TRUTH, EDGES, {"1": TRUTH["a"], "2": TRUTH["b"]}, [("1", "2")])
    assert found < top_ll(TRUTH, EDGES, {"1": TRUTH["a"], "2": TRUTH["b"], "3": TRUTH["c"]}, [("1", "2")])
    assert top_ll(TRUTH, EDGES, {}, []) == 0.0
    assert np.isnan(top_ll({}, [], {"1": lane(0, 1)}, []))


def test_a_wrong_place_counts_at_the_wider_thresholds() -> None:
    shifted = {name: line + (0.0, 1.5) for name, line in zip("123", TRUTH.values())}
    assert top_ll(TRUTH, EDGES, shifted, [("1", "2"), ("1", "3")]) == pytest.approx(2 / 3)
