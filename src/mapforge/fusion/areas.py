"""Crossings, drivable ground and coverage: areas of all drives by vote."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from mapforge.fusion.existence import Visibility, confidence
from mapforge.geometry.areas import mask_of, parts_of, polygons_above, regularised, union
from mapforge.geometry.grid import BevGrid
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_SAME_CROSSING_SHARE = 0.3
_GROUND_RIM_CELLS = 4


def fused_crossings(
    crossings: list[list[MapElement]],
    drives: list[str],
    visibility: Visibility,
    core_m: Bounds,
    cell_m: float,
    log_odds: tuple[float, float, float],
    min_confidence: float,
) -> list[MapElement]:
    """Crossings of the map inside the core.

    crossings[d]: whole crossings of drive d near the tile. log_odds: prior, weight of a hit, cost of a miss.
    """
    flat = [(drive, element) for drive, elements in enumerate(crossings) for element in elements]
    flat.sort(key=lambda pair: (pair[0], pair[1].geometry.bounds))
    fused = []
    for group in _same_crossing([element.geometry for _, element in flat]):
        members = [flat[k] for k in group]
        outline = _majority(members, cell_m)
        if outline is None:
            continue
        hits = np.zeros((1, len(drives)))
        for drive, element in members:
            hits[0, drive] = max(hits[0, drive], element.confidence)
        looked = visibility.at(shapely.get_coordinates(outline.centroid))
        sure = float(confidence(hits, looked, *log_odds)[0])
        if sure >= min_confidence:
            fused += _crossing_parts(outline, members, drives, sure, core_m)
    return fused


def _same_crossing(polygons: list[shapely.Polygon]) -> list[list[int]]:
    """Groups of polygons that share a good part of the smaller one."""
    if not polygons:
        return []
    a, b = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    solid = np.array(polygons, dtype=object)
    shared = shapely.area(shapely.intersection(solid[a], solid[b]))
    same = shared >= _SAME_CROSSING_SHARE * np.minimum(shapely.area(solid[a]), shapely.area(solid[b]))
    graph = coo_matrix((np.ones(same.sum()), (a[same], b[same])), shape=(len(polygons), len(polygons)))
    label = connected_components(graph, directed=False)[1]
    return [np.flatnonzero(label == k).tolist() for k in range(label.max() + 1)]


def _majority(members: list[tuple[int, MapElement]], cell_m: float) -> shapely.Polygon | None:
    """The area that at least half of the drives' weight calls crossing, tidied."""
    xmin, ymin, xmax, ymax = shapely.total_bounds([element.geometry for _, element in members])
    x0, y0 = math.floor(xmin / cell_m - 1) * cell_m, math.floor(ymin / cell_m - 1) * cell_m
    grid = BevGrid(x0, y0, cell_m, math.ceil((ymax - y0) / cell_m) + 1, math.ceil((xmax - x0) / cell_m) + 1)
    votes = np.zeros(grid.shape)
    for drive in sorted({drive for drive, _ in members}):
        own = [element for d, element in members if d == drive]
        votes += mask_of([element.geometry for element in own], grid) * max(element.confidence for element in own)
    total = sum(max(e.confidence for d, e in members if d == drive) for drive in {d for d, _ in members})
    parts = polygons_above(uniform_filter(votes / total, 3), 0.499, grid)
    return regularised(max(parts, key=lambda part: part.area)) if parts else None


def _crossing_parts(
    outline: shapely.Polygon, members: list[tuple[int, MapElement]], drives: list[str], sure: float, core_m: Bounds
) -> list[MapElement]:
    seen_by = sorted({drive for drive, _ in members})
    vertices = np.concatenate([element.xyz_map for _, element in members])
    return [
        MapElement(
            element_id=content_id(ElementClass.PED_CROSSING, shapely.get_coordinates(part)),
            element_class=ElementClass.PED_CROSSING,
            geometry=_raised(part, vertices),
            confidence=sure,
            n_drives=len(seen_by),
            first_seen_ns=min(element.first_seen_ns for _, element in members),
            last_seen_ns=max(element.last_seen_ns for _, element in members),
            sources=tuple(sorted(drives[d] for d in seen_by)),
        )
        for part in parts_of(outline.intersection(shapely.box(*core_m)))
    ]


def _raised(polygon: shapely.Polygon, known_xyz: Float) -> shapely.Polygon:
    """Each vertex at the mean height of the few known points nearest to it."""
    tree = cKDTree(known_xyz[:, :2])
    k = min(4, len(known_xyz))

    def with_height(ring: shapely.LinearRing) -> Float:
        xy = shapely.get_coordinates(ring)
        nearest = tree.query(xy, k=k)[1].reshape(len(xy), -1)
        return np.column_stack([xy, known_xyz[nearest, 2].mean(axis=1)])

    return shapely.Polygon(with_height(polygon.exterior), [with_height(hole) for hole in polygon.interiors])


def fused_drivable(
    areas: list[list[MapElement]], drives: list[str], visibility: Visibility, core_m: Bounds, cell_m: float
) -> list[MapElement]:
    """Ground that at least half of the drives that looked at it call drivable."""
    rim = _GROUND_RIM_CELLS * cell_m
    grid = BevGrid(
        core_m[0] - rim,
        core_m[1] - rim,
        cell_m,
        round((core_m[3] - core_m[1]) / cell_m) + 2 * _GROUND_RIM_CELLS,
        round((core_m[2] - core_m[0]) / cell_m) + 2 * _GROUND_RIM_CELLS,
    )
    rows, columns = np.indices(grid.shape).reshape(2, -1)
    looked = (visibility.at(grid.centres_of(rows, columns)) > 0.0).sum(axis=1).reshape(grid.shape)
    masks = np.array([mask_of([part for e in own for part in parts_of(e.geometry)], grid) for own in areas])
    votes = masks.sum(axis=0)
    majority = 2 * votes >= np.maximum(np.maximum(looked, votes), 1)
    share = uniform_filter(majority.astype(np.float64), 3)
    outlines = [
        part
        for outline in polygons_above(share, 0.499, grid)
        for part in parts_of(outline.intersection(shapely.box(*core_m)))
    ]
    return [_ground_element(ElementClass.DRIVABLE_AREA, outline, areas, drives) for outline in outlines]


def fused_coverage(areas: list[list[MapElement]], drives: list[str], core_m: Bounds) -> list[MapElement]:
    """Ground that any drive looked at."""
    core = shapely.box(*core_m)
    looked = [shapely.intersection(shapely.force_2d(element.geometry), core) for own in areas for element in own]
    flat = [part for area in looked for part in parts_of(area)]
    return [_ground_element(ElementClass.COVERAGE, outline, areas, drives) for outline in union(flat)]


def _ground_element(
    element_class: ElementClass, outline: shapely.Polygon, areas: list[list[MapElement]], drives: list[str]
) -> MapElement:
    touching = [(d, e) for d, own in enumerate(areas) for e in own if e.geometry.intersects(outline)]
    seen_by = sorted({d for d, _ in touching})
    return MapElement(
        element_id=content_id(element_class, shapely.get_coordinates(outline)),
        element_class=element_class,
        geometry=_raised(outline, np.concatenate([e.xyz_map for _, e in touching])),
        n_drives=len(seen_by),
        first_seen_ns=min(e.first_seen_ns for _, e in touching),
        last_seen_ns=max(e.last_seen_ns for _, e in touching),
        sources=tuple(sorted(drives[d] for d in seen_by)),
    )
