"""Roundabouts: the lanes of the ring, the ways in and out, and the paint on it. Traffic keeps right."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.charted import turn_of
from mapforge.simulation.junctions import Arm, Circle, Junction
from mapforge.simulation.lanes import Lane, connector, lanes_of_arm
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import draw_line
from mapforge.simulation.street_profile import LineSlot, PaintStyle
from mapforge.simulation.streets import Curve
from mapforge.simulation.world import PaintMark

Float = NDArray[np.float64]

RING_LIMIT_MPS = 30 / 3.6
ARC_STEP_M = 0.75
JOIN_ROOM_M = 6.5
LEAST_JOIN_RAD = 0.35
MOST_JOIN_RAD = 0.8


@dataclass(frozen=True, eq=False)
class Join:
    """Where an arm's traffic comes into the ring, or leaves it. angle_rad: around the junction, 0 to 2 pi."""

    arm: Arm
    inbound: bool
    angle_rad: float


def joins_of(junction: Junction, circle: Circle) -> list[Join]:
    """By rising angle. Traffic that drives round counter-clockwise passes an arm's way out before its way in."""
    bearings = [_bearing(junction, arm) for arm in junction.arms]
    found = []
    for n, (arm, bearing) in enumerate(zip(junction.arms, bearings)):
        for inbound in (False, True):
            direction = arm.inbound_direction if inbound else -arm.inbound_direction
            slots = [s for s in arm.street.profile.lanes if s.direction == direction and not s.pocket]
            if not slots:
                continue
            side = max(abs(s.offset_m) + s.width_m / 2 for s in slots)
            away = np.clip((side + JOIN_ROOM_M) / circle.outer_m, LEAST_JOIN_RAD, MOST_JOIN_RAD)
            other = bearings[(n + (1 if inbound else -1)) % len(bearings)]
            gap = (other - bearing) % (2 * np.pi) if inbound else (bearing - other) % (2 * np.pi)
            away = min(float(away), 0.42 * (gap or 2 * np.pi))
            found.append(Join(arm, inbound, (bearing + (away if inbound else -away)) % (2 * np.pi)))
    return sorted(found, key=lambda join: join.angle_rad)


def add_roundabout(lanes: list[Lane], junction: Junction, circle: Circle, clear: shapely.Geometry) -> None:
    """Appends the lanes of a ring and its ways in and out; lanes that lead into it get their successors."""
    joins = joins_of(junction, circle)
    ring = _add_ring(lanes, junction, circle, [join.angle_rad for join in joins])
    for n, join in enumerate(joins):
        pairs = _pairs(lanes_of_arm(lanes, join.arm, join.inbound), circle.lanes, join.inbound)
        for street_lane, lane in pairs:
            before, after = ring[lane][n - 1], ring[lane][n]
            source, target = (street_lane, after) if join.inbound else (before, street_lane)
            way = connector(lanes[source], lanes[target], "right", clear)
            lanes[source] = replace(lanes[source], successors=(*lanes[source].successors, len(lanes)))
            lanes.append(replace(way, successors=(target,)))


def paint_roundabout(
    junction: Junction,
    circle: Circle,
    style: PaintStyle,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    paint: list[PaintMark],
) -> None:
    """A dashed line between the lanes of the ring, now and then a solid one around its island."""
    slots = [
        (circle.radius_m(lane) + circle.lane_m / 2, LineSlot(0.0, "dashed", "white", "lane"))
        for lane in range(circle.lanes - 1)
    ]
    if rng.random() < 0.5:
        colour = style.centre_colour
        slots.append((circle.island_m + CLEAR_OF_ISLAND_M, LineSlot(0.0, "solid", colour, "edge")))
    for radius, slot in slots:
        curve = _arc(junction.centre, radius, 0.0, 2 * np.pi)
        draw_line(curve, slot, 0.0, curve.length_m, style, wear, rng, ledger, paint, goes_on=True)


CLEAR_OF_ISLAND_M = 0.4


def _bearing(junction: Junction, arm: Arm) -> float:
    """Direction from the junction's middle to the arm's mouth."""
    mouth = arm.street.curve.points(np.array([arm.station(arm.mouth_m)]), 0.0)[0] - junction.centre
    return float(np.arctan2(mouth[1], mouth[0])) % (2 * np.pi)


def _add_ring(lanes: list[Lane], junction: Junction, circle: Circle, angles: list[float]) -> list[list[int]]:
    """Pieces of the ring between joins, each lane's in a row; piece n begins at join n. Returns their numbers."""
    count, first = len(angles), len(lanes)
    spans = list(itertools.pairwise([*angles, angles[0] + 2 * np.pi]))
    numbers = [[first + lane * count + n for n in range(count)] for lane in range(circle.lanes)]
    for lane, row in enumerate(numbers):
        for n, (start, end) in enumerate(spans):
            arc = _arc(junction.centre, circle.radius_m(lane), start, end).xy
            lanes.append(
                Lane(
                    centreline=arc,
                    width_m=circle.lane_m,
                    speed_limit_mps=RING_LIMIT_MPS,
                    turn=turn_of(arc),
                    left=numbers[lane - 1][n] if lane > 0 else -1,
                    right=numbers[lane + 1][n] if lane + 1 < circle.lanes else -1,
                    successors=(row[(n + 1) % count],),
                )
            )
    return numbers


def _pairs(street_lanes: list[int], ring_lanes: int, inbound: bool) -> list[tuple[int, int]]:
    """(street lane, lane of the ring): the left of the street's lanes use the inner ring; one lane uses all."""
    if not street_lanes:
        return []
    if len(street_lanes) == 1:
        return [(street_lanes[0], lane) for lane in range(ring_lanes)]
    last = ring_lanes - 1
    return [(number, min(rank, last)) for rank, number in enumerate(street_lanes)]


def _arc(centre: Float, radius_m: float, start_rad: float, end_rad: float) -> Curve:
    """Counter-clockwise part of a circle."""
    count = max(3, int(np.ceil((end_rad - start_rad) * radius_m / ARC_STEP_M)) + 1)
    angle = np.linspace(start_rad, end_rad, count)
    return Curve(centre + radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1), angle + np.pi / 2)
