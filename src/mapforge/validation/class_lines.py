"""One class of a map as lines to be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.metrics.continuation import join_lines
from mapforge.metrics.polygons import outline_vertices
from mapforge.metrics.stations import SegmentIndex, Stations, stations_along
from mapforge.schemas.elements import LINE_CLASSES, ElementClass, MapElement

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassLines:
    """shapes: S lines, or areas, as AP compares them, with their confidence. vertices: L lines (N, 3), areas as their
    outline, with sigma (N,) a vertex (empty where not stated) and the confidence of their shape."""

    shapes: list[shapely.Geometry]
    confidence: Float
    vertices: list[Float]
    sigma: list[Float]
    line_confidence: Float

    def stations(self, spacing_m: float) -> Stations:
        return stations_along(self.vertices, spacing_m, self.sigma)

    def index(self) -> SegmentIndex:
        return SegmentIndex(self.vertices, self.sigma)


def class_lines(elements: list[MapElement], element_class: ElementClass) -> ClassLines:
    """The elements of a class. Lines that continue each other are joined, on both sides of a comparison, so that

    neither where a map cuts its lines nor where paint changes its type decides the score. Dividers marked `none`
    cannot be seen and are left out.
    """
    chosen = [
        e
        for e in elements
        if e.element_class is element_class and not e.geometry.is_empty and e.attributes.get("marking_type") != "none"
    ]
    if element_class in LINE_CLASSES:
        return _joined(chosen)
    confidence = np.array([e.confidence for e in chosen], dtype=np.float64)
    vertices, owner = outline_vertices([e.geometry for e in chosen])
    sigma = [np.array(chosen[i].sigma_m, dtype=np.float64) for i in owner]
    return ClassLines([e.geometry for e in chosen], confidence, vertices, sigma, confidence[owner])


def _joined(elements: list[MapElement]) -> ClassLines:
    vertices, owner = outline_vertices([e.geometry for e in elements])
    columns = []
    for line, i in zip(vertices, owner):
        stated = elements[i].sigma_m
        columns.append(np.column_stack([line, stated if len(stated) == len(line) else np.full(len(line), np.nan)]))
    joined, confidence, _ = join_lines(columns, [elements[i].confidence for i in owner])
    shapes: list[shapely.Geometry] = [shapely.LineString(line[:, :2]) for line in joined]
    return ClassLines(shapes, confidence, [line[:, :3] for line in joined], [line[:, 3] for line in joined], confidence)
