"""Dashes of one line are one line: pieces that continue each other over an unpainted gap are joined.

Perceptual grouping by good continuation, as classical lane mappers do it: both ends must point at each other. Dashes
are joined over long gaps, other pieces over what a shadow or a patch hides; every end is joined at most once, the
closest and straightest pairs first. A line of dashes has a rhythm (`dash_rhythm`): where it misses more beats than its
dashes are missed elsewhere, the paint itself pauses, as over a junction, and one line ends and another begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.polylines import length
from mapforge.schemas.elements import MARKING_TYPES
from mapforge.vectorization.dash_rhythm import DashRow, pauses_of
from mapforge.vectorization.line_nodes import LineNodes
from mapforge.vectorization.linking import Chain

Float = NDArray[np.float64]
Index = NDArray[np.int64]

DASHED_TYPES = ("dashed", "double_dashed", "botts_dots")

_TANGENT_REACH_M = 3.0
_TURN_RAD = np.radians(4.5)
_ASIDE_M = 0.12
"""An end may point past the other by this, and by the turn on top of it: pieces are found to centimetres."""
_BETWEEN_RAD = np.radians(10.0)
_FILL_STEP_M = 1.0
_LONG_PIECE_M = 8.0
_LEAST_TANGENT_M = 0.8


@dataclass(frozen=True, eq=False)
class _Ends:
    """Two rows a piece, its first and its last end. xy: (2C, 2); outward: (2C, 2) unit."""

    xy: Float
    outward: Float


def joined_pieces(
    nodes: LineNodes, chains: list[Chain], dash_gap_m: float, gap_m: float, pauses: shapely.Geometry
) -> tuple[LineNodes, list[Chain]]:
    """Nodes, with those that fill the gaps behind the others, and chains, those of one line as one.

    dash_gap_m: longest gap between dashes. gap_m: the same between other pieces. pauses: over which no line goes on
    (pedestrian crossings).
    """
    pieces = [chain for chain in chains if not chain.closed]
    if len(pieces) < 2:
        return nodes, chains
    dashed = np.array([_is_dashed(nodes, chain) for chain in pieces])
    partner = _partners(_ends(nodes, pieces), dashed, dash_gap_m, gap_m, pauses)
    if not (partner >= 0).any():
        return nodes, chains
    parts, count = [nodes], len(nodes)
    joined = [chain for chain in chains if chain.closed]
    walks = _walks(partner)
    rows = [_row(walk, pieces, dashed, nodes) for walk in walks]
    painted = []
    for walk, pausing in zip(walks, pauses_of(rows, gap_m)):
        if _is_line([pieces[piece] for piece, _ in walk], nodes):
            painted += _cut(walk, pausing)
        else:
            joined += [pieces[piece] for piece, _ in walk]
    for walk in painted:
        members: list[Index] = []
        for position, (piece, is_reversed) in enumerate(walk):
            own = _members(pieces[piece], is_reversed)
            if position:
                fill = _filled(nodes, members[-1], own)
                parts.append(fill)
                members.append(np.arange(count, count + len(fill)))
                count += len(fill)
            members.append(own)
        joined.append(Chain(np.concatenate(members), False))
    return LineNodes.concatenate(parts), joined


def _row(walk: list[tuple[int, bool]], pieces: list[Chain], dashed: NDArray[np.bool_], nodes: LineNodes) -> DashRow:
    runs = [nodes.xyz_map[_members(pieces[piece], is_reversed), :2] for piece, is_reversed in walk]
    gaps = [np.linalg.norm(after[0] - before[-1]) for before, after in pairwise(runs)]
    kinds = dashed[[piece for piece, _ in walk]]
    return DashRow(np.array([length(run) for run in runs]), np.array(gaps), kinds[1:] & kinds[:-1])


def _members(piece: Chain, is_reversed: bool) -> Index:
    return piece.nodes[::-1] if is_reversed else piece.nodes


def _cut(walk: list[tuple[int, bool]], pausing: NDArray[np.bool_]) -> list[list[tuple[int, bool]]]:
    """The walk in parts, cut where its paint pauses. pausing: (pieces - 1,)."""
    borders = [0, *(np.flatnonzero(pausing) + 1).tolist(), len(walk)]
    return [walk[start:end] for start, end in pairwise(borders)]


def _is_line(pieces: list[Chain], nodes: LineNodes) -> bool:
    """Two short marks in a row may be arrows in the middle of a lane; a third, or a long one, says line."""
    return len(pieces) != 2 or max(length(nodes.xyz_map[piece.nodes]) for piece in pieces) >= _LONG_PIECE_M


def _is_dashed(nodes: LineNodes, chain: Chain) -> bool:
    votes = nodes.marking[chain.nodes].sum(axis=0)
    return MARKING_TYPES[int(votes.argmax())] in DASHED_TYPES


def _ends(nodes: LineNodes, chains: list[Chain]) -> _Ends:
    rows = [_end(nodes.xyz_map[run, :2]) for chain in chains for run in (chain.nodes[::-1], chain.nodes)]
    return _Ends(np.array([xy for xy, _ in rows]), np.array([outward for _, outward in rows]))


def _end(run: Float) -> tuple[Float, Float]:
    """Place and outward direction of the last end of a run of points."""
    away = np.linalg.norm(run - run[-1], axis=1)
    near = run[away <= _TANGENT_REACH_M]
    if np.ptp(away[away <= _TANGENT_REACH_M]) < _LEAST_TANGENT_M:
        return run[-1], np.zeros(2)
    centred = near - near.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    sign = 1.0 if (run[-1] - run[0]) @ direction >= 0 else -1.0
    return run[-1], sign * direction


def _partners(
    ends: _Ends, dashed: NDArray[np.bool_], dash_gap_m: float, gap_m: float, pauses: shapely.Geometry
) -> Index:
    """(2C,) the end that each end is joined to, -1 = none. dashed: (C,)."""
    pairs = cKDTree(ends.xy).query_pairs(max(dash_gap_m, gap_m), output_type="ndarray")
    partner = np.full(len(ends.xy), -1, dtype=np.int64)
    if not len(pairs):
        return partner
    a, b = pairs[pairs[:, 0] // 2 != pairs[:, 1] // 2].T
    delta = ends.xy[b] - ends.xy[a]
    distance = np.maximum(np.linalg.norm(delta, axis=1), 1e-6)
    along_a = (delta * ends.outward[a]).sum(axis=1) / distance
    along_b = -(delta * ends.outward[b]).sum(axis=1) / distance
    turn = np.maximum(*(np.arccos(np.clip(along, -1.0, 1.0)) for along in (along_a, along_b)))
    between = np.arccos(np.clip(-(ends.outward[a] * ends.outward[b]).sum(axis=1), -1.0, 1.0))
    fits = (turn < _TURN_RAD + np.arctan2(_ASIDE_M, distance)) & (between < _BETWEEN_RAD)
    fits &= distance <= np.where(dashed[a // 2] & dashed[b // 2], dash_gap_m, gap_m)
    fits[fits] = ~shapely.intersects(shapely.linestrings(ends.xy[np.column_stack([a[fits], b[fits]])]), pauses)
    a, b, cost = a[fits], b[fits], (distance * (1.0 + 5.0 * turn))[fits]
    for k in np.lexsort((b, a, cost)):
        if partner[a[k]] < 0 and partner[b[k]] < 0 and not _closes(partner, int(a[k]), int(b[k])):
            partner[a[k]], partner[b[k]] = b[k], a[k]
    return partner


def _closes(partner: Index, a: int, b: int) -> bool:
    """Whether joining two ends would make a ring: b is the far end of a's line already."""
    end = a ^ 1
    while partner[end] >= 0:
        end = int(partner[end]) ^ 1
    return end == b


