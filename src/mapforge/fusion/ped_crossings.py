"""Crossings of the map: each side of the outline is fused by itself, as a line of the drives that saw it.

The outlines of drives are rectangles or nearly so (vectorization tidies them). In their common direction each has four
sides; a side's place is the robust weighted mean of the drives', so that a drive that saw half of a crossing loses its
say on the sides it did not see, and a side is found to a fraction of a cell. What is no rectangle is put to the vote of
areas on a grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapforge.fusion.areas import raised
from mapforge.fusion.changes import presence
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.consensus import robust_mean, weighted_median
from mapforge.fusion.drives import SeenDrive
from mapforge.fusion.existence import Visibility, confidence
from mapforge.geometry.areas import mask_of, parts_of, polygons_above, regularised
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.polylines import arc_length
from mapforge.geometry.strips import strips_of
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_SAME_CROSSING_SHARE = 0.3
_WITNESS_SHARE = 0.5
_LEAST_CROSSING_M2 = 3.0
_RECTANGLE_SHARE = 0.85
_STRAIGHT = math.radians(12.0)


@dataclass(frozen=True, eq=False)
class _Outline:
    """polygon: closed. sigma_m: one a vertex of its exterior, across the sides."""

    polygon: shapely.Polygon
    sigma_m: Float

    def sigma_at(self, xy: Float) -> Float:
        """(N,) sigma of points on the outline, linear between its vertices."""
        ring = shapely.get_coordinates(self.polygon.exterior)
        along = shapely.line_locate_point(self.polygon.exterior, shapely.points(xy))
        return np.interp(along, arc_length(ring), self.sigma_m)


def fused_crossings(
    drives: list[SeenDrive], visibility: Visibility, core_m: Bounds, config: FusionConfig
) -> list[MapElement]:
    """Crossings of the map inside the core, from the whole crossings of drives near the tile."""
    flat = [(d, crossing) for d, drive in enumerate(drives) for crossing in drive.of_class(ElementClass.PED_CROSSING)]
    flat.sort(key=lambda pair: (pair[0], pair[1].geometry.bounds))
    fused = []
    for group in _same_crossing([element for _, element in flat], config.level_gate_m):
        members = [flat[k] for k in group]
        for outline in _outlines(members, drives, config):
            own = _seeing(outline.polygon, members)
            sure = _confidence(outline.polygon, own, len(drives), visibility, config)
            if sure >= config.min_confidence:
                fused += _parts(outline, own, drives, sure, core_m)
    return fused


def _seeing(outline: shapely.Polygon, members: list[tuple[int, MapElement]]) -> list[tuple[int, MapElement]]:
    """Of crossings around a corner, those of drives that saw this one."""
    shared = [element.geometry.intersection(outline).area for _, element in members]
    own = [
        member
        for member, shared_m2 in zip(members, shared)
        if shared_m2 >= _WITNESS_SHARE * min(outline.area, member[1].geometry.area)
    ]
    return own or members


def _same_crossing(crossings: list[MapElement], level_m: float) -> list[list[int]]:
    """Groups of areas at one level that share a good part of the smaller one."""
    if not crossings:
        return []
    polygons = np.array([crossing.geometry for crossing in crossings], dtype=object)
    height = np.array([float(np.median(crossing.xyz_map[:, 2])) for crossing in crossings])
    a, b = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    shared = shapely.area(shapely.intersection(polygons[a], polygons[b]))
    same = shared >= _SAME_CROSSING_SHARE * np.minimum(shapely.area(polygons[a]), shapely.area(polygons[b]))
    same &= np.abs(height[a] - height[b]) <= level_m
    graph = coo_matrix((np.ones(same.sum()), (a[same], b[same])), shape=(len(polygons), len(polygons)))
    label = connected_components(graph, directed=False)[1]
    return [np.flatnonzero(label == k).tolist() for k in range(label.max() + 1)]


def _outlines(members: list[tuple[int, MapElement]], drives: list[SeenDrive], config: FusionConfig) -> list[_Outline]:
    """By its sides where the drives' outlines are rectangles in one direction, else by vote; strips one by one."""
    datum = np.array([drives[d].datum_sigma_m for d, _ in members])
    angle = _common_direction(members)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    boxes = np.array([_box(element, turn) for _, element in members])
    own_area = np.array([element.geometry.area for _, element in members])
    filled = own_area / np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-9)
    if np.median(filled) < _RECTANGLE_SHARE or len({d for d, _ in members}) < len(members):
        everywhere = math.hypot(config.common_crossing_sigma_m, float(datum.max()), config.area_cell_m)
        voted = _majority(members, config.area_cell_m)
        return [_Outline(area, np.full(len(area.exterior.coords), everywhere)) for area in voted]
    place, sigma = _sides(boxes, members, config)
    sigma = np.hypot(sigma, float(np.sqrt(np.mean(datum**2))))
    x0, y0, x1, y1 = place
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
    at_corner = np.sqrt((sigma[[0, 2, 2, 0, 0]] ** 2 + sigma[[1, 1, 3, 3, 1]] ** 2) / 2)
    return [_Outline(shapely.Polygon(corners @ turn.T), at_corner)] if x1 > x0 and y1 > y0 else []


