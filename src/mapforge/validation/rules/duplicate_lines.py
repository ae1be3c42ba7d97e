"""The same line must not be there twice."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from mapforge.metrics.length_based import duplicated
from mapforge.metrics.polygons import outline_vertices
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.schemas.elements import LINE_CLASSES, ElementClass
from mapforge.validation.rules.findings import Finding, Piece, error, warning

MOST, SOME_M = 0.8, 5.0


def duplicate_lines(pieces: list[Piece]) -> list[Finding]:
    """An error a line of which most runs within 0.5 m beside a surer one of its class, a warning where 5 m do."""
    findings = []
    for own in _by_class(pieces).values():
        vertices, owner = outline_vertices([p.element.geometry for p in own])
        confidence = [own[i].element.confidence for i in owner]
        stations = stations_along(vertices, 0.5)
        doubled = duplicated(stations, SegmentIndex(vertices), confidence)
        length = np.bincount(stations.line, stations.length_m, len(vertices))
        twice = np.bincount(stations.line, stations.length_m * doubled, len(vertices))
        for i in np.flatnonzero((twice >= MOST * length) | (twice >= SOME_M)):
            x, y = stations.xyz[np.flatnonzero(doubled & (stations.line == i))[0], :2]
            say = error if twice[i] >= MOST * length[i] else warning
            message = f"{twice[i]:.1f} of {length[i]:.1f} m run beside another line of the class"
            findings.append(say(own[owner[i]], message, (float(x), float(y))))
    return findings


def _by_class(pieces: list[Piece]) -> dict[ElementClass, list[Piece]]:
    groups: dict[ElementClass, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.element.element_class in LINE_CLASSES:
            groups[piece.element.element_class].append(piece)
    return groups
