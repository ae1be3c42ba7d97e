"""Elements as they are on the ground: the pieces that tiles cut them into put together again."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.areas import SNAP_M, parts_of
from mapforge.metrics.continuation import join_lines
from mapforge.schemas.elements import MapElement

Float = NDArray[np.float64]

MEET_M = 0.02


def merge_pieces(elements: list[MapElement]) -> list[MapElement]:
    """One element an id where its pieces touch; parts that stay apart keep the id each. Order of first appearance."""
    by_id: dict[tuple[str, str], list[MapElement]] = defaultdict(list)
    for element in elements:
        by_id[element.element_id, str(element.element_class)].append(element)
    merged: list[MapElement] = []
    for pieces in by_id.values():
        merged += pieces if len(pieces) == 1 else _merged(pieces)
    return merged


def _merged(pieces: list[MapElement]) -> list[MapElement]:
    first = pieces[0]
    if isinstance(first.geometry, shapely.LineString):
        joined, confidence, members = join_lines(
            [_with_sigma(p) for p in pieces], [p.confidence for p in pieces], MEET_M
        )
        return [_line(pieces[own[0]], vertices, score) for vertices, score, own in zip(joined, confidence, members)]
    if isinstance(first.geometry, shapely.Point):
        return [first]
    union = shapely.union_all([p.geometry for p in pieces], grid_size=SNAP_M)
    return [first.with_geometry(part) for part in parts_of(union)]


def _with_sigma(piece: MapElement) -> Float:
    """(N, 4) x, y, z, sigma; sigma is NaN when the element does not state one a vertex."""
    xyz = piece.xyz_map
    sigma = np.full(len(xyz), np.nan)
    if len(piece.sigma_m) == len(xyz):
        sigma[:] = piece.sigma_m
    return np.column_stack([xyz, sigma])


def _line(piece: MapElement, vertices: Float, confidence: float) -> MapElement:
    sigma = () if np.isnan(vertices[:, 3]).any() else tuple(vertices[:, 3].tolist())
    flat = np.isnan(vertices[:, 2]).any()
    line = shapely.LineString(vertices[:, :2] if flat else vertices[:, :3])
    return MapElement(
        piece.element_id,
        piece.element_class,
        line,
        piece.attributes,
        float(confidence),
        sigma,
        piece.n_drives,
        piece.first_seen_ns,
        piece.last_seen_ns,
        piece.sources,
    )
