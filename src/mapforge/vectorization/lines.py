"""Nodes of one class become line elements with attributes and uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.polylines import arc_length, length
from mapforge.schemas.elements import BOUNDARY_TYPES, COLOURS, MARKING_TYPES, ElementClass
from mapforge.vectorization.dashes import joined_pieces
from mapforge.vectorization.line_nodes import LineNodes
from mapforge.vectorization.linking import Chain, chains_of
from mapforge.vectorization.smoothing import smooth, vertices_kept
from mapforge.vectorization.stretches import labelled_stretches, windowed_mean

Float = NDArray[np.float64]
_VOTES_AS_ONE = 8.0
_WRAP = 12
_BELIEF_REACH_M = 2.5
_END_REACH_M = 0.5
_DUPLICATE_M = 0.3
_SHORTEST_PIECE_M = 1.0
"""Shorter traces are not pieces of a line."""
_CLASSES_WITH_CORNERS = (ElementClass.ROAD_BOUNDARY,)


@dataclass(frozen=True, eq=False)
class TracedLine:
    """One line of one drive. xyz_map: (N, 3); sigma_m: (N,) across, of the observation alone."""

    element_class: ElementClass
    xyz_map: Float
    sigma_m: Float
    confidence: float
    attributes: dict[str, Any]


def traced_lines(
    nodes: LineNodes,
    element_class: ElementClass,
    p_low: float,
    p_high: float,
    link_reach_m: float,
    bridge_m: float,
    dash_gap_m: float,
    gap_m: float,
    min_length_m: float,
    smoothing_m: float,
    attribute_stretch_m: float,
    simplify_m: float,
    max_vertex_spacing_m: float,
    line_sigma_m: float,
    pauses: shapely.Geometry,
) -> list[TracedLine]:
    """Lines of one class, whole, sorted by their first vertex. pauses: over which pieces are not joined."""
    corners = element_class in _CLASSES_WITH_CORNERS
    chains = chains_of(nodes.xyz_map[:, :2], nodes.direction, link_reach_m, bridge_m, corners)
    believed = _believed(nodes, _without_duplicates(nodes, chains, min(min_length_m, _SHORTEST_PIECE_M)), p_low, p_high)
    if element_class is ElementClass.LANE_DIVIDER:
        nodes, believed = joined_pieces(nodes, believed, dash_gap_m, gap_m, pauses)
    lines: list[TracedLine] = []
    for chain in believed:
        members = nodes.take(chain.nodes)
        xyz, sigma = _smoothed(members, chain.closed, smoothing_m, line_sigma_m)
        if chain.closed:
            members = nodes.take(np.append(chain.nodes, chain.nodes[0]))
        if length(xyz) < min_length_m:
            continue
        for first, last, attributes in _attributed(members, xyz, element_class, attribute_stretch_m):
            part = slice(first, last + 1)
            kept = vertices_kept(xyz[part], simplify_m, max_vertex_spacing_m)
            confidence = _mean_along(members.p[part], xyz[part])
            lines.append(TracedLine(element_class, xyz[part][kept], sigma[part][kept], confidence, attributes))
    return sorted(lines, key=lambda line: (*line.xyz_map[0], *line.xyz_map[-1], len(line.xyz_map)))


def _believed(nodes: LineNodes, chains: list[Chain], p_low: float, p_high: float) -> list[Chain]:
    """Stretches of chains that stay likely over a few metres and are sure somewhere (hysteresis).

    They end where the line itself, and not only its surroundings, is likely.
    """
    believed, middle = [], (p_low + p_high) / 2
    for chain in chains:
        if len(chain.nodes) < 3:
            continue
        along, p = arc_length(nodes.xyz_map[chain.nodes]), nodes.p[chain.nodes]
        over_metres = windowed_mean(p, along, _BELIEF_REACH_M)
        likely = over_metres >= middle
        if likely.all() and over_metres.max() >= p_high and chain.closed:
            believed.append(chain)
            continue
        sure_here = np.flatnonzero(windowed_mean(p, along, _END_REACH_M) >= middle)
        for run in np.split(np.arange(len(p)), np.flatnonzero(np.diff(likely)) + 1):
            if not likely[run[0]] or over_metres[run].max() < p_high:
                continue
            within = sure_here[(sure_here >= run[0]) & (sure_here <= run[-1])]
            if len(within) and within[-1] - within[0] > 1:
                believed.append(Chain(chain.nodes[within[0] : within[-1] + 1], False))
    return believed


def _mean_along(values: Float, xyz: Float) -> float:
    """Mean over the length, not over the vertices."""
    if len(values) < 2:
        return float(values.mean())
    return float(np.average((values[1:] + values[:-1]) / 2, weights=np.maximum(np.diff(arc_length(xyz)), 1e-6)))


def _without_duplicates(nodes: LineNodes, chains: list[Chain], min_length_m: float) -> list[Chain]:
    """Chains less the stretches that run along a longer chain; leftovers shorter than asked are dropped."""
    if not chains:
        return []
    lengths = np.array([length(nodes.xyz_map[chain.nodes]) for chain in chains])
    rank = np.empty(len(chains), dtype=np.int64)
    rank[np.lexsort((np.arange(len(chains)), -lengths))] = np.arange(len(chains))
    of_node = np.concatenate([np.full(len(c.nodes), rank[k]) for k, c in enumerate(chains)])
    index = np.concatenate([chain.nodes for chain in chains])
    xy, direction = nodes.xyz_map[index, :2], nodes.direction[index]
    pairs = cKDTree(xy).query_pairs(0.5, output_type="ndarray")
    a, b = np.concatenate([pairs, pairs[:, ::-1]]).T
    delta = xy[b] - xy[a]
    across = np.abs(delta[:, 0] * direction[b, 1] - delta[:, 1] * direction[b, 0])
    similar = np.abs((direction[a] * direction[b]).sum(axis=1)) > np.cos(np.radians(30.0))
    covering = (of_node[b] < of_node[a]) & (across < _DUPLICATE_M) & similar
    covered = np.zeros(len(nodes), dtype=bool)
    covered[index[a[covering]]] = True
    return [part for chain in chains for part in _uncovered(chain, covered, nodes.xyz_map, min_length_m)]


def _uncovered(chain: Chain, covered: NDArray[np.bool_], xyz: Float, min_length_m: float) -> list[Chain]:
    hidden = covered[chain.nodes]
    if not hidden.any():
        return [chain]
    borders = np.flatnonzero(np.diff(hidden)) + 1
    runs = [run for run in np.split(np.arange(len(hidden)), borders) if not hidden[run[0]]]
    # a single covered node in the middle of a line is noise, not a second line
    parts: list[NDArray[np.int64]] = []
    for run in runs:
        if parts and run[0] - parts[-1][-1] <= 3:
            parts[-1] = np.arange(parts[-1][0], run[-1] + 1)
        else:
            parts.append(run)
    grown = [np.arange(max(run[0] - 1, 0), min(run[-1] + 2, len(hidden))) for run in parts]
    return [Chain(chain.nodes[run], False) for run in grown if length(xyz[chain.nodes[run]]) >= min_length_m]


def _smoothed(members: LineNodes, closed: bool, smoothing_m: float, line_sigma_m: float) -> tuple[Float, Float]:
    """Smooth vertices and their sigma; a closed line repeats its first vertex at the end."""
    sigma = np.sqrt(line_sigma_m**2 + members.scatter_m**2 * _VOTES_AS_ONE / np.maximum(members.votes, 1.0))
    weight = members.p / sigma**2
    if not closed:
        return smooth(members.xyz_map, weight, smoothing_m), sigma
    wrap = min(_WRAP, len(members))
    around = np.r_[-wrap:0, 0 : len(members), 0:wrap]
    xyz = smooth(members.xyz_map[around], weight[around], smoothing_m)[wrap:-wrap]
    return np.concatenate([xyz, xyz[:1]]), np.append(sigma, sigma[0])


def _attributed(
    members: LineNodes, xyz: Float, element_class: ElementClass, least_m: float
) -> list[tuple[int, int, dict[str, Any]]]:
    """Stretches of a line with the attributes of its class."""
    along = arc_length(xyz)
    if element_class is ElementClass.LANE_DIVIDER:
        joint = (members.marking[:, :, None] * members.colour[:, None, :]).reshape(len(members), -1)
        return [
            (first, last, {"marking_type": MARKING_TYPES[k // len(COLOURS)], "colour": COLOURS[k % len(COLOURS)]})
            for first, last, k in labelled_stretches(joint, along, least_m)
        ]
    if element_class is ElementClass.ROAD_BOUNDARY:
        scores = np.stack([members.p_curb, 1.0 - members.p_curb], axis=1)
        return [
            (first, last, {"boundary_type": BOUNDARY_TYPES[k]})
            for first, last, k in labelled_stretches(scores, along, least_m)
        ]
    return [(0, len(xyz) - 1, {})]
