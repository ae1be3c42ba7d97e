"""The ground on which a map is judged: the area, the windows and the anchors of shifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.metrics.judged_area import judged_area
from mapforge.metrics.windows import anchors_along, windows_along, windows_on_grid
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.config import ValidationConfig

Float = NDArray[np.float64]

_ROAD_CLASSES = (ElementClass.LANE, ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY)


@dataclass(frozen=True, eq=False)
class Judgement:
    """area: what is judged (None = everything). windows: (W, 3) of average precision. anchors: (A, 2) of shifts.

    basis: in words, where the windows come from.
    """

    area: shapely.Geometry | None
    windows: Float
    anchors: Float
    window_size_m: tuple[float, float]
    basis: str


def judgement(
    predicted: list[MapElement],
    truth: list[MapElement],
    paths: list[Float],
    tiles: list[TileId],
    frame: MapFrame,
    config: ValidationConfig,
) -> Judgement:
    """Area and windows. Without paths, windows follow the reference (its lanes, else dividers, else boundaries), or

    stand in a grid over what was mapped; the area is then what was covered, or else the tiles.
    """
    coverage = [e.geometry for e in predicted if e.element_class is ElementClass.COVERAGE]
    area = judged_area(coverage, paths, config.judged_distance_m, config.coverage_gap_m)
    if tiles:
        boxes = shapely.union_all([shapely.box(*tile.bounds_map(frame)) for tile in tiles])
        area = boxes if area is None else area.intersection(boxes)
    lines, basis = (paths, "driven paths") if paths else _stand_ins(truth, area)
    if lines:
        windows = _over(windows_along(lines, config.window_spacing_m), area, config)
        anchors = anchors_along(lines, config.shift_window_m)
    else:
        windows, anchors, basis = *_grid(predicted + truth, area, config), "a grid"
    return Judgement(area, windows, anchors, (config.window_length_m, config.window_width_m), basis)


def _stand_ins(truth: list[MapElement], area: shapely.Geometry | None) -> tuple[list[Float], str]:
    for element_class in _ROAD_CLASSES:
        lines = [
            e.xyz_map
            for e in truth
            if e.element_class is element_class and (area is None or e.geometry.intersects(area))
        ]
        if lines:
            return lines, f"the reference's {element_class} lines (no driven path is known)"
    return [], ""


def _over(windows: Float, area: shapely.Geometry | None, config: ValidationConfig) -> Float:
    """Windows whose centre is within half a window of the judged area."""
    if area is None or not len(windows):
        return windows
    near = shapely.dwithin(shapely.points(windows[:, :2]), area, 0.5 * config.window_length_m)
    return np.asarray(windows[near])


def _grid(elements: list[MapElement], area: shapely.Geometry | None, config: ValidationConfig) -> tuple[Float, Float]:
    bounds = area.bounds if area is not None else tuple(shapely.total_bounds([e.geometry for e in elements]))
    if not elements or not np.isfinite(bounds).all():
        return np.zeros((0, 3)), np.zeros((0, 2))
    windows = _over(windows_on_grid(bounds, config.window_spacing_m), area, config)
    return windows, windows_on_grid(bounds, config.shift_window_m)[:, :2]
