"""What is judged: what some lidar return hit, near a driven path. Predictions of unseen truth are left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex

Float = NDArray[np.float64]

UNSEEN_REACH_M = 2.0
"""A prediction is excused by unseen truth only this near: farther away it is no prediction of that truth."""


def judged_area(
    coverage: Sequence[shapely.Geometry], paths: Sequence[Float], distance_m: float, gap_m: float
) -> shapely.Geometry | None:
    """The covered area within `distance_m` of a path; None (everything is judged) when neither is known.

    coverage: polygons, empty = unknown. paths: (N, >=2), empty = unknown. Holes up to 2 * gap_m wide are closed, so
    that the gaps between scan lines do not cut truth into crumbs.
    """
    seen = _closed(coverage, gap_m) if len(coverage) else None
    near = _around(paths, distance_m) if len(paths) else None
    if seen is None or near is None:
        return seen if near is None else near
    return seen.intersection(near)


def inside(area: shapely.Geometry | None, xy: Float) -> NDArray[np.bool_]:
    """(N,) bool: points (N, >=2) in the area; all of them when it is None."""
    if area is None or len(xy) == 0:
        return np.ones(len(xy), dtype=bool)
    shapely.prepare(area)
    return np.asarray(shapely.contains_xy(area, xy[:, 0], xy[:, 1]))


def of_unseen_truth(xy: Float, truth: SegmentIndex, area: shapely.Geometry | None) -> NDArray[np.bool_]:
    """(N,) bool: points whose nearest truth, if within UNSEEN_REACH_M, lies outside the judged area."""
    mask = np.zeros(len(xy), dtype=bool)
    if area is not None:
        feet = truth.nearest(xy, UNSEEN_REACH_M)
        mask[feet.query] = ~inside(area, feet.xyz)
    return mask


def _closed(coverage: Sequence[shapely.Geometry], gap_m: float) -> shapely.Geometry:
    merged = shapely.union_all(shapely.force_2d(shapely.make_valid(np.asarray(coverage, dtype=object))))
    if gap_m <= 0.0:
        return merged
    closed = shapely.buffer(shapely.buffer(merged, gap_m, quad_segs=2), -gap_m, quad_segs=2)
    return shapely.union(closed, merged)


def _around(paths: Sequence[Float], distance_m: float) -> shapely.Geometry:
    lines = [
        shapely.simplify(shapely.LineString(path[:, :2]), 0.2) if len(path) > 1 else shapely.Point(path[0, :2])
        for path in paths
    ]
    return shapely.union_all(shapely.buffer(np.array(lines, dtype=object), distance_m, quad_segs=8))
