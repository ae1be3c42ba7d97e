"""Which observations are of one and the same thing: clusters that never hold two of what cannot be one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Float = NDArray[np.float64]
Index = NDArray[np.int64]

Cost = Callable[[Index, Index], Float]
"""Of pairs (i, j): how unlike they are; what costs 1 or more is never one thing."""


def clustered(xy_map: Float, reach_m: float, cost: Cost, apart: Sequence[frozenset[int]], size: Float) -> list[Index]:
    """Groups of observations, each sorted, in the order of their first member.

    Average linkage, cheapest pair first, under constraints (Davidson and Ravi 2005): two members of a group never share
    a number of `apart`, one set an observation (what one camera frame shows twice is two things). xy_map: (N, 2);
    pairs further apart than reach_m are not looked at. size: (N,) weight of each observation in its group.
    """
    count = len(xy_map)
    if count == 0:
        return []
    pairs = cKDTree(xy_map).query_pairs(reach_m, output_type="ndarray").astype(np.int64).reshape(-1, 2)
    i, j = pairs[:, 0], pairs[:, 1]
    costs = np.minimum(cost(i, j), 1.0) if len(pairs) else np.zeros(0)
    near = costs < 1.0
    graph = coo_array((np.ones(near.sum()), (i[near], j[near])), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    groups: list[Index] = []
    for rows in _rows_by_number(component):
        if len(rows) == 1:
            groups.append(rows)
            continue
        inside = component[i] == component[rows[0]]
        inside &= component[i] == component[j]
        table = np.ones((len(rows), len(rows)))
        a, b = np.searchsorted(rows, i[inside]), np.searchsorted(rows, j[inside])
        table[a, b] = table[b, a] = costs[inside]
        table[_conflicts([apart[k] for k in rows])] = np.inf
        groups += [rows[group] for group in _linked(table, size[rows])]
    return sorted(groups, key=lambda group: int(group[0]))


def _conflicts(apart: Sequence[frozenset[int]]) -> NDArray[np.bool_]:
    """(N, N) pairs that share a number."""
    numbers = np.unique(np.array([number for own in apart for number in own], dtype=np.int64))
    owner = np.repeat(np.arange(len(apart)), [len(own) for own in apart])
    column = np.searchsorted(numbers, np.array([number for own in apart for number in own], dtype=np.int64))
    has = np.zeros((len(apart), len(numbers)), dtype=np.float32)
    has[owner, column] = 1.0
    return np.asarray(has @ has.T > 0)


def _rows_by_number(number: NDArray[np.integer]) -> list[Index]:
    """Indices of each number, sorted."""
    order = np.argsort(number, kind="stable")
    return [np.asarray(rows) for rows in np.split(order, np.flatnonzero(np.diff(number[order])) + 1)]


def _linked(costs: Float, size: Float) -> list[Index]:
    """Average linkage of (N, N) costs until the cheapest pair costs 1; infinite costs are never averaged away."""
    count = len(costs)
    members = [[k] for k in range(count)]
    alive, weight = np.ones(count, dtype=bool), size.astype(np.float64)
    np.fill_diagonal(costs, np.inf)
    while True:
        a, b = sorted(divmod(int(costs.argmin()), count))
        if not costs[a, b] < 1.0:
            return [np.array(sorted(members[k]), dtype=np.int64) for k in np.flatnonzero(alive)]
        total = weight[a] + weight[b]
        merged = (weight[a] * costs[a] + weight[b] * costs[b]) / total
        costs[a], costs[:, a] = merged, merged
        costs[b], costs[:, b], costs[a, a] = np.inf, np.inf, np.inf
        weight[a], alive[b] = total, False
        members[a] += members[b]
