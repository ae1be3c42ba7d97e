"""Lines must not cross themselves, outlines must be valid."""

from __future__ import annotations

import shapely

from mapforge.validation.rules.findings import Finding, Piece, error


def self_intersections(pieces: list[Piece]) -> list[Finding]:
    """An error a line that meets itself elsewhere than where it closes, or a polygon that is not valid."""
    findings = []
    for piece in pieces:
        shape = shapely.force_2d(piece.element.geometry)
        if isinstance(shape, shapely.LineString) and not shapely.is_simple(shape):
            findings.append(error(piece, "the line crosses itself"))
        elif isinstance(shape, shapely.Polygon | shapely.MultiPolygon) and not shapely.is_valid(shape):
            findings.append(error(piece, f"the outline is not valid: {shapely.is_valid_reason(shape)}"))
    return findings
