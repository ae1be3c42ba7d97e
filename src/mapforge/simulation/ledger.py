"""The truth while a world is being made: elements are drawn in the plane and lifted onto the ground at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.simulation.world import Heightfield

VERTEX_STEP_M = 2.0


@dataclass
class TruthLedger:
    """Collects elements; ids are the class and a number in the order they were drawn."""

    _drawn: list[tuple[str, ElementClass, shapely.Geometry, dict[str, Any]]] = field(default_factory=list)
    _counts: dict[ElementClass, int] = field(default_factory=dict)

    def next_id(self, element_class: ElementClass) -> str:
        """Takes the next id of a class, for elements that must be named before they are drawn."""
        number = self._counts.get(element_class, 0)
        self._counts[element_class] = number + 1
        return f"{element_class}-{number:04d}"

    def draw(
        self,
        element_class: ElementClass,
        geometry: shapely.Geometry,
        element_id: str | None = None,
        **attributes: Any,
    ) -> str:
        """geometry: 2D in the map frame (a point may be 3D: then its height stays). Returns the element's id."""
        element_id = element_id or self.next_id(element_class)
        self._drawn.append((element_id, element_class, geometry, attributes))
        return element_id

    def drawn(self, element_class: ElementClass) -> list[tuple[str, shapely.Geometry, dict[str, Any]]]:
        """(id, geometry, attributes) of a class."""
        return [(i, g, a) for i, c, g, a in self._drawn if c == element_class]

    def elements(self, ground: Heightfield) -> tuple[MapElement, ...]:
        """Everything drawn, every vertex at the ground's height."""
        return tuple(MapElement(i, c, lifted(g, ground), a) for i, c, g, a in self._drawn)


def lifted(geometry: shapely.Geometry, ground: Heightfield) -> shapely.Geometry:
    """The geometry with ground heights, with a vertex at least every 2 m; 3D points are left alone."""
    if isinstance(geometry, shapely.Point) and geometry.has_z:
        return geometry
    dense = shapely.segmentize(geometry, VERTEX_STEP_M)

    def lift(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([xyz[:, :2], ground.at(xyz[:, :2])])

    return shapely.transform(shapely.force_3d(dense), lift, include_z=True)
