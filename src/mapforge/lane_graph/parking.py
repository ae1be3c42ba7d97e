"""Strips between lines that are not for driving: parking beside a road, and painted medians."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.sections import GOES_ON_M, NONE, Beside, goes_on, roads_beyond, slots
from mapforge.lane_graph.strips import Strips, windowed_sum
from mapforge.lane_graph.votes import Votes
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MAJORITY = 0.5
_BAYS_ACROSS_M = 4.2
_MEDIAN_SHARE = 0.9
_MEDIAN_LENGTH_M = 40.0
"""Shorter strips between solid lines may be lanes before a junction, where nobody changes."""
_LEAST_BETWEEN_SOLID_M = 2.5


def parking(
    strips: Strips, neighbours: Beside, over: Beside, votes: Votes, elements: list[MapElement], max_width_m: float
) -> Mask:
    """(N,) bool: samples of strips between a solid line and a road boundary, as wide as a car (`max_width_m`) or as
    long as one, beside two other lanes, or one and a road beyond a median, in which nobody drives.

    neighbours, over: directly beside, and across medians.
    """
    row, sense = slots(strips, neighbours)
    lanes = (row != NONE).sum(axis=1)
    beyond = np.isfinite(np.minimum(*roads_beyond(strips, row, sense, over)))
    left_line, right_line = _solid(strips, elements)
    yellow = np.array([element.attributes.get("colour") == "yellow" for element in elements] + [False])
    left_edge, right_edge = left_line & ~yellow[strips.left_owner], right_line & ~yellow[strips.right_owner]
    beside_kerb = (strips.left_kerb & right_edge) | (strips.right_kerb & left_edge)
    for_cars = (strips.width_m <= max_width_m) | (strips.width_m >= _BAYS_ACROSS_M)
    alike = _share(for_cars & beside_kerb & (lanes + beyond > 2), strips, votes.half_m)
    return (alike > _MAJORITY) & ~votes.is_driven(strips)


def painted_medians(strips: Strips, neighbours: Beside, votes: Votes, elements: list[MapElement]) -> Mask:
    """(N,) bool: samples of strips between two solid lines with lanes on both sides, in which nobody drives.

    They are longer than the stretch before a junction on which nobody changes lanes, narrower than any lane there, or
    passed by both neighbours at both ends. strips: without those for parking.
    """
    enclosed = (neighbours.left != NONE) & (neighbours.right != NONE)
    left_line, right_line = _solid(strips, elements)
    alike = _share(left_line & right_line & enclosed, strips, votes.half_m)
    shaped = (
        (strips.length_of_strip() > _MEDIAN_LENGTH_M)
        | (strips.width_m < _LEAST_BETWEEN_SOLID_M)
        | _is_passed(strips, neighbours)[strips.strip]
    )
    return (alike > _MEDIAN_SHARE) & shaped & ~votes.is_driven(strips)


def _is_passed(strips: Strips, neighbours: Beside) -> Mask:
    """(S,) whether the lanes beside a strip go on beyond both of its ends."""
    sides = [across[ends] for across in (neighbours.left, neighbours.right) for ends in strips.ends]
    return np.logical_and.reduce([goes_on(strips, side, GOES_ON_M) for side in sides])


def _share(mask: Mask, strips: Strips, half_m: float) -> Float:
    number = windowed_sum(np.ones(len(strips)), strips, half_m)
    return np.asarray(windowed_sum(mask.astype(np.float64), strips, half_m) / number)


def _solid(strips: Strips, elements: list[MapElement]) -> tuple[Mask, Mask]:
    """(N,) bool twice: whether the left and the right border of each sample is a solid line."""
    solid = np.array([_is_solid(element) for element in elements] + [False])
    return solid[strips.left_owner], solid[strips.right_owner]


def _is_solid(element: MapElement) -> bool:
    is_line = element.element_class is ElementClass.LANE_DIVIDER
    return is_line and element.attributes.get("marking_type") == "solid"
