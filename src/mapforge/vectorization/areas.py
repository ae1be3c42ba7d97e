"""Painted, drivable and covered areas of one tile, cut at its border so that neighbours fit without a gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import binary_closing

from mapforge.geometry.areas import mask_of, parts_of, polygons_above, regularised, union
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.strips import strips_of
from mapforge.schemas.rasters import BevRaster

_GROUND_STEP_CELLS = 2
_HEIGHT_STEP_M = 2.0


@dataclass(frozen=True, eq=False)
class Crossing:
    """A painted crossing, or the part of it in one tile. confidence: mean probability inside."""

    area: shapely.Polygon
    confidence: float


def crossing_pieces(observation: BevRaster, core: shapely.Polygon, p_area: float) -> list[Crossing]:
    """Crossing areas inside the core; pieces of one crossing in two tiles meet exactly."""
    field = observation.channels["p_ped_crossing"] / 255.0
    found = []
    for piece in _within(polygons_above(field, p_area, observation.grid), core):
        inside = mask_of([piece], observation.grid)
        found.append(Crossing(piece, float(field[inside].mean()) if inside.any() else p_area))
    return found


def drivable_pieces(
    observation: BevRaster, core: shapely.Polygon, p_area: float, min_area_m2: float
) -> list[shapely.Polygon]:
    """Drivable areas inside the core, outlined on cells of 0.4 m."""
    field = _blocks(observation.channels["p_drivable_area"] / 255.0, _GROUND_STEP_CELLS)
    pieces = polygons_above(field, p_area, _coarser(observation.grid, _GROUND_STEP_CELLS))
    kept = [whole for piece in pieces if (whole := _without_specks(piece, min_area_m2))]
    return _within(kept, core)


def coverage_pieces(
    observation: BevRaster, core: shapely.Polygon, step_m: float, scan_gap_m: float, min_area_m2: float
) -> list[shapely.Polygon]:
    """Where the drive's lidar looked, on square cells of `step_m` of which half was hit or lies between scan lines.

    What lies behind a barrier or a parked car was not looked at, however near the returns around it are.
    """
    step = round(step_m / observation.grid.resolution_m)
    reach = 2 * round(scan_gap_m / 2 / observation.grid.resolution_m) + 1
    hit = np.pad(observation.channels["hit"] > 0, reach)
    between = binary_closing(hit, np.ones((reach, reach), dtype=bool))[reach:-reach, reach:-reach]
    seen = _blocks(between.astype(np.float64), step) >= 0.5
    grid = _coarser(observation.grid, step)
    rows, first, last = _runs(seen)
    boxes = shapely.box(
        grid.x0_m + first * step_m,
        grid.y0_m + rows * step_m,
        grid.x0_m + last * step_m,
        grid.y0_m + (rows + 1) * step_m,
    )
    whole = union(list(boxes))
    kept = [part for piece in whole if (part := _without_specks(piece, min_area_m2))]
    return _within(kept, core)


def whole_crossings(pieces: list[Crossing], min_crossing_m2: float) -> list[Crossing]:
    """Pieces of all tiles joined, crossings that meet at a corner told apart, and tidied."""
    whole = []
    for area in union([piece.area for piece in pieces]):
        if area.area < min_crossing_m2:
            continue
        parts = [piece for piece in pieces if piece.area.intersects(area)]
        confidence = np.average([part.confidence for part in parts], weights=[part.area.area for part in parts])
        whole += [Crossing(regularised(strip), float(confidence)) for strip in strips_of(area, min_crossing_m2)]
    return whole


def ground_samples(observation: BevRaster, core: shapely.Polygon) -> NDArray[np.float64]:
    """(N, 3) known ground points inside the core, about one every 2 m."""
    step = round(_HEIGHT_STEP_M / observation.grid.resolution_m)
    z = observation.channels["ground_z_m"]
    rows, columns = np.arange(0, z.shape[0], step), np.arange(0, z.shape[1], step)
    rows, columns = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    xyz = np.column_stack([observation.grid.centres_of(rows, columns), z[rows, columns]])
    xmin, ymin, xmax, ymax = core.bounds
    inside = (xyz[:, 0] >= xmin) & (xyz[:, 0] < xmax) & (xyz[:, 1] >= ymin) & (xyz[:, 1] < ymax)
    return xyz[inside & np.isfinite(xyz[:, 2])]


def _within(polygons: list[shapely.Polygon], core: shapely.Polygon) -> list[shapely.Polygon]:
    return [part for polygon in polygons for part in parts_of(shapely.intersection(polygon, core))]


def _without_specks(polygon: shapely.Polygon, min_area_m2: float) -> shapely.Polygon | None:
    if polygon.area < min_area_m2:
        return None
    return shapely.Polygon(
        polygon.exterior, [hole for hole in polygon.interiors if shapely.Polygon(hole).area >= min_area_m2]
    )


def _blocks(values: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Means of square blocks of cells."""
    rows, columns = values.shape[0] // step, values.shape[1] // step
    return np.asarray(values[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3)))


def _coarser(grid: BevGrid, step: int) -> BevGrid:
    return BevGrid(grid.x0_m, grid.y0_m, grid.resolution_m * step, grid.rows // step, grid.columns // step)


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, first column and column after the last of every horizontal run of True."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(edges == 1)
    return rows, first, np.nonzero(edges == -1)[1]
