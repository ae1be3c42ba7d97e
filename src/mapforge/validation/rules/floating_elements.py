"""Paint and curbs lie on the ground the cars drove on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex
from mapforge.schemas.elements import LINE_CLASSES, ElementClass
from mapforge.validation.rules.findings import Finding, Piece, error

REACH_M, GRADE = 20.0, 0.1
_GROUND_CLASSES = (*LINE_CLASSES, ElementClass.PED_CROSSING, ElementClass.LANE)


def floating_elements(pieces: list[Piece], paths: list[NDArray[np.float64]], max_height_m: float) -> list[Finding]:
    """An error an element with a vertex farther above or below the nearest path than `max_height_m` and a 10 % grade.

    paths: (N, 3). How high the poses' origin is above ground is not known: the map's median height is taken off.
    """
    ground = [piece for piece in pieces if piece.element.element_class in _GROUND_CLASSES]
    vertices = [piece.element.xyz_map for piece in ground]
    if not paths or not vertices:
        return []
    xyz, owner = np.concatenate(vertices), np.repeat(np.arange(len(vertices)), [len(v) for v in vertices])
    finite = np.isfinite(xyz).all(axis=1)
    feet = SegmentIndex(paths).nearest(xyz[finite], REACH_M)
    if not len(feet.query):
        return []
    xyz, owner = xyz[finite][feet.query], owner[finite][feet.query]
    height = xyz[:, 2] - feet.xyz[:, 2]
    height -= np.median(height)
    off = np.abs(height) - GRADE * feet.distance_m - max_height_m
    findings = []
    for i in np.unique(owner[off > 0.0]):
        worst = np.flatnonzero(owner == i)[off[owner == i].argmax()]
        place = (float(xyz[worst, 0]), float(xyz[worst, 1]))
        findings.append(error(ground[i], f"{height[worst]:+.2f} m off the driven ground", place))
    return findings
