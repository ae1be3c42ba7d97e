"""Strips between lines that are not for driving: parking beside a road, and painted medians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.sections import GOES_ON_M, NONE, Beside, goes_on, roads_beyond, slots
from mapforge.lane_graph.strips import Strips, windowed_sum
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MAJORITY = 0.5
_DRIVEN = 0.2
_BAYS_ACROSS_M = 4.2
_MEDIAN_SHARE = 0.9
_MEDIAN_LENGTH_M = 40.0
"""Shorter strips between solid lines may be lanes before a junction, where nobody changes."""
_LEAST_BETWEEN_SOLID_M = 2.5


@dataclass(frozen=True)
class Use:
    """Who was seen on strips. paths, traffic: (N,) votes of drives and of what they saw (`directions`). vote_m: half
    length over which they are gathered."""

    paths: Float
    traffic: Float
    vote_m: float

    def is_seen(self, strips: Strips) -> Mask:
        number = windowed_sum(np.ones(len(strips)), strips, self.vote_m)
        used = ((self.paths != 0.0) | (self.traffic != 0.0)).astype(np.float64)
        return np.asarray(windowed_sum(used, strips, self.vote_m) > _DRIVEN * number)


def not_for_driving(
    strips: Strips, neighbours: Beside, over: Beside, use: Use, elements: list[MapElement], max_parking_m: float
) -> Mask:
    """(N,) bool: samples of strips that are no lanes, in which nobody drives.

    Parking: between a solid line and a road boundary, as wide as a car (`max_parking_m`) or as long as one, beside two
    other lanes, or one and a road beyond a median. Painted medians: between two solid lines with lanes on both sides,
    longer than the stretch before a junction on which nobody changes lanes, narrower than any lane there, or passed by
    both neighbours at both ends.
    neighbours, over: directly beside, and across medians.
    """
    row, sense = slots(strips, neighbours)
    lanes = (row != NONE).sum(axis=1)
    beyond = np.logical_or(*roads_beyond(strips, row, sense, over))
    solid = np.array([_is_solid(element) for element in elements] + [False])
    yellow = np.array([element.attributes.get("colour") == "yellow" for element in elements] + [False])
    left_line, right_line = solid[strips.left_owner], solid[strips.right_owner]
    left_edge, right_edge = left_line & ~yellow[strips.left_owner], right_line & ~yellow[strips.right_owner]
    width = strips.width_m
    beside_kerb = (strips.left_kerb & right_edge) | (strips.right_kerb & left_edge)
    for_cars = (width <= max_parking_m) | (width >= _BAYS_ACROSS_M)
    parking = _share(for_cars & beside_kerb & (lanes + beyond > 2), strips, use.vote_m) > _MAJORITY
    enclosed = (neighbours.left != NONE) & (neighbours.right != NONE)
    median = _share(left_line & right_line & enclosed, strips, use.vote_m) > _MEDIAN_SHARE
    median &= (
        (strips.length_of_strip() > _MEDIAN_LENGTH_M)
        | (width < _LEAST_BETWEEN_SOLID_M)
        | _is_passed(strips, neighbours)[strips.strip]
    )
    return (parking | median) & ~use.is_seen(strips)


def _is_passed(strips: Strips, neighbours: Beside) -> Mask:
    """(S,) whether the lanes beside a strip go on beyond both of its ends."""
    sides = [across[ends] for across in (neighbours.left, neighbours.right) for ends in strips.ends]
    return np.logical_and.reduce([goes_on(strips, side, GOES_ON_M) for side in sides])


def _share(mask: Mask, strips: Strips, half_m: float) -> Float:
    number = windowed_sum(np.ones(len(strips)), strips, half_m)
    return np.asarray(windowed_sum(mask.astype(np.float64), strips, half_m) / number)


def _is_solid(element: MapElement) -> bool:
    is_line = element.element_class is ElementClass.LANE_DIVIDER
    return is_line and element.attributes.get("marking_type") == "solid"
