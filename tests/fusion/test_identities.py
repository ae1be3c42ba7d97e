"""Constrained clustering against what must hold of every grouping."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.fusion.identities import clustered


def by_distance(xy: np.ndarray, gate_m: float):
    return lambda i, j: np.linalg.norm(xy[i] - xy[j], axis=1) / gate_m


def sets(numbers: np.ndarray) -> list[frozenset[int]]:
    return [frozenset([number]) for number in numbers.tolist()]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 30))
def test_groups_part_the_observations_and_keep_the_constraints(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    xy, apart = rng.uniform(0, 6, (count, 2)), rng.integers(0, 8, count)
    groups = clustered(xy, 1.5, by_distance(xy, 1.0), sets(apart), np.ones(count))
    assert sorted(k for group in groups for k in group.tolist()) == list(range(count))
    for group in groups:
        assert len(set(apart[group].tolist())) == len(group)
    assert [int(group[0]) for group in groups] == sorted(int(group[0]) for group in groups)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_order_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy, apart = rng.uniform(0, 4, (15, 2)), sets(np.arange(15))
    order = rng.permutation(15)
    plain = clustered(xy, 1.5, by_distance(xy, 1.0), apart, np.ones(15))
    mixed = clustered(xy[order], 1.5, by_distance(xy[order], 1.0), apart, np.ones(15))
    assert {frozenset(group.tolist()) for group in plain} == {frozenset(order[group].tolist()) for group in mixed}


def test_two_heaps_are_two_groups_and_a_shared_picture_splits() -> None:
    xy = np.array([[0.0, 0], [0.1, 0], [0.2, 0], [5.0, 0], [5.1, 0]])
    cost = by_distance(xy, 1.0)
    assert [g.tolist() for g in clustered(xy, 1.5, cost, sets(np.arange(5)), np.ones(5))] == [[0, 1, 2], [3, 4]]
    assert len(clustered(xy, 1.5, cost, sets(np.array([0, 1, 2, 3, 3])), np.ones(5))) == 3
