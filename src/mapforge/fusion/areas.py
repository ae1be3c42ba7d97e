"""Drivable ground and coverage: areas of all drives by vote."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

from mapforge.fusion.existence import Visibility
from mapforge.geometry.areas import mask_of, parts_of, polygons_above, union
from mapforge.geometry.grid import BevGrid
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_GROUND_RIM_CELLS = 4


def raised(polygon: shapely.Polygon, known_xyz: Float) -> shapely.Polygon:
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
    looked = visibility.looked(grid.centres_of(rows, columns)).sum(axis=1).reshape(grid.shape)
    masks = np.array([mask_of([part for e in own for part in parts_of(e.geometry)], grid) for own in areas])
    votes = masks.sum(axis=0)
    majority = 2 * votes >= np.maximum(np.maximum(looked, votes), 1)
    share = uniform_filter(majority.astype(np.float64), 3)
    outlines = [
        part
        for outline in polygons_above(share, 0.499, grid)
        for part in parts_of(outline.intersection(shapely.box(*core_m)))
        # smoothing may push a sliver over the border of the tile, away from what was seen
        if any(element.geometry.intersects(part) for own in areas for element in own)
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
        geometry=raised(outline, np.concatenate([e.xyz_map for _, e in touching])),
        n_drives=len(seen_by),
        first_seen_ns=min(e.first_seen_ns for _, e in touching),
        last_seen_ns=max(e.last_seen_ns for _, e in touching),
        sources=tuple(sorted(drives[d] for d in seen_by)),
    )
