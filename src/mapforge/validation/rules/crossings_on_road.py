"""A crossing crosses a road."""

from __future__ import annotations

import numpy as np
import shapely

from mapforge.schemas.elements import ElementClass
from mapforge.validation.rules.findings import Finding, Piece, warning

LEAST_SHARE = 0.2


def crossings_off_road(pieces: list[Piece]) -> list[Finding]:
    """A warning a crossing of which less than a fifth lies on drivable area; silent in maps that have none."""
    areas = [p.element.geometry for p in pieces if p.element.element_class is ElementClass.DRIVABLE_AREA]
    crossings = [p for p in pieces if p.element.element_class is ElementClass.PED_CROSSING]
    if not areas or not crossings:
        return []
    road = shapely.union_all(shapely.make_valid(shapely.force_2d(np.array(areas, dtype=object))))
    findings = []
    for piece in crossings:
        shape = shapely.make_valid(shapely.force_2d(piece.element.geometry))
        share = shapely.intersection(shape, road).area / shape.area if shape.area > 0.0 else 0.0
        if share < LEAST_SHARE:
            findings.append(warning(piece, f"only {share:.0%} of the crossing lies on drivable area"))
    return findings