def _walks(partner: Index) -> list[list[tuple[int, bool]]]:
    """Lines as pieces in order, each with whether it is walked backwards; single pieces too."""
    walks, done = [], np.zeros(len(partner) // 2, dtype=bool)
    for start in np.flatnonzero(partner < 0):
        if done[start // 2]:
            continue
        walk, entered = [], int(start)
        while True:
            piece = entered // 2
            done[piece] = True
            walk.append((piece, entered % 2 == 1))
            follower = int(partner[entered ^ 1])
            if follower < 0:
                break
            entered = follower
        walks.append(walk)
    return walks


def _filled(nodes: LineNodes, before: Index, after: Index) -> LineNodes:
    """Nodes over the gap between two runs, on the cubic that leaves and meets them along their directions."""
    start, leaving = _end(nodes.xyz_map[before, :2])
    end, meeting = _end(nodes.xyz_map[after[::-1], :2])
    gap_m = float(np.linalg.norm(end - start))
    share = np.arange(1, max(int(np.ceil(gap_m / _FILL_STEP_M)), 2)) / max(int(np.ceil(gap_m / _FILL_STEP_M)), 2)
    t = share[:, None]
    hermite = ((2 * t + 1) * start + t * gap_m * leaving) * (1 - t) ** 2
    hermite = hermite + ((3 - 2 * t) * end + (1 - t) * gap_m * meeting) * t**2
    z_start, z_end = nodes.xyz_map[before[-1], 2], nodes.xyz_map[after[0], 2]
    tangent = np.gradient(np.concatenate([[start], hermite, [end]]), axis=0)[1:-1]
    sides = [nodes.take(before), nodes.take(after)]
    weaker = min(sides, key=lambda side: float(side.p.mean()))
    each = np.ones(len(share))
    return LineNodes(
        xyz_map=np.column_stack([hermite, z_start + share * (z_end - z_start)]),
        direction=tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9),
        p=each * float(weaker.p.mean()),
        scatter_m=each * max(float(side.scatter_m.mean()) for side in sides),
        votes=each,
        marking=each[:, None] * np.mean([side.marking.mean(axis=0) for side in sides], axis=0),
        colour=each[:, None] * np.mean([side.colour.mean(axis=0) for side in sides], axis=0),
        p_curb=each * float(weaker.p_curb.mean()),
    )
