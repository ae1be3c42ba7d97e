"""Paint and curbs lie on the ground the cars drove on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

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
    path = np.concatenate(paths)
    finite = np.isfinite(xyz).all(axis=1)
    xyz, owner = xyz[finite], owner[finite]
    distance, nearest = (np.asarray(a) for a in cKDTree(path[:, :2]).query(xyz[:, :2], distance_upper_bound=REACH_M))
    near = np.isfinite(distance)
    if not near.any():
        return []
    height = xyz[near, 2] - path[nearest[near], 2]
    off = np.abs(height - np.median(height)) - GRADE * distance[near] - max_height_m
    findings = []
    for i in np.unique(owner[near][off > 0.0]):
        worst = np.flatnonzero(owner[near] == i)[off[owner[near] == i].argmax()]
        x, y = xyz[near][worst, :2]
        message = f"{height[worst] - np.median(height):+.2f} m off the driven ground"
        findings.append(error(ground[i], message, (float(x), float(y))))
    return findings
