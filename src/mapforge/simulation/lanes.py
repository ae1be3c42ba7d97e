"""Lanes, where those of a street meet a junction, and smooth ways from one to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.junctions import Arm, Junction
from mapforge.simulation.streets import Street

Float = NDArray[np.float64]

STRAIGHT_RAD = np.deg2rad(40.0)
ARC_SHARES = (1.0, 0.85, 0.7, 0.57, 0.45, 0.35)
SAME_STATION_M = 0.01


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane. centreline: (N, 2) in travel direction.

    street, slot: index of the street and of its cross-section's lane; -1 for a connector through a junction.
    start_m, end_m: stations on the street's axis, in travel direction. turn: left, straight or right of a
    connector, "" of a street lane. left, right: neighbours in the same direction, -1 without. tracks: tram rails lie
    in it.
    """

    centreline: Float
    width_m: float
    speed_limit_mps: float
    street: int = -1
    slot: int = -1
    start_m: float = 0.0
    end_m: float = 0.0
    turn: str = ""
    left: int = -1
    right: int = -1
    successors: tuple[int, ...] = ()
    lane_type: str = "vehicle"
    tracks: bool = False


def mouth_station(street: Street, junctions: tuple[Junction, ...], at_start: bool) -> float:
    """Where the street's full cross-section begins or ends; where cars turn up or vanish at an open end."""
    arm = arm_at(street, junctions, at_start)
    if arm is None:
        return street.drive_start_m if at_start else street.drive_end_m
    return arm.station(arm.mouth_m)


def arm_at(street: Street, junctions: tuple[Junction, ...], at_start: bool) -> Arm | None:
    """The street's arm at one of its ends, None at an open end."""
    node = street.start_node if at_start else street.end_node
    if node < 0:
        return None
    return next(a for a in junctions[node].arms if a.street.index == street.index and a.at_start == at_start)


def lanes_of_arm(lanes: list[Lane], arm: Arm, inbound: bool) -> list[int]:
    """Indices of the arm's lanes towards (or away from) the junction, from left to right as seen by their traffic."""
    direction = arm.inbound_direction if inbound else -arm.inbound_direction
    slots, mouth = arm.street.profile.lanes, arm.station(arm.mouth_m)
    found = [
        n
        for n, lane in enumerate(lanes)
        if lane.street == arm.street.index
        and lane.slot >= 0
        and slots[lane.slot].direction == direction
        and abs((lane.end_m if inbound else lane.start_m) - mouth) < SAME_STATION_M
    ]
    return sorted(found, key=lambda n: -slots[lanes[n].slot].offset_m * direction)


def connector(source: Lane, target: Lane, turn: str, clear: shapely.Geometry) -> Lane:
    """A smooth way from the end of a lane to the beginning of another.

    A turn is an arc between two straight pieces, the widest of a few that stays in `clear`, away from the curbs.
    """
    a, b = source.centreline[-1], target.centreline[0]
    ahead_a = polylines.tangents(source.centreline)[-1]
    ahead_b = polylines.tangents(target.centreline)[0]
    ways = [_arc(a, ahead_a, b, ahead_b, share) for share in ARC_SHARES]
    clearest = next((way for way in ways if clear.contains(shapely.LineString(way))), None)
    if clearest is None:
        clearest = min(ways, key=lambda way: shapely.LineString(way).difference(clear).length)
    return Lane(
        centreline=polylines.resample(clearest, 0.75),
        width_m=min(source.width_m, target.width_m),
        speed_limit_mps=min(source.speed_limit_mps, target.speed_limit_mps),
        turn=turn,
        tracks=source.tracks and target.tracks,
    )


def _arc(a: Float, ahead_a: Float, b: Float, ahead_b: Float, share: float) -> Float:
    """From a to b; the arc takes up `share` of the shorter way to where both straights meet (1: all of it)."""
    cross = float(ahead_a[0] * ahead_b[1] - ahead_a[1] * ahead_b[0])
    angle = abs(float(np.arctan2(cross, ahead_a @ ahead_b)))
    if angle < STRAIGHT_RAD:
        return _bezier(a, ahead_a, b, ahead_b)
    gap = b - a
    to_a = float(gap[0] * ahead_b[1] - gap[1] * ahead_b[0]) / cross
    to_b = float(ahead_a[0] * gap[1] - ahead_a[1] * gap[0]) / cross
    reach = share * min(to_a, to_b)
    if reach <= 0:
        return _bezier(a, ahead_a, b, ahead_b)
    start, end = a + (to_a - reach) * ahead_a, b - (to_b - reach) * ahead_b
    return np.vstack([a, _bezier(start, ahead_a, end, ahead_b), b])


def _bezier(a: Float, ahead_a: Float, b: Float, ahead_b: Float) -> Float:
    gap = float(np.linalg.norm(b - a))
    angle = abs(float(np.arctan2(ahead_a[0] * ahead_b[1] - ahead_a[1] * ahead_b[0], ahead_a @ ahead_b)))
    handle = gap / 3 if angle < 1e-3 else gap * (4 / 3) * np.tan(angle / 4) / (2 * np.sin(angle / 2))
    p1, p2 = a + handle * ahead_a, b - handle * ahead_b
    t = np.linspace(0.0, 1.0, 129)[:, None]
    return np.asarray((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * b)
