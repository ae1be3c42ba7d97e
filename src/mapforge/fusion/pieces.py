"""Runs of fused samples become whole lines: ends that meet are joined, branches end on their stem."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.polylines import arc_length, first_loop, length

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_FACING_COS = np.cos(np.radians(45.0))
_STRAIGHT_RAD = np.radians(2.0)
_BESIDE_M = 0.35
_LEVEL_M = 1.0
"""Ends further above or below each other are of different roads."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A run of fused vertices. xyz_map: (N, 3); values: (N, K) what is carried along a vertex; keep: (N,) bool,
    vertices that must not be left out; label: its attributes; priority: lower wins where ends meet."""

    xyz_map: Float
    values: Float
    keep: NDArray[np.bool_]
    label: int
    priority: tuple[int, int]

    def reversed(self) -> Piece:
        return replace(self, xyz_map=self.xyz_map[::-1], values=self.values[::-1], keep=self.keep[::-1])

    def outward(self, last: bool) -> Float:
        """Unit direction out of an end, over about a metre."""
        run = self.xyz_map[::-1, :2] if last else self.xyz_map[:, :2]
        step = run[0] - run[min(2, len(run) - 1)]
        return np.asarray(step / max(float(np.linalg.norm(step)), 1e-9))


def piece_of(xyz: Float, values: Float, station: Index, label: int, line_priority: int) -> Piece:
    """Every second station is kept, and all where the line bends: a rule that needs only a vertex's neighbours."""
    keep = station % 2 == 0
    keep[[0, -1]] = True
    if len(xyz) > 2:
        step = np.diff(xyz[:, :2], axis=0)
        turn = np.abs(
            np.arctan2(step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0], (step[:-1] * step[1:]).sum(axis=1))
        )
        keep[1:-1] |= turn > _STRAIGHT_RAD
    return Piece(xyz, values, keep, label, (line_priority, int(station[0])))


def unlooped(piece: Piece, most_m: float) -> Piece:
    """The piece without loops shorter than `most_m`, which two nearly equal lines leave where they swap sides."""
    along = arc_length(piece.xyz_map)
    loop = first_loop(piece.xyz_map)
    while loop is not None and along[loop[1]] - along[loop[0]] < most_m:
        stays = np.ones(len(piece.xyz_map), dtype=bool)
        stays[loop[0] + 1 : loop[1] + 1] = False
        piece = replace(piece, xyz_map=piece.xyz_map[stays], values=piece.values[stays], keep=piece.keep[stays])
        along = arc_length(piece.xyz_map)
        loop = first_loop(piece.xyz_map)
    return piece


def joined(pieces: list[Piece], join_m: float, branch_m: float) -> list[Piece]:
    """Lines from pieces: facing ends within `join_m` meet in one vertex and, with one label, become one line; other
    ends within `branch_m` of a line's side end on it."""
    pieces = sorted(pieces, key=lambda piece: piece.priority)
    met = _meeting_ends(pieces, join_m)
    for higher, lower in met:
        pieces[lower[0]] = _extended(pieces[lower[0]], lower[1], pieces[higher[0]], higher[1])
    taken = {end for pair in met for end in pair}
    pieces = _branches_attached(pieces, taken, branch_m)
    return _merged(pieces, met)


End = tuple[int, bool]


