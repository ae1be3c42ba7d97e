"""Nodes to chains: each node links forward and backward to the neighbour that best continues its line.

After Steger's line linking (1998), with mutual choice instead of a walk, so that no order of nodes matters. A node
has two ports, 0 ahead of its direction and 1 behind; half-edge 2 i + port. `links[h]` is the half-edge it is joined
to, -1 when free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_END_REACH_M = 1.5
_CORNER_REACH_M = 0.6


@dataclass(frozen=True)
class Chain:
    """Nodes of one line in order. nodes: (N,) indices; closed: the last joins the first."""

    nodes: Index
    closed: bool


def chains_of(xy: Float, direction: Float, link_reach_m: float, bridge_m: float, corners: bool) -> list[Chain]:
    """Ordered chains of at least two nodes.

    xy: (N, 2); direction: (N, 2) unit, sign free. link_reach_m: longest step; bridge_m: longest gap between two ends
    that continue each other. corners: ends that touch are joined at any angle (curbs turn sharply, paint does not).
    """
    if len(xy) < 2:
        return []
    links = _neighbour_links(xy, direction, link_reach_m)
    for reach, strict in ((bridge_m / 2, True), (bridge_m, True), (_CORNER_REACH_M, False)):
        if strict or corners:
            links = _bridge(xy, links, reach, strict)
    return _ordered(links)


def _neighbour_links(xy: Float, direction: Float, reach_m: float) -> Index:
    """Mutually best links among close nodes."""
    pairs = cKDTree(xy).query_pairs(reach_m, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).T
    delta = xy[j] - xy[i]
    distance = np.maximum(np.linalg.norm(delta, axis=1), 1e-9)
    along_i = (delta * direction[i]).sum(axis=1)
    along_j = -(delta * direction[j]).sum(axis=1)
    turn_i = np.arccos(np.clip(np.abs(along_i) / distance, 0.0, 1.0))
    turn_j = np.arccos(np.clip(np.abs(along_j) / distance, 0.0, 1.0))
    between = np.arccos(np.clip(np.abs((direction[i] * direction[j]).sum(axis=1)), 0.0, 1.0))
    # a close neighbour may lie a few centimetres aside, which is a large angle: judge by offset as well
    aside = np.maximum(np.abs(np.sin(turn_i)), np.abs(np.sin(turn_j))) * distance
    fits = (np.maximum(turn_i, turn_j) < np.radians(40.0)) | (aside < 0.08)
    fits &= between < np.radians(45.0)
    # the other must be left through the port that faces back
    cost = distance * (1.0 + 1.5 * (turn_i + turn_j) + between)
    a = 2 * i + (along_i < 0)
    b = 2 * j + (along_j < 0)
    a, b, cost = a[fits], b[fits], cost[fits]
    return _mutual_best(a, b, cost, 2 * len(xy))


def _mutual_best(a: Index, b: Index, cost: Float, count: int) -> Index:
    """links where half-edge a's cheapest is b and b's cheapest is a; ties go to the lower index."""
    order = np.lexsort((b, cost, a))
    first = np.ones(len(order), dtype=bool)
    first[1:] = a[order][1:] != a[order][:-1]
    best = np.full(count, -1, dtype=np.int64)
    best[a[order][first]] = b[order][first]
    chosen = np.flatnonzero(best >= 0)
    mutual = chosen[best[best[chosen]] == chosen]
    links = np.full(count, -1, dtype=np.int64)
    links[mutual] = best[mutual]
    return links


def _bridge(xy: Float, links: Index, reach_m: float, strict: bool) -> Index:
    """Joins free ends of chains, cheapest first. strict: both ends must point at each other."""
    ends, outward, chain = _free_ends(xy, links)
    if len(ends) < 2:
        return links
    where = xy[ends // 2]
    pairs = cKDTree(where).query_pairs(reach_m, output_type="ndarray")
    e, f = pairs[:, 0], pairs[:, 1]
    delta = where[f] - where[e]
    distance = np.maximum(np.linalg.norm(delta, axis=1), 1e-9)
    turn_e = np.arccos(np.clip((delta * outward[e]).sum(axis=1) / distance, -1.0, 1.0))
    turn_f = np.arccos(np.clip(-(delta * outward[f]).sum(axis=1) / distance, -1.0, 1.0))
    between = np.arccos(np.clip(-(outward[e] * outward[f]).sum(axis=1), -1.0, 1.0))
    if strict:
        # at a few decimetres the bearing says little; two ends may also overlap a little
        slack = np.radians(25.0) + np.arctan2(0.15, distance)
        fits = (np.maximum(turn_e, turn_f) < slack) & (between < np.radians(40.0))
    else:
        fits = (between < np.radians(120.0)) & (chain[e] != chain[f])
    cost = distance * (1.0 + turn_e + turn_f + between)
    order = np.lexsort((f, e, cost))
    links = links.copy()
    for k in order[fits[order]]:
        a, b = ends[e[k]], ends[f[k]]
        if links[a] < 0 and links[b] < 0:
            links[a], links[b] = b, a
    return links


def _free_ends(xy: Float, links: Index) -> tuple[Index, Float, Index]:
    """Free half-edges of chains' end nodes, the (M, 2) directions they point out to, and their chain's number."""
    ends, directions, numbers = [], [], []
    for number, chain in enumerate(_ordered(links)):
        if chain.closed:
            continue
        points = xy[chain.nodes]
        for node, run in ((chain.nodes[0], points[::-1]), (chain.nodes[-1], points)):
            port = 2 * node if links[2 * node] < 0 else 2 * node + 1
            away = np.linalg.norm(run - run[-1], axis=1)
            base = run[np.flatnonzero(away >= min(_END_REACH_M, away.max()) - 1e-9)[-1]]
            step = run[-1] - base
            ends.append(port)
            directions.append(step / max(float(np.linalg.norm(step)), 1e-9))
            numbers.append(number)
    if not ends:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    return np.array(ends, dtype=np.int64), np.array(directions), np.array(numbers, dtype=np.int64)


def _ordered(links: Index) -> list[Chain]:
    """Chains by pointer doubling: leaving a node by h arrives at links[h] and goes on by that node's other port."""
    count = len(links) // 2
    linked = np.flatnonzero(links >= 0)
    graph = coo_matrix((np.ones(len(linked)), (linked // 2, links[linked] // 2)), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    degree = (links.reshape(-1, 2) >= 0).sum(axis=1)
    has_end = np.zeros(label.max() + 1, dtype=bool)
    has_end[label[degree < 2]] = True
    cut = links.copy()
    loops = np.flatnonzero(~has_end[label])
    _, first = np.unique(label[loops], return_index=True)
    opened = 2 * loops[first]
    cut[cut[opened]] = -1
    cut[opened] = -1
    last, hops = _walk_to_end(cut)
    # each node lies on two walks; keep the one that ends at the chain's higher end
    forward = np.where(last[0::2] // 2 >= last[1::2] // 2, 0, 1)
    state = 2 * np.arange(count) + forward
    member = np.flatnonzero(degree > 0)
    order = member[np.lexsort((-hops[state[member]], label[member]))]
    borders = np.flatnonzero(np.diff(label[order])) + 1
    closed = ~has_end
    return [Chain(nodes, bool(closed[label[nodes[0]]])) for nodes in np.split(order, borders) if len(nodes) > 1]


def _walk_to_end(links: Index) -> tuple[Index, Index]:
    """For every half-edge the last half-edge of the walk that leaves through it, and the number of steps there."""
    jump = np.arange(len(links))
    linked = links >= 0
    jump[linked] = links[linked] ^ 1
    hops = linked.astype(np.int64)
    while True:
        further = jump[jump]
        if np.array_equal(further, jump):
            return jump, hops
        hops = hops + hops[jump]
        jump = further
