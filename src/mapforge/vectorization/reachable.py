"""What belongs to a road: ground that joins the driven path, or is large, and lines beside it.

Behind houses and fences lidar sees patches of flat ground and walls that look like road and curb; no car gets there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.areas import SNAP_M
from mapforge.geometry.polylines import length
from mapforge.vectorization.lines import TracedLine

Float = NDArray[np.float64]

_PATH_STEP = 20
_PATH_REACH_M = 2.0


def reachable_ground(pieces: list[shapely.Polygon], path_xy: Float, min_area_m2: float) -> list[shapely.Polygon]:
    """The pieces (of all tiles, which meet on borders) that together with those they touch meet the path, or cover at
    least `min_area_m2`."""
    if not pieces:
        return []
    whole = shapely.get_parts(shapely.union_all(pieces, grid_size=SNAP_M))
    path = shapely.LineString(np.vstack([path_xy[::_PATH_STEP], path_xy[-1:]]))
    road = whole[shapely.dwithin(whole, path, _PATH_REACH_M) | (shapely.area(whole) >= min_area_m2)]
    inside = shapely.STRtree(road).query(shapely.point_on_surface(pieces), predicate="dwithin", distance=2 * SNAP_M)[0]
    return [pieces[k] for k in np.unique(inside)]


def beside_ground(
    lines: list[TracedLine], ground: list[shapely.Polygon], reach_m: float, min_length_m: float
) -> list[TracedLine]:
    """The stretches of lines within reach of the ground; without any ground nothing is known, and all stay."""
    if not ground or not lines:
        return lines
    counts = [len(line.xyz_map) for line in lines]
    points = shapely.points(np.concatenate([line.xyz_map[:, :2] for line in lines]))
    near = np.zeros(len(points), dtype=bool)
    near[shapely.STRtree(ground).query(points, predicate="dwithin", distance=reach_m)[0]] = True
    return [
        stretch
        for line, beside in zip(lines, np.split(near, np.cumsum(counts)[:-1]))
        for stretch in ([line] if beside.all() else _stretches(line, beside, min_length_m))
    ]


def _stretches(line: TracedLine, beside: NDArray[np.bool_], min_length_m: float) -> list[TracedLine]:
    edges = np.diff(np.concatenate([[0], beside.astype(np.int8), [0]]))
    runs = [slice(a, b) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)) if b - a > 1]
    parts = [replace(line, xyz_map=line.xyz_map[run], sigma_m=line.sigma_m[run]) for run in runs]
    return [part for part in parts if length(part.xyz_map) >= min_length_m]
