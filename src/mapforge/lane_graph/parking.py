"""Strips for parking, told from lanes by what lies around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.sections import NONE, Beside, slots
from mapforge.lane_graph.strips import Strips, windowed_sum
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]

_MAJORITY = 0.5
_DRIVEN = 0.2


def parking(
    strips: Strips, neighbours: Beside, votes: Float, elements: list[MapElement], vote_m: float, max_width_m: float
) -> NDArray[np.bool_]:
    """(N,) bool: samples of strips between a solid line and a road boundary, up to `max_width_m` wide, in which nobody
    drives, beside a road with two or more other lanes. votes: of paths, by sample."""
    solid = np.array([_is_edge_line(element) for element in elements] + [False])
    left_line, right_line = solid[strips.left_owner], solid[strips.right_owner]
    narrow = strips.width_m <= max_width_m
    beside_kerb = (strips.left_kerb & right_line) | (strips.right_kerb & left_line)
    lanes = (slots(strips, neighbours)[0] != NONE).sum(axis=1)
    alike = (narrow & beside_kerb & (lanes > 2)).astype(np.float64)
    number = windowed_sum(np.ones(len(strips)), strips, vote_m)
    driven = windowed_sum((votes != 0.0).astype(np.float64), strips, vote_m) > _DRIVEN * number
    return np.asarray((windowed_sum(alike, strips, vote_m) > _MAJORITY * number) & ~driven)


def _is_edge_line(element: MapElement) -> bool:
    plain = element.attributes.get("marking_type") == "solid" and element.attributes.get("colour") != "yellow"
    return element.element_class is ElementClass.LANE_DIVIDER and plain
