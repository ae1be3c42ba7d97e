"""Label rasters rendered from map elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.grid import BevGrid
from mapforge.geometry.polylines import resample, tangents
from mapforge.schemas.elements import COLOURS, MARKING_TYPES, MapElement
from mapforge.schemas.rasters import OBSERVED_AREA_CLASSES, OBSERVED_LINE_CLASSES
from mapforge.training.label_raster import (
    BAND_HALF_M,
    CURB_BIT,
    IGNORED_BIT,
    OFFSET_REACH_M,
    LabelRaster,
    encode_angle,
    encode_offsets,
)

_SPACING_M = 0.1


@dataclass(frozen=True, eq=False)
class NearestLine:
    """Per cell the nearest line of one class. distance_m: (H, W) float32, inf far away; offset_m: (2, H, W) x, y;
    angle_rad: (H, W) modulo pi; line: (H, W) int32 index of the line, -1 far away."""

    distance_m: NDArray[np.float32]
    offset_m: NDArray[np.float32]
    angle_rad: NDArray[np.float32]
    line: NDArray[np.int32]


def render_labels(elements: list[MapElement], grid: BevGrid, ignored: NDArray[np.bool_]) -> LabelRaster:
    """Label rasters of map elements (map frame). ignored: (H, W) cells of which nothing may be learnt."""
    flags = np.zeros(grid.shape, dtype=np.uint8)
    offsets, angles = [], []
    marking = np.zeros(grid.shape, dtype=np.uint8)
    colour = np.zeros(grid.shape, dtype=np.uint8)
    for bit, name in enumerate(OBSERVED_LINE_CLASSES):
        lines = [element for element in elements if element.element_class == name]
        nearest = nearest_lines([element.xyz_map[:, :2] for element in lines], grid, OFFSET_REACH_M)
        flags |= (nearest.distance_m <= BAND_HALF_M).astype(np.uint8) << bit
        offsets.append(encode_offsets(nearest.offset_m, nearest.distance_m))
        angles.append(encode_angle(nearest.angle_rad))
        if name == "lane_divider":
            marking = _attribute(lines, nearest.line, "marking_type", MARKING_TYPES)
            colour = _attribute(lines, nearest.line, "colour", COLOURS)
        if name == "road_boundary":
            curb = _attribute(lines, nearest.line, "boundary_type", ("edge", "curb"))
            flags |= curb << CURB_BIT
    for bit, name in enumerate(OBSERVED_AREA_CLASSES, start=len(OBSERVED_LINE_CLASSES)):
        areas = [element.geometry for element in elements if element.element_class == name]
        flags |= cells_inside(areas, grid).astype(np.uint8) << bit
    flags |= ignored.astype(np.uint8) << IGNORED_BIT
    return LabelRaster(flags, np.concatenate(offsets), np.stack(angles), marking, colour)


def nearest_lines(lines: list[NDArray[np.float64]], grid: BevGrid, reach_m: float) -> NearestLine:
    """The nearest line of each cell centre within `reach_m`.

    Lines are walked in steps of 0.1 m; each step stamps the cells around it, and each cell keeps its nearest step and
    takes the foot of the perpendicular there, so that straight lines are exact.
    """
    parts = [resample(line, _SPACING_M) for line in lines]
    if not parts:
        shape = grid.shape
        far = np.full(shape, np.inf, dtype=np.float32)
        return NearestLine(
            far, np.zeros((2, *shape), np.float32), np.zeros(shape, np.float32), np.full(shape, -1, np.int32)
        )
    points = np.concatenate(parts)[:, :2]
    along = np.concatenate([tangents(part) for part in parts])
    owner = np.concatenate([np.full(len(part), index, dtype=np.int32) for index, part in enumerate(parts)])
    slack = np.tile([[-_SPACING_M / 2, _SPACING_M / 2]], (len(points), 1))
    slack[np.flatnonzero(np.diff(owner, prepend=-1)), 0] = 0.0
    slack[np.flatnonzero(np.diff(owner, append=-1)), 1] = 0.0
    half = int(np.ceil(reach_m / grid.resolution_m)) + 1
    steps = np.arange(-half, half + 1)
    d_row, d_column = (d.ravel() for d in np.meshgrid(steps, steps, indexing="ij"))
    rows, columns = grid.cells_of(points)
    all_rows, all_columns = rows[:, None] + d_row, columns[:, None] + d_column
    inside = grid.contains(all_rows, all_columns)
    step = np.broadcast_to(np.arange(len(points))[:, None], inside.shape)[inside]
    r, c = all_rows[inside], all_columns[inside]
    delta = points[step] - grid.centres_of(r, c)
    order = np.argsort(np.hypot(delta[:, 0], delta[:, 1]), kind="stable")
    cell = (r * grid.columns + c)[order]
    unique, first = np.unique(cell, return_index=True)
    chosen = order[first]
    kept = step[chosen]
    return _foot_points(unique, delta[chosen], along[kept], owner[kept], slack[kept], grid, reach_m)


def _foot_points(
    cell: NDArray[np.int64],
    delta: NDArray[np.float64],
    along: NDArray[np.float64],
    owner: NDArray[np.int32],
    slack: NDArray[np.float64],
    grid: BevGrid,
    reach_m: float,
) -> NearestLine:
    """Slides from steps along their line to the foot of the perpendicular, within `slack` (N, 2): not past its ends."""
    slide = np.clip(-(delta * along).sum(axis=1), slack[:, 0], slack[:, 1])
    delta = delta + slide[:, None] * along
    length = np.hypot(delta[:, 0], delta[:, 1])
    near = length <= reach_m
    cell, delta, along, owner, length = cell[near], delta[near], along[near], owner[near], length[near]
    distance = np.full(grid.rows * grid.columns, np.inf, dtype=np.float32)
    offset = np.zeros((2, grid.rows * grid.columns), dtype=np.float32)
    angle = np.zeros(grid.rows * grid.columns, dtype=np.float32)
    line = np.full(grid.rows * grid.columns, -1, dtype=np.int32)
    distance[cell], offset[:, cell], line[cell] = length, delta.T, owner
    angle[cell] = np.arctan2(along[:, 1], along[:, 0]) % np.pi
    shape = grid.shape
    return NearestLine(distance.reshape(shape), offset.reshape(2, *shape), angle.reshape(shape), line.reshape(shape))


def cells_inside(areas: list[shapely.Geometry], grid: BevGrid) -> NDArray[np.bool_]:
    """(H, W) cells whose centre lies in one of the polygons."""
    if not areas:
        return np.zeros(grid.shape, dtype=np.bool_)
    rows, columns = np.indices(grid.shape)
    centres = grid.centres_of(rows.ravel(), columns.ravel())
    union = shapely.union_all(shapely.force_2d(shapely.make_valid(np.array(areas, dtype=object))))
    shapely.prepare(union)
    return np.asarray(shapely.contains_xy(union, centres[:, 0], centres[:, 1])).reshape(grid.shape)


def _attribute(
    lines: list[MapElement], index: NDArray[np.int32], name: str, vocabulary: tuple[str, ...]
) -> NDArray[np.uint8]:
    codes = [vocabulary.index(element.attributes.get(name) or vocabulary[0]) for element in lines]
    table = np.array([*codes, 0], dtype=np.uint8)
    return table[index]
