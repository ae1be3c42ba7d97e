"""Which element of one map is which of another, told by where they are.

Lines share the length that runs within reach of the other and along it, polygons share area, points are shared or not.
What is nearer counts more, so that of two parallel lines each finds its own. Shares of pieces add up to those of whole
elements, so that elements of any length are compared tile by tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.metrics.stations import SegmentIndex, stations_along

Float = NDArray[np.float64]
Index = NDArray[np.int64]

SPACING_M = 0.5
_LARGEST_SINE = np.sin(np.radians(45.0))
"""Lines that cross at more than this share nothing."""
_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Shares:
    """Pairs that have something in common. new, old: (P,) indices. shared: (P,) metres, square metres or 1, at most the

    size of either; weight: (P,) the same, less the further they are apart.
    """

    new: Index
    old: Index
    shared: Float
    weight: Float


def sizes(geometries: Sequence[shapely.Geometry]) -> Float:
    """(N,) what `Shares.shared` is a part of: horizontal length of lines, area of polygons, 1 for points."""
    shapes = np.array(geometries, dtype=object)
    dimension = shapely.get_dimensions(shapes)
    size = np.where(dimension == 1, shapely.length(shapes), shapely.area(shapes))
    return np.where(dimension == 0, 1.0, size).astype(np.float64)


def shares(new: Sequence[shapely.Geometry], old: Sequence[shapely.Geometry], within_m: float) -> Shares:
    """What geometries of one class share. Lines and polygons are compared in the plane, points in space."""
    own = [np.array(side, dtype=object) for side in (new, old)]
    dimensions = [shapely.get_dimensions(side) for side in own]
    found = []
    for dimension, compare in ((0, _points), (1, _lines), (2, _polygons)):
        rows = [np.flatnonzero(of == dimension) for of in dimensions]
        if len(rows[0]) and len(rows[1]):
            part = compare(own[0][rows[0]], own[1][rows[1]], within_m)
            found.append(Shares(rows[0][part.new], rows[1][part.old], part.shared, part.weight))
    none = np.zeros(0, dtype=np.int64)
    return Shares(
        np.concatenate([none, *(part.new for part in found)]),
        np.concatenate([none, *(part.old for part in found)]),
        np.concatenate([np.zeros(0), *(part.shared for part in found)]),
        np.concatenate([np.zeros(0), *(part.weight for part in found)]),
    )


def pair_up(found: Shares, new_size: Float, old_size: Float, least_share: float = 0.5) -> dict[int, int]:
    """New -> old, one to one, the largest weight first; of equals the first by index.

    least_share: of the smaller of the two that must be shared. Of what was split or merged the largest part is paired.
    """
    smaller = np.minimum(new_size[found.new], old_size[found.old])
    enough = found.shared >= least_share * smaller - _MM
    new, old = found.new[enough], found.old[enough]
    order = np.lexsort((old, new, -np.round(found.weight[enough] / _MM)))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in zip(new[order].tolist(), old[order].tolist()):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _points(new: NDArray[np.object_], old: NDArray[np.object_], within_m: float) -> Shares:
    trees = [
        cKDTree(np.nan_to_num(shapely.get_coordinates(shapely.force_3d(side), include_z=True))) for side in (new, old)
    ]
    near = trees[0].sparse_distance_matrix(trees[1], within_m, output_type="ndarray")
    return Shares(
        near["i"].astype(np.int64), near["j"].astype(np.int64), np.ones(len(near)), 1.0 - near["v"] / within_m
    )


def _polygons(new: NDArray[np.object_], old: NDArray[np.object_], _within_m: float) -> Shares:
    flat = [shapely.make_valid(shapely.force_2d(side)) for side in (new, old)]
    j, i = shapely.STRtree(flat[0]).query(flat[1], predicate="intersects")
    area = shapely.area(shapely.intersection(flat[0][i], flat[1][j]))
    some = area > 0.0
    return Shares(i[some].astype(np.int64), j[some].astype(np.int64), area[some], area[some])


def _lines(new: NDArray[np.object_], old: NDArray[np.object_], within_m: float) -> Shares:
    parts, owner = shapely.get_parts(new, return_index=True)
    old_parts, old_owner = shapely.get_parts(old, return_index=True)
    stations = stations_along([shapely.get_coordinates(part) for part in parts], SPACING_M)
    feet = SegmentIndex([shapely.get_coordinates(part) for part in old_parts]).within(stations.xyz, within_m)
    along = np.abs((stations.tangent[feet.query] * feet.normal).sum(axis=1)) <= _LARGEST_SINE
    query, line, distance = feet.query[along], old_owner[feet.line[along]], feet.distance_m[along]
    order = np.lexsort((distance, line, query))
    query, line, distance = query[order], line[order], distance[order]
    nearest = np.ones(len(query), dtype=bool)
    nearest[1:] = (query[1:] != query[:-1]) | (line[1:] != line[:-1])
    query, line, distance = query[nearest], line[nearest], distance[nearest]
    pair, row = np.unique(np.column_stack([owner[stations.line[query]], line]), axis=0, return_inverse=True)
    length = stations.length_m[query]
    row = row.reshape(-1)
    return Shares(
        pair[:, 0].astype(np.int64),
        pair[:, 1].astype(np.int64),
        np.bincount(row, weights=length, minlength=len(pair)).astype(np.float64),
        np.bincount(row, weights=length * (1.0 - distance / within_m), minlength=len(pair)).astype(np.float64),
    )
