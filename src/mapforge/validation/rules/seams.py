"""What one tile cuts at its border, its neighbour goes on with."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.schemas.elements import LINE_CLASSES
from mapforge.validation.rules.findings import Finding, Piece, error, warning

Float = NDArray[np.float64]

ON_BORDER_M = 0.005


def open_seams(pieces: list[Piece], frame: MapFrame, seam_m: float) -> list[Finding]:
    """An error a line that ends on the border of a built neighbour which has no end of its class within `seam_m`.

    A warning where the neighbour goes on under another id.
    """
    ends = _ends_on_borders(pieces, frame)
    built = {piece.tile for piece in pieces if piece.tile is not None}
    findings = []
    for tile, own in ends.items():
        for piece, end in own:
            others = [n for n in tile.neighbours() if n in built and _touches(end, n, frame)]
            if not others:
                continue
            near = [
                other
                for neighbour in others
                for other, there in ends.get(neighbour, [])
                if other.element.element_class is piece.element.element_class
                and np.linalg.norm((end - there)[:2]) <= seam_m
            ]
            at = (float(end[0]), float(end[1]))
            if not near:
                findings.append(error(piece, f"the line ends at the border of {others[0]}, which does not go on", at))
            elif all(other.element.element_id != piece.element.element_id for other in near):
                name = near[0].element.element_id
                findings.append(warning(piece, f"{near[0].tile} goes on with it under another id, {name}", at))
    return findings


def _ends_on_borders(pieces: list[Piece], frame: MapFrame) -> dict[TileId, list[tuple[Piece, Float]]]:
    ends: dict[TileId, list[tuple[Piece, Float]]] = defaultdict(list)
    for piece in pieces:
        if piece.tile is None or piece.element.element_class not in LINE_CLASSES:
            continue
        xyz = piece.element.xyz_map
        if len(xyz) < 2 or np.array_equal(xyz[0], xyz[-1]):
            continue
        xmin, ymin, xmax, ymax = piece.tile.bounds_map(frame)
        for end in (xyz[0], xyz[-1]):
            gap = np.abs([end[0] - xmin, end[0] - xmax, end[1] - ymin, end[1] - ymax]).min()
            if gap <= ON_BORDER_M:
                ends[piece.tile].append((piece, end))
    return ends


def _touches(end: Float, tile: TileId, frame: MapFrame) -> bool:
    xmin, ymin, xmax, ymax = tile.bounds_map(frame, ON_BORDER_M)
    return bool(xmin <= end[0] <= xmax and ymin <= end[1] <= ymax)
