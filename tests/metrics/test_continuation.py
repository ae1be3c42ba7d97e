"""Where a line is cut does not matter; where lines meet, branch or turn it does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mapforge.metrics.continuation import join_lines

CURVE = np.column_stack([np.arange(0.0, 60.0, 2.0), 0.01 * np.arange(0.0, 60.0, 2.0) ** 2])


@given(st.lists(st.integers(1, len(CURVE) - 2), max_size=5, unique=True), st.integers(0, 1000))
def test_a_cut_line_is_put_together_in_any_order_and_direction(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    bounds = [0, *sorted(cuts), len(CURVE) - 1]
    parts = [CURVE[a : b + 1] for a, b in itertools.pairwise(bounds)]
    parts = [parts[i][:: rng.choice([-1, 1])] for i in rng.permutation(len(parts))]
    joined, confidence, members = join_lines(parts, rng.uniform(0.4, 0.6, len(parts)))
    assert len(joined) == 1
    assert shapely.LineString(joined[0]).hausdorff_distance(shapely.LineString(CURVE)) < 1e-9
    assert 0.4 <= confidence[0] <= 0.6
    assert sorted(members[0]) == list(range(len(parts)))


def test_branches_corners_and_gaps_stay_apart() -> None:
    a, b, c = (np.array(xy, dtype=float) for xy in ([(0, 0), (10, 0)], [(10, 0), (20, 1)], [(10, 0), (20, -1)]))
    assert len(join_lines([a, b, c], np.ones(3))[0]) == 3
    corner = np.array([(10.0, 0.0), (10.0, 10.0)])
    assert len(join_lines([a, corner], np.ones(2))[0]) == 2
    assert len(join_lines([a, b + (0.5, 0.0)], np.ones(2))[0]) == 2


def test_a_ring_of_parts_becomes_one_and_confidence_is_by_length() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 41)
    ring = 10.0 * np.column_stack([np.cos(angle), np.sin(angle)])
    joined, confidence, _ = join_lines([ring[:11], ring[10:]], [1.0, 0.0])
    assert len(joined) == 1
    assert confidence[0] == pytest.approx(0.25, abs=0.01)
    assert join_lines([], [])[0] == []


def test_a_joined_line_runs_the_way_most_of_it_did() -> None:
    parts = [CURVE[:4][::-1], CURVE[3:20], CURVE[19:]]
    for order in ([0, 1, 2], [2, 0, 1]):
        joined, _, _ = join_lines([parts[i] for i in order], np.ones(3))
        assert joined[0][0] == pytest.approx(CURVE[0])
        assert joined[0][-1] == pytest.approx(CURVE[-1])
