"""Lanes that open in the median before a junction, for traffic that turns left."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.junctions import Arm, Control, Junction
from mapforge.simulation.lanes import STRAIGHT_RAD, Lane, arm_at, mouth_station
from mapforge.simulation.street_profile import LaneSlot
from mapforge.simulation.streets import Street

Float = NDArray[np.float64]

POCKET_SHARE = 0.22
POCKET_M = (10.0, 30.0)
TAPER_M = 11.0
LANE_STEP_M = 1.0


@dataclass(frozen=True)
class Pocket:
    """Stations on the street's axis: where the pocket begins to open, where it has its width, where it ends."""

    opens_m: float
    full_m: float
    mouth_m: float


def pocket_of(arm: Arm, junction: Junction) -> Pocket | None:
    """The arm's pocket; None without one in the cross-section, without a way to the left, and at roundabouts."""
    if not arm.street.profile.pockets or junction.control == Control.ROUNDABOUT or not _leads_left(arm, junction):
        return None
    room = arm.street.length_m - 2 * arm.mouth_m
    reach = float(np.clip(POCKET_SHARE * room, *POCKET_M))
    taper = min(TAPER_M, 0.5 * reach)
    return Pocket(*(arm.station(arm.mouth_m + distance) for distance in (reach + taper, reach, 0.0)))


def slots_towards(arm: Arm, junction: Junction) -> list[LaneSlot]:
    """Lanes of the cross-section that lead into the junction there."""
    open_pocket = pocket_of(arm, junction) is not None
    slots = [slot for slot in arm.street.profile.lanes if slot.direction == arm.inbound_direction]
    return [slot for slot in slots if open_pocket or not slot.pocket]


def pocketed_lanes(street: Street, junctions: tuple[Junction, ...], first: int) -> list[Lane]:
    """Lanes of a street whose cross-section has pockets: each direction in two pieces where one opens."""
    lanes: list[Lane] = []
    for direction in (-1, 1):
        arm = arm_at(street, junctions, at_start=direction < 0)
        node = street.end_node if direction > 0 else street.start_node
        pocket = None if arm is None else pocket_of(arm, junctions[node])
        lanes += _one_way(street, junctions, direction, pocket, first + len(lanes))
    return lanes


def _one_way(
    street: Street, junctions: tuple[Junction, ...], direction: int, pocket: Pocket | None, first: int
) -> list[Lane]:
    profile = street.profile
    order = [n for n, slot in enumerate(profile.lanes) if slot.direction == direction and not slot.pocket]
    order.sort(key=lambda n: -profile.lanes[n].offset_m * direction)
    low, high = (mouth_station(street, junctions, at_start) for at_start in (True, False))
    start, end = (low, high) if direction > 0 else (high, low)
    if pocket is None:
        return [_lane(street, slot, start, end, rank, len(order), first) for rank, slot in enumerate(order)]
    count = len(order)
    before = [_lane(street, slot, start, pocket.opens_m, rank, count, first) for rank, slot in enumerate(order)]
    beside = [_lane(street, slot, pocket.opens_m, end, rank, count, first + count) for rank, slot in enumerate(order)]
    own = next(n for n, slot in enumerate(profile.lanes) if slot.pocket and slot.direction == direction)
    number = first + 2 * count
    before = [replace(lane, successors=(first + count + rank,)) for rank, lane in enumerate(before)]
    before[0] = replace(before[0], successors=(first + count, number))
    beside[0] = replace(beside[0], left=number)
    pocket_lane = replace(
        _lane(street, own, pocket.opens_m, end, 0, 1, number),
        centreline=_opening(street, profile.lanes[order[0]].offset_m, profile.lanes[own].offset_m, pocket),
        right=first + count,
    )
    return [*before, *beside, pocket_lane]


def _lane(street: Street, slot: int, start_m: float, end_m: float, rank: int, count: int, first: int) -> Lane:
    """One piece of a lane. rank: from the left of `count`, whose leftmost has the number `first`."""
    place = street.profile.lanes[slot]
    return Lane(
        centreline=street.curve.line(place.offset_m, start_m, end_m),
        width_m=place.width_m,
        speed_limit_mps=street.profile.speed_limit_kmh / 3.6,
        street=street.index,
        slot=slot,
        start_m=start_m,
        end_m=end_m,
        left=first + rank - 1 if rank > 0 else -1,
        right=first + rank + 1 if rank + 1 < count else -1,
        lane_type=place.lane_type,
    )


def _opening(street: Street, from_offset_m: float, to_offset_m: float, pocket: Pocket) -> Float:
    """(N, 2) out of the lane beside it into the pocket, and on to its end."""
    span = abs(pocket.mouth_m - pocket.opens_m)
    stations = np.linspace(pocket.opens_m, pocket.mouth_m, max(3, int(np.ceil(span / LANE_STEP_M)) + 1))
    share = np.clip((stations - pocket.opens_m) / (pocket.full_m - pocket.opens_m), 0.0, 1.0)
    offset = from_offset_m + (to_offset_m - from_offset_m) * share**2 * (3 - 2 * share)
    return street.curve.points(stations, offset)


def _leads_left(arm: Arm, junction: Junction) -> bool:
    for other in junction.arms:
        outbound = any(s.direction == -other.inbound_direction and not s.pocket for s in other.street.profile.lanes)
        angle = float((other.outward_rad - arm.outward_rad) % (2 * np.pi) - np.pi)
        if other is not arm and outbound and angle >= STRAIGHT_RAD:
            return True
    return False
