"""Geometry and attributes no real element has."""

from __future__ import annotations

import numpy as np
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import AREA_CLASSES, LINE_CLASSES, ElementClass
from mapforge.validation.rules.findings import Finding, Piece, error, warning

SHORTEST_M, SMALLEST_M2, BORDER_M = 0.05, 0.01, 0.05


def absurd_geometry(pieces: list[Piece], frame: MapFrame, max_length_m: float) -> list[Finding]:
    """Errors: coordinates that are no numbers, nothing there, far too long, outside the tile."""
    findings = []
    for piece in pieces:
        shape = piece.element.geometry
        if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
            findings.append(error(piece, "the geometry is empty or has coordinates that are no numbers"))
            continue
        if not _is_cut(piece, frame):
            findings += _too_small(piece)
        if shape.length > max_length_m and piece.element.element_class not in AREA_CLASSES:
            findings.append(error(piece, f"the line is {shape.length:.0f} m long; at most {max_length_m:.0f} m"))
        if piece.tile is not None and not _within(shape, piece.tile.bounds_map(frame, BORDER_M)):
            findings.append(error(piece, f"the element reaches out of its tile {piece.tile}"))
    return findings


def absurd_lanes(pieces: list[Piece], min_width_m: float, max_width_m: float, max_speed_mps: float) -> list[Finding]:
    """Warnings: lanes too narrow, too wide, or with a speed limit no road has."""
    findings = []
    for piece in pieces:
        if piece.element.element_class is not ElementClass.LANE:
            continue
        width, speed = (piece.element.attributes.get(name) for name in ("width_m", "speed_limit_mps"))
        if width is not None and not min_width_m <= width <= max_width_m:
            findings.append(warning(piece, f"width_m is {width:.2f}, outside {min_width_m} to {max_width_m}"))
        if speed is not None and not 0.0 < speed <= max_speed_mps:
            findings.append(warning(piece, f"speed_limit_mps is {speed:.1f}, outside 0 to {max_speed_mps}"))
    return findings


def _too_small(piece: Piece) -> list[Finding]:
    shape = piece.element.geometry
    if piece.element.element_class in LINE_CLASSES and shape.length < SHORTEST_M:
        return [warning(piece, f"the line is {shape.length:.3f} m long")]
    if piece.element.element_class in AREA_CLASSES and shape.area < SMALLEST_M2:
        return [warning(piece, f"the area is {shape.area:.4f} m2")]
    return []


def _is_cut(piece: Piece, frame: MapFrame) -> bool:
    """Whether the piece touches the border of its tile: then it may be a small part of something larger."""
    return piece.tile is not None and not _within(piece.element.geometry, piece.tile.bounds_map(frame, -BORDER_M))


def _within(shape: shapely.Geometry, bounds: tuple[float, float, float, float]) -> bool:
    xmin, ymin, xmax, ymax = shape.bounds
    return bool(xmin >= bounds[0] and ymin >= bounds[1] and xmax <= bounds[2] and ymax <= bounds[3])