def _meeting_ends(pieces: list[Piece], join_m: float) -> list[tuple[End, End]]:
    """Pairs of ends (piece, is it the last vertex), the end of higher priority first; each end at most once."""
    ends = [(k, last) for k in range(len(pieces)) for last in (False, True)]
    if len(ends) < 2:
        return []
    vertex = np.array([pieces[k].xyz_map[-1 if last else 0] for k, last in ends])
    where = vertex[:, :2]
    outward = np.array([pieces[k].outward(last) for k, last in ends])
    pairs = cKDTree(where).query_pairs(join_m, output_type="ndarray")
    e, f = pairs[:, 0], pairs[:, 1]
    delta = where[f] - where[e]
    distance = np.linalg.norm(delta, axis=1)
    facing = -(outward[e] * outward[f]).sum(axis=1)
    bearing = np.minimum((delta * outward[e]).sum(axis=1), -(delta * outward[f]).sum(axis=1))
    fits = (facing > _FACING_COS) & ((bearing > _FACING_COS * distance) | (distance < 0.35)) & (e // 2 != f // 2)
    touching = distance < 1e-6
    fits |= touching & (facing > 0)
    fits &= np.abs(vertex[e, 2] - vertex[f, 2]) <= _LEVEL_M
    cost = distance + 0.5 * (1.0 - facing)
    used: set[int] = set()
    met = []
    for k in np.lexsort((f, e, cost)):
        if fits[k] and not {int(e[k]), int(f[k])} & used:
            used |= {int(e[k]), int(f[k])}
            met.append((ends[int(e[k])], ends[int(f[k])]))
    return met


def _extended(lower: Piece, last: bool, higher: Piece, higher_last: bool) -> Piece:
    """`lower` led to the end vertex of `higher`; a vertex of it that lies beyond is left out."""
    target, values = higher.xyz_map[-1 if higher_last else 0], higher.values[-1 if higher_last else 0]
    piece = lower if last else lower.reversed()
    step = target[:2] - piece.xyz_map[-1, :2]
    if float(step @ piece.outward(True)) < 0.1 and len(piece.xyz_map) > 1:
        piece = replace(piece, xyz_map=piece.xyz_map[:-1], values=piece.values[:-1], keep=piece.keep[:-1])
    piece = replace(
        piece,
        xyz_map=np.vstack([piece.xyz_map, target]),
        values=np.vstack([piece.values, values]),
        keep=np.append(piece.keep, True),
    )
    return piece if last else piece.reversed()


def _branches_attached(pieces: list[Piece], taken: set[End], branch_m: float) -> list[Piece]:
    """Free ends close to the side of another line, leaving it at an acute angle, are led onto it."""
    lines = [shapely.LineString(piece.xyz_map) for piece in pieces]
    tree = shapely.STRtree(lines)
    out = list(pieces)
    for k, piece in enumerate(pieces):
        for last in (False, True):
            if (k, last) in taken:
                continue
            end = piece.xyz_map[-1 if last else 0]
            ray = shapely.LineString([end[:2], end[:2] + branch_m * piece.outward(last)])
            hits = [int(h) for h in tree.query(ray.buffer(0.3)) if h != k]
            foot = _stem_foot(lines, hits, ray, branch_m)
            if foot is not None and abs(foot[2] - end[2]) <= _LEVEL_M:
                stem = Piece(foot[None], piece.values[[-1 if last else 0]], np.array([True]), 0, (0, 0))
                out[k] = _extended(out[k], last, stem, True)
    return out


def _stem_foot(
    lines: list[shapely.LineString], hits: list[int], ray: shapely.LineString, branch_m: float
) -> Float | None:
    """Where a branch meets its stem: on the ray if they cross, else beside its end; None without a stem."""
    start = shapely.Point(ray.coords[0])
    feet = []
    for hit in sorted(hits):
        crossing = shapely.get_coordinates(shapely.intersection(ray, shapely.force_2d(lines[hit])))
        if len(crossing) == 0 and start.distance(lines[hit]) > _BESIDE_M:
            continue
        at = lines[hit].project(shapely.Point(crossing[0]) if len(crossing) else start)
        foot = np.asarray(lines[hit].interpolate(at).coords[0])
        feet.append((float(np.hypot(foot[0] - start.x, foot[1] - start.y)), foot))
    distance, nearest = min(feet, key=lambda pair: pair[0], default=(np.inf, None))
    return nearest if distance <= branch_m else None


def _merged(pieces: list[Piece], met: list[tuple[End, End]]) -> list[Piece]:
    """Pieces of one label that share an end vertex made one, in the direction of the first of highest priority."""
    partner: dict[End, End] = {}
    for a, b in met:
        if pieces[a[0]].label == pieces[b[0]].label and a[0] != b[0]:
            partner[a], partner[b] = b, a
    done: set[int] = set()
    out = []
    for k in range(len(pieces)):
        if k in done:
            continue
        start = _first_of_chain((k, False), partner)
        out.append(_followed(pieces, start, partner, done))
    return out


def _first_of_chain(end: End, partner: dict[End, End]) -> End:
    """The end from which the chain through `end` starts; on a ring, `end` itself."""
    origin = end
    while end in partner:
        k, last = partner[end]
        end = (k, not last)
        if end == origin:
            return origin
    return end


def _followed(pieces: list[Piece], start: End, partner: dict[End, End], done: set[int]) -> Piece:
    parts: list[Piece] = []
    end: End | None = start
    while end is not None and end[0] not in done:
        k, entered_last = end
        done.add(k)
        parts.append(pieces[k].reversed() if entered_last else pieces[k])
        end = partner.get((k, not entered_last))
    first = parts[0]
    return replace(
        first,
        xyz_map=np.vstack([first.xyz_map, *(part.xyz_map[1:] for part in parts[1:])]),
        values=np.vstack([first.values, *(part.values[1:] for part in parts[1:])]),
        keep=np.concatenate([first.keep, *(part.keep[1:] for part in parts[1:])]),
        priority=min(part.priority for part in parts),
    )


def thinned(piece: Piece) -> Piece:
    """The piece with the vertices that must be kept."""
    keep = piece.keep
    return replace(piece, xyz_map=piece.xyz_map[keep], values=piece.values[keep], keep=keep[keep])


def clipped(piece: Piece, bounds_m: tuple[float, float, float, float]) -> list[Piece]:
    """The parts inside the bounds; a vertex is put exactly on each border that is crossed."""
    xyz, values = piece.xyz_map, piece.values
    for axis, borders in ((0, bounds_m[0::2]), (1, bounds_m[1::2])):
        for border in borders:
            xyz, values = _with_crossings(xyz, values, axis, border)
    middle = (xyz[:-1, :2] + xyz[1:, :2]) / 2
    xmin, ymin, xmax, ymax = bounds_m
    inside = (middle[:, 0] >= xmin) & (middle[:, 0] < xmax) & (middle[:, 1] >= ymin) & (middle[:, 1] < ymax)
    edges = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    return [
        replace(piece, xyz_map=xyz[a : b + 1], values=values[a : b + 1], keep=np.ones(b + 1 - a, dtype=bool))
        for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))
        if length(xyz[a : b + 1]) > 1e-3
    ]


def _with_crossings(xyz: Float, values: Float, axis: int, border: float) -> tuple[Float, Float]:
    """Vertices added where segments cross coordinate[axis] = border; the same whichever way the line runs."""
    a, b = xyz[:-1, axis], xyz[1:, axis]
    crossing = np.flatnonzero((a - border) * (b - border) < 0.0)
    if len(crossing) == 0:
        return xyz, values
    both = np.hstack([xyz, values])
    low = np.where((a < b)[crossing, None], both[crossing], both[crossing + 1])
    high = np.where((a < b)[crossing, None], both[crossing + 1], both[crossing])
    share = (border - low[:, axis]) / (high[:, axis] - low[:, axis])
    made = low + share[:, None] * (high - low)
    made[:, axis] = border
    out = np.insert(both, crossing + 1, made, axis=0)
    return out[:, :3], out[:, 3:]
