"""Flat areas cut into triangles that follow the ground."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.shapes import mesh_of
from mapforge.simulation.world import Material, Mesh

Float = NDArray[np.float64]

SMALLEST_PIECE_M2 = 1e-5
BLOCK_CELLS = 12


def area_mesh(area: shapely.Geometry, cell_m: float, height: Callable[[Float], Float], material: Material) -> Mesh:
    """Triangles over an area (polygon or multipolygon, map plane), at most `cell_m` wide, at height(xy)."""
    triangles = triangulate(area, cell_m)
    corners, index = np.unique(np.round(triangles.reshape(-1, 2), 4), axis=0, return_inverse=True)
    faces = index.reshape(-1, 3)
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    z = height(corners) if len(corners) else np.zeros(0)
    return mesh_of(np.column_stack([corners, z]), faces[distinct], material)


def triangulate(area: shapely.Geometry, cell_m: float) -> Float:
    """(T, 3, 2) triangles that tile the area.

    The plane is cut into blocks, so that clipping stays local, and these into square cells. Whole cells become two
    triangles, cells on the border are clipped and triangulated (constrained Delaunay): neighbouring cells share their
    vertices, so no gap opens.
    """
    blocks = _cells(area, BLOCK_CELLS * cell_m)
    shapely.prepare(area)
    inside = shapely.contains_properly(area, blocks)
    border = ~inside & shapely.intersects(area, blocks)
    parts = [*blocks[inside], *shapely.intersection(blocks[border], area)]
    pieces = [_triangulate_block(part, cell_m) for part in parts]
    return np.concatenate(pieces) if pieces else np.zeros((0, 3, 2))


def _triangulate_block(area: shapely.Geometry, cell_m: float) -> Float:
    cells = _cells(area, cell_m)
    if not len(cells):
        return np.zeros((0, 3, 2))
    shapely.prepare(area)
    inside = shapely.covers(area, cells)
    border = ~inside & shapely.intersects(area, cells)
    whole = shapely.get_coordinates(cells[inside]).reshape(-1, 5, 2)
    squares = np.concatenate([whole[:, [0, 1, 2]], whole[:, [0, 2, 3]]])
    pieces = shapely.get_parts(shapely.intersection(cells[border], area))
    pieces = pieces[(shapely.get_type_id(pieces) == 3) & (shapely.area(pieces) > SMALLEST_PIECE_M2)]
    clipped = shapely.get_parts(shapely.constrained_delaunay_triangles(pieces))
    corners = shapely.get_coordinates(clipped).reshape(-1, 4, 2)[:, :3]
    return np.concatenate([squares, corners])


def _cells(area: shapely.Geometry, cell_m: float) -> NDArray[np.object_]:
    if area.is_empty:
        return np.zeros(0, dtype=object)
    xmin, ymin, xmax, ymax = np.round(shapely.bounds(area), 6)
    columns = np.arange(np.floor(xmin / cell_m), np.ceil(xmax / cell_m)) * cell_m
    rows = np.arange(np.floor(ymin / cell_m), np.ceil(ymax / cell_m)) * cell_m
    x, y = (a.ravel() for a in np.meshgrid(columns, rows))
    return np.asarray(shapely.box(x, y, x + cell_m, y + cell_m))
