"""Shapes as lines: a line is itself, an area its closed outline (so crossings are judged like lines)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import GeometryType

Float = NDArray[np.float64]

SHORTEST_M = 1e-6


def outlines(shapes: Sequence[shapely.Geometry] | NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """LineStrings (L,) of shapes, and (L,) the index of the shape each came from.

    Lines stay; polygons give their exterior, closed; collections are taken apart; points and empties give nothing.
    """
    parts, owner = _single_parts(shapes)
    kinds = shapely.get_type_id(parts)
    rings = kinds == GeometryType.POLYGON
    parts[rings] = shapely.get_exterior_ring(parts[rings])
    as_line = rings | (kinds == GeometryType.LINESTRING) | (kinds == GeometryType.LINEARRING)
    as_line &= shapely.length(parts) > SHORTEST_M
    return parts[as_line], owner[as_line]


def vertices_of(lines: NDArray) -> list[Float]:
    """(N, 3) vertices of each LineString; z is NaN where it has none."""
    if len(lines) == 0:
        return []
    xyz, index = shapely.get_coordinates(lines, include_z=True, return_index=True)
    return np.split(xyz, np.searchsorted(index, np.arange(1, len(lines))))


def outline_vertices(shapes: Sequence[shapely.Geometry] | NDArray) -> tuple[list[Float], NDArray[np.int64]]:
    """`outlines` as vertex arrays (N, 3), and the index of the shape each came from."""
    lines, owner = outlines(shapes)
    return vertices_of(lines), owner


def _single_parts(shapes: Sequence[shapely.Geometry] | NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Non-collection parts; collections may hold collections, hence twice."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = list(shapes)
    parts, owner = shapely.get_parts(array, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    return parts, owner[inner].astype(np.int64)
