"""Arrows and letters on the road are no lane dividers: they stand alone, and lie in the middle of a lane."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.fusion.pieces import Piece
from mapforge.geometry.polylines import length

Float = NDArray[np.float64]

_TOUCHING_M = 0.05
_BESIDE_M, _MOSTLY = 0.5, 0.7
_SPACING_M = 1.0
_MIDDLE = 1.5
"""In the middle of a lane one side is at most so many times as far as the other."""


def without_symbols(
    pieces: list[Piece], boundaries: list[Piece], least_m: float, symbol_m: float, lanes_m: float, level_m: float
) -> list[Piece]:
    """Of lane dividers those long enough, and short ones that go on in another.

    A short branch that hardly leaves the line it touches is that line once more. A line alone, no longer than
    `symbol_m`, in the middle between two longer lines or road boundaries no further than `lanes_m` from each other
    leaves no room for a lane on either side. level_m: lines further above or below are of other roads.
    """
    if not pieces:
        return []
    lines, borders = (np.array([_line_of(piece) for piece in own], dtype=object) for own in (pieces, boundaries))
    lengths = np.array([length(piece.xyz_map) for piece in pieces])
    alone = ~_goes_on(lines)
    symbols = alone & (lengths < least_m)
    for k in np.flatnonzero(alone & ~symbols & (lengths <= symbol_m)):
        others = [piece for piece, longer in zip(pieces, lengths > lengths[k]) if longer] + boundaries
        beside = np.array([_is_level(pieces[k], other, level_m) for other in others], dtype=bool)
        around = np.concatenate([lines[lengths > lengths[k]], borders])
        symbols[k] = _fills_a_lane(lines[k], around[beside], lanes_m)
    return [piece for piece, symbol in zip(pieces, symbols) if not symbol]


def _line_of(piece: Piece) -> shapely.LineString:
    return shapely.LineString(piece.xyz_map[:, :2])


def _is_level(piece: Piece, other: Piece, level_m: float) -> bool:
    """Whether another line is at a line's height where it comes nearest to its middle."""
    middle = piece.xyz_map[len(piece.xyz_map) // 2]
    nearest = np.linalg.norm(other.xyz_map[:, :2] - middle[:2], axis=1).argmin()
    return bool(abs(other.xyz_map[nearest, 2] - middle[2]) <= level_m)


def _goes_on(lines: NDArray) -> NDArray[np.bool_]:
    """(N,) whether an end touches another line that it does not run along."""
    ends = shapely.get_point(np.repeat(lines, 2), np.tile([0, -1], len(lines)))
    end, line = shapely.STRtree(lines).query(ends, predicate="dwithin", distance=_TOUCHING_M)
    apart = end // 2 != line
    out = np.zeros(len(lines), dtype=bool)
    for short, other in zip(end[apart] // 2, line[apart]):
        beside_m = shapely.intersection(lines[short], shapely.buffer(lines[other], _BESIDE_M)).length
        out[short] |= beside_m < _MOSTLY * lines[short].length
    return out


def _fills_a_lane(line: shapely.LineString, others: NDArray, lanes_m: float) -> bool:
    """Whether most of a line runs in the middle between lines no further than `lanes_m` from each other."""
    count = max(3, round(line.length / _SPACING_M))
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, np.linspace(0, 1, count), normalized=True))
    step = np.gradient(points, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    left, right = (_clearance(points, side * normal, others, lanes_m) for side in (1.0, -1.0))
    middle = np.maximum(left, right) < _MIDDLE * np.minimum(left, right)
    return bool(np.mean(middle & (left + right < lanes_m)) > _MOSTLY)


def _clearance(points: Float, direction: Float, others: NDArray, reach_m: float) -> Float:
    """(N,) way from points (N, 2) along unit directions to the nearest line, infinite from `reach_m` on."""
    rays = shapely.linestrings(np.stack([points, points + reach_m * direction], axis=1))
    ray, other = shapely.STRtree(others).query(rays, predicate="intersects")
    distance = shapely.distance(shapely.points(points[ray]), shapely.intersection(rays[ray], others[other]))
    out = np.full(len(points), np.inf)
    np.minimum.at(out, ray, distance)
    return out
