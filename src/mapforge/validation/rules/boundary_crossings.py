"""Boundaries do not cross dividers, but where roads meet."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.metrics.polygons import outline_vertices
from mapforge.metrics.stations import SegmentIndex
from mapforge.schemas.elements import ElementClass
from mapforge.validation.rules.findings import Finding, Piece, warning

STEEP_RAD, JUNCTION_M = np.deg2rad(30.0), 20.0


def steep_crossings(pieces: list[Piece]) -> list[Finding]:
    """A warning where a road boundary crosses a divider at more than 30 degrees away from any junction.

    A junction is where a stop line, a crossing or a turning lane is within 20 m.
    """
    dividers = [p for p in pieces if p.element.element_class is ElementClass.LANE_DIVIDER]
    boundaries = [p for p in pieces if p.element.element_class is ElementClass.ROAD_BOUNDARY]
    if not dividers or not boundaries:
        return []
    lines, across = (_flat([p.element.geometry for p in side]) for side in (dividers, boundaries))
    first, second = shapely.STRtree(across).query(lines, predicate="crosses")
    junctions = shapely.STRtree([p.element.geometry for p in pieces if _marks_junction(p)])
    findings = []
    for d, b in sorted(zip(first.tolist(), second.tolist())):
        for x, y in shapely.get_coordinates(shapely.intersection(lines[d], across[b])):
            place = shapely.Point(x, y)
            if _angle(lines[d], across[b], x, y) > STEEP_RAD and not len(
                junctions.query(place, predicate="dwithin", distance=JUNCTION_M)
            ):
                message = f"a road boundary ({boundaries[b].element.element_id}) crosses this divider"
                findings.append(warning(dividers[d], message, (float(x), float(y))))
    return findings


def _flat(shapes: list[shapely.Geometry]) -> NDArray:
    return np.asarray(shapely.force_2d(np.array(shapes, dtype=object)))


def _marks_junction(piece: Piece) -> bool:
    element = piece.element
    if element.element_class is ElementClass.LANE:
        return element.attributes.get("turn") not in (None, "", "straight", "none")
    return element.element_class in (ElementClass.STOP_LINE, ElementClass.PED_CROSSING)


def _angle(a: shapely.Geometry, b: shapely.Geometry, x: float, y: float) -> float:
    """Between the directions of two lines near a point, 0 to 90 degrees."""
    here = np.array([[x, y]])
    normals = [SegmentIndex(outline_vertices([line])[0]).nearest(here, 1.0).normal[0] for line in (a, b)]
    return float(np.arccos(np.clip(abs(normals[0] @ normals[1]), 0.0, 1.0)))
