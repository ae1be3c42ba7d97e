"""Windows along the driven path, in which lines are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.metrics.polygons import outlines

Float = NDArray[np.float64]

LENGTH_M, WIDTH_M, SPACING_M = 60.0, 30.0, 15.0
SAME_PLACE_M, SAME_AXIS_RAD = 7.5, np.deg2rad(15.0)


def windows_along(paths: Sequence[Float], spacing_m: float = SPACING_M) -> Float:
    """(W, 3) centre x, y and heading of windows, one every `spacing_m` of each path (N, >=2), aligned with it.

    A window at the place and on the axis of an earlier one (another drive of the same street) is left out.
    """
    kept = np.zeros((0, 3))
    for path in paths:
        for candidate in _along(path, spacing_m):
            near = np.linalg.norm(kept[:, :2] - candidate[:2], axis=1) < min(SAME_PLACE_M, 0.5 * spacing_m)
            turn = np.abs((kept[:, 2] - candidate[2] + 0.5 * np.pi) % np.pi - 0.5 * np.pi)
            if not np.any(near & (turn < SAME_AXIS_RAD)):
                kept = np.vstack([kept, candidate])
    return kept


def windows_on_grid(bounds_m: tuple[float, float, float, float], spacing_m: float = SPACING_M) -> Float:
    """(W, 3) windows in rows over a box, for maps without any known path; headed east."""
    xmin, ymin, xmax, ymax = bounds_m
    x = np.arange(xmin + 0.5 * spacing_m, max(xmax, xmin + spacing_m), spacing_m)
    y = np.arange(ymin + 0.5 * spacing_m, max(ymax, ymin + spacing_m), spacing_m)
    centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return np.column_stack([centres, np.zeros(len(centres))])


def anchors_along(paths: Sequence[Float], spacing_m: float) -> Float:
    """(A, 2) points along paths, about `spacing_m` apart, a street driven often counted once."""
    kept = np.zeros((0, 2))
    for path in paths:
        for candidate in _along(path, 0.25 * spacing_m)[:, :2]:
            if not np.any(np.linalg.norm(kept - candidate, axis=1) < 0.75 * spacing_m):
                kept = np.vstack([kept, candidate])
    return kept


def window_polygons(windows: Float, length_m: float = LENGTH_M, width_m: float = WIDTH_M) -> NDArray:
    """(W,) rectangles, long side along the heading."""
    half = 0.5 * np.array([[-length_m, -width_m], [length_m, -width_m], [length_m, width_m], [-length_m, width_m]])
    cos, sin = np.cos(windows[:, 2])[:, None], np.sin(windows[:, 2])[:, None]
    x = windows[:, 0, None] + cos * half[:, 0] - sin * half[:, 1]
    y = windows[:, 1, None] + sin * half[:, 0] + cos * half[:, 1]
    return np.asarray(shapely.polygons(np.stack([x, y], axis=-1)))


def clip_to_windows(
    shapes: Sequence[shapely.Geometry] | NDArray, areas: NDArray
) -> tuple[NDArray, NDArray[np.int64], NDArray[np.int64]]:
    """Pieces of shapes inside each area: LineStrings (P,), their shape (P,) and their area (P,).

    Areas are cut as areas and their outlines taken after, so that a crossing cut by a window is closed by its edge.
    """
    flat = flat_valid(shapes)
    none = np.zeros(0, dtype=np.int64)
    if not len(flat) or not len(areas):
        return np.zeros(0, dtype=object), none, none
    window, shape = shapely.STRtree(flat).query(areas, predicate="intersects")
    order = np.lexsort((shape, window))
    window, shape = window[order], shape[order]
    pieces = shapely.intersection(flat[shape], areas[window])
    # a ring that enters a window twice comes back in parts that join where the ring was closed
    several = shapely.get_type_id(pieces) == shapely.GeometryType.MULTILINESTRING
    pieces[several] = shapely.line_merge(pieces[several])
    lines, pair = outlines(pieces)
    return lines, shape[pair].astype(np.int64), window[pair].astype(np.int64)


def flat_valid(shapes: Sequence[shapely.Geometry] | NDArray) -> NDArray:
    """(S,) the shapes without height, made valid."""
    flat = np.empty(len(shapes), dtype=object)
    flat[:] = list(shapes)
    flat = shapely.force_2d(flat)
    broken = ~shapely.is_valid(flat)
    flat[broken] = shapely.make_valid(flat[broken])
    return np.asarray(flat)


def _along(path: Float, spacing_m: float) -> Float:
    """(K, 3) points and headings every `spacing_m` of a path, from half a spacing on; one at least."""
    moving = np.concatenate([[True], np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1) > 1e-6])
    line = np.asarray(path[moving, :2], dtype=np.float64)
    if len(line) < 2:
        return np.array([[*path[0, :2], 0.0]])
    total = polylines.length(line)
    stations = np.arange(0.5 * min(spacing_m, total), total + 1e-9, spacing_m)
    reach = 2.0  # the heading over a few metres, so that jitter of a car standing still does not turn windows
    ahead, behind = (polylines.at_stations(line, np.clip(stations + d, 0.0, total)) for d in (reach, -reach))
    step = ahead - behind
    return np.column_stack([polylines.at_stations(line, stations), np.arctan2(step[:, 1], step[:, 0])])