def _common_direction(members: list[tuple[int, MapElement]]) -> float:
    """Direction, up to quarter turns, of the sides of all outlines: long sides count most."""
    step = np.concatenate([np.diff(element.xyz_map[:, :2], axis=0) for _, element in members])
    weight = np.concatenate([np.full(len(element.xyz_map) - 1, element.confidence) for _, element in members]) * (
        step**2
    ).sum(axis=1)
    fourfold = 4.0 * np.arctan2(step[:, 1], step[:, 0])
    return float(np.arctan2(weight @ np.sin(fourfold), weight @ np.cos(fourfold)) / 4.0)


def _box(element: MapElement, turn: Float) -> Float:
    """(4,) xmin, ymin, xmax, ymax in the common direction: of each side the mean of the outline along it."""
    xy = element.xyz_map[:, :2] @ turn
    middle, step = (xy[1:] + xy[:-1]) / 2, np.diff(xy, axis=0)
    centre = (xy.min(axis=0) + xy.max(axis=0)) / 2
    sides = []
    for upper in (False, True):
        for axis in (0, 1):
            run, rise = np.abs(step[:, 1 - axis]), np.abs(step[:, axis])
            along = np.where(rise <= np.tan(_STRAIGHT) * run, run, 0.0)
            weight = along * ((middle[:, axis] > centre[axis]) == upper)
            extreme = float(xy[:, axis].max() if upper else xy[:, axis].min())
            total = float(weight.sum())
            sides.append(float(weight @ middle[:, axis]) / total if total > 0.0 else extreme)
    return np.array(sides)


def _sides(boxes: Float, members: list[tuple[int, MapElement]], config: FusionConfig) -> tuple[Float, Float]:
    """(4,) places of the sides and (4,) their sigma."""
    weight = np.tile([element.confidence for _, element in members], (4, 1))
    values = boxes.T
    place = weighted_median(values, weight)
    robust = weight
    for _ in range(3):
        place, robust = robust_mean(values, weight, place, config.outlier_m)
    total = robust.sum(axis=1)
    spread = (robust * (values - place[:, None]) ** 2).sum(axis=1) / total
    count = total**2 / np.maximum((robust**2).sum(axis=1), 1e-12)
    # one drive says nothing of its own spread: the prior stands for a drive of its own
    spread = (config.area_cell_m**2 + count * spread) / (1.0 + count)
    return place, np.sqrt(spread / count + config.common_crossing_sigma_m**2)


def _majority(members: list[tuple[int, MapElement]], cell_m: float) -> list[shapely.Polygon]:
    """The strips of the area that at least half of the drives' weight calls crossing, tidied."""
    xmin, ymin, xmax, ymax = shapely.total_bounds([element.geometry for _, element in members])
    x0, y0 = math.floor(xmin / cell_m - 1) * cell_m, math.floor(ymin / cell_m - 1) * cell_m
    grid = BevGrid(x0, y0, cell_m, math.ceil((ymax - y0) / cell_m) + 1, math.ceil((xmax - x0) / cell_m) + 1)
    votes = np.zeros(grid.shape)
    for drive in sorted({drive for drive, _ in members}):
        own = [element for d, element in members if d == drive]
        votes += mask_of([element.geometry for element in own], grid) * max(element.confidence for element in own)
    total = sum(max(e.confidence for d, e in members if d == drive) for drive in {d for d, _ in members})
    parts = polygons_above(uniform_filter(votes / total, 3), 0.499, grid)
    if not parts:
        return []
    whole = max(parts, key=lambda part: part.area)
    return [regularised(strip) for strip in strips_of(whole, _LEAST_CROSSING_M2)]


def _confidence(
    outline: shapely.Polygon,
    members: list[tuple[int, MapElement]],
    n_drives: int,
    visibility: Visibility,
    config: FusionConfig,
) -> float:
    hits = np.zeros((1, n_drives))
    for drive, element in members:
        hits[0, drive] = max(hits[0, drive], element.confidence)
    height = np.median(np.concatenate([element.xyz_map[:, 2] for _, element in members]))
    looked = visibility.at(np.append(shapely.get_coordinates(outline.centroid)[0], height)[None])
    missed = np.where(hits > 0.0, 0.0, looked)
    gone, not_yet = presence((hits > 0.0).astype(np.float64), missed, config.min_newer_drives)
    sure = confidence(hits, missed * (1.0 - not_yet), config.prior_log_odds, config.hit_weight, config.miss_log_odds)
    return float(sure[0] * (1.0 - gone[0]))


def _parts(
    outline: _Outline, members: list[tuple[int, MapElement]], drives: list[SeenDrive], sure: float, core_m: Bounds
) -> list[MapElement]:
    seen_by = sorted({drive for drive, _ in members})
    vertices = np.concatenate([element.xyz_map for _, element in members])
    return [
        MapElement(
            element_id=content_id(ElementClass.PED_CROSSING, shapely.get_coordinates(part)),
            element_class=ElementClass.PED_CROSSING,
            geometry=raised(part, vertices),
            confidence=sure,
            sigma_m=tuple(outline.sigma_at(shapely.get_coordinates(part.exterior)).tolist()),
            n_drives=len(seen_by),
            first_seen_ns=min(element.first_seen_ns for _, element in members),
            last_seen_ns=max(element.last_seen_ns for _, element in members),
            sources=tuple(sorted(drives[d].name for d in seen_by)),
        )
        for part in parts_of(outline.polygon.intersection(shapely.box(*core_m)))
    ]
