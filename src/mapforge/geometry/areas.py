"""Areas between raster and polygon: contours of a field, votes of polygons on a grid, tidy outlines."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from skimage.measure import find_contours

from mapforge.geometry.grid import BevGrid

_PROFILE_M = 0.1
SNAP_M = 1e-3
"""Grid on which pieces of neighbouring tiles are joined, so that rounding leaves no slivers."""


def polygons_above(field: NDArray[np.floating], level: float, grid: BevGrid) -> list[shapely.Polygon]:
    """Polygons (map frame) where a field of cell values is above `level`, by marching squares through cell centres.

    field: (rows, columns). The field ends at the grid's outermost cell centres. Holes are kept.
    """
    if not (field > level).any():
        return []
    padded = np.pad(np.asarray(field, dtype=np.float64), 1, constant_values=min(0.0, level - 1.0))
    rings = []
    for contour in find_contours(padded, level):
        if len(contour) >= 4:
            xy = grid.centres_of(contour[:, 0] - 1.0, contour[:, 1] - 1.0)
            rings.append(shapely.LineString(xy))
    area = shapely.build_area(shapely.GeometryCollection(rings)) if rings else None
    return [part for part in parts_of(area) if part.area > 0.0]


def parts_of(geometry: shapely.Geometry | None) -> list[shapely.Polygon]:
    """The polygons of any geometry, nothing of lower dimension."""
    if geometry is None or geometry.is_empty:
        return []
    return [part for part in shapely.get_parts(shapely.make_valid(geometry)) if isinstance(part, shapely.Polygon)] or [
        part
        for outer in shapely.get_parts(shapely.make_valid(geometry))
        for part in shapely.get_parts(outer)
        if isinstance(part, shapely.Polygon)
    ]


def mask_of(polygons: list[shapely.Polygon], grid: BevGrid) -> NDArray[np.bool_]:
    """(rows, columns) bool: cells whose centre lies in one of the polygons (map frame; holes are out)."""
    mask = np.zeros(grid.shape, dtype=bool)
    for polygon in polygons:
        mask |= _scan(polygon, grid)
    return mask


def _scan(polygon: shapely.Polygon, grid: BevGrid) -> NDArray[np.bool_]:
    """Even-odd scan conversion: every edge toggles the rest of each row whose centre line it crosses."""
    rings = [polygon.exterior, *polygon.interiors]
    cells = [(shapely.get_coordinates(ring) - (grid.x0_m, grid.y0_m)) / grid.resolution_m - 0.5 for ring in rings]
    start = np.concatenate([ring[:-1] for ring in cells])
    end = np.concatenate([ring[1:] for ring in cells])
    low = np.clip(np.ceil(np.minimum(start[:, 1], end[:, 1])), 0, grid.rows).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(start[:, 1], end[:, 1])), 0, grid.rows).astype(np.int64)
    counts = high - low
    edge = np.repeat(np.arange(len(start)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + low[edge]
    share = (row - start[edge, 1]) / (end[edge, 1] - start[edge, 1])
    x = start[edge, 0] + share * (end[edge, 0] - start[edge, 0])
    column = np.clip(np.ceil(x), 0, grid.columns).astype(np.int64)
    toggles = np.bincount(row * (grid.columns + 1) + column, minlength=grid.rows * (grid.columns + 1))
    return np.cumsum(toggles.reshape(grid.rows, grid.columns + 1), axis=1)[:, :-1] % 2 == 1


def union(polygons: list[shapely.Polygon]) -> list[shapely.Polygon]:
    """Polygons merged where they touch or overlap, in a fixed order (by their lower left corner)."""
    merged = parts_of(shapely.union_all(polygons, grid_size=SNAP_M)) if polygons else []
    return sorted(merged, key=lambda part: (*part.bounds, part.area))


def intersection_over_union(a: shapely.Polygon, b: shapely.Polygon) -> float:
    """Area shared over area covered by either; 0 when both are empty."""
    shared = a.intersection(b).area
    covered = a.area + b.area - shared
    return shared / covered if covered > 0.0 else 0.0


def regularised(polygon: shapely.Polygon, rectangle_iou: float = 0.75, tolerance_m: float = 0.15) -> shapely.Polygon:
    """A tidy outline of a painted area: a rectangle where one fits, else a simplified polygon."""
    solid = shapely.Polygon(polygon.exterior)
    rectangle = rectangle_of(solid)
    if rectangle is not None and intersection_over_union(solid, rectangle) >= rectangle_iou:
        return rectangle
    smooth = solid.buffer(-0.2).buffer(0.4).buffer(-0.2).simplify(tolerance_m)
    parts = parts_of(smooth)
    return max(parts, key=lambda part: part.area) if parts else solid


def rectangle_of(solid: shapely.Polygon) -> shapely.Polygon | None:
    """The rectangle along the outline's main direction whose sides lie where half of the area's usual width ends.

    Ragged edges average out and narrow outgrowths do not count.
    """
    angle = _main_direction_rad(solid)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = shapely.transform(solid, lambda xy: xy @ np.array([[cos, -sin], [sin, cos]]))
    xmin, ymin, xmax, ymax = turned.bounds
    rows, columns = (int((high - low) / _PROFILE_M) + 1 for low, high in ((ymin, ymax), (xmin, xmax)))
    mask = mask_of([turned], BevGrid(xmin, ymin, _PROFILE_M, rows, columns))
    x_span, y_span = _half_width(mask.sum(axis=0)), _half_width(mask.sum(axis=1))
    if x_span is None or y_span is None:
        return None
    x0, x1 = (xmin + edge * _PROFILE_M for edge in x_span)
    y0, y1 = (ymin + edge * _PROFILE_M for edge in y_span)
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return shapely.Polygon(corners @ np.array([[cos, sin], [-sin, cos]]))


def _main_direction_rad(solid: shapely.Polygon) -> float:
    """The direction, up to quarter turns, that most of the outline follows: long edges count most."""
    step = np.diff(shapely.get_coordinates(solid.simplify(0.3)), axis=0)
    turn = 4.0 * np.arctan2(step[:, 1], step[:, 0])
    weight = (step**2).sum(axis=1)
    return float(np.arctan2(weight @ np.sin(turn), weight @ np.cos(turn)) / 4.0)


def _half_width(profile: NDArray[np.int64]) -> tuple[float, float] | None:
    """Where a profile first and last passes half of its usual height, in cells from the first cell's edge."""
    filled = profile[profile > 0]
    if len(filled) < 2:
        return None
    half = 0.5 * float(np.median(filled))
    high = np.flatnonzero(profile >= half)
    padded = np.concatenate([[0], profile, [0]]).astype(np.float64)
    first, last = int(high[0]) + 1, int(high[-1]) + 1
    rise = (half - padded[first - 1]) / max(padded[first] - padded[first - 1], 1e-9)
    fall = (padded[last] - half) / max(padded[last] - padded[last + 1], 1e-9)
    return first - 1.5 + rise, last - 0.5 + fall
