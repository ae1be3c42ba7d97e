"""Lanes of streets, the connectors that lead through junctions, and what follows what."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.junctions import Arm, Junction
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.streets import Street

Float = NDArray[np.float64]

STRAIGHT_RAD = np.deg2rad(40.0)
ARC_SHARES = (1.0, 0.85, 0.7, 0.57, 0.45, 0.35)
CURB_CLEARANCE_M = 1.5


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane. centreline: (N, 2) in travel direction.

    street, slot: index of the street and of its cross-section's lane; -1 for a connector through a junction.
    start_m, end_m: stations on the street's axis, in travel direction. turn: left, straight or right of a
    connector, "" of a street lane. left, right: neighbours in the same direction, -1 without.
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


def build_lanes(
    network: RoadNetwork, junctions: tuple[Junction, ...], asphalt: shapely.Polygon, rng: np.random.Generator
) -> tuple[list[Lane], dict[tuple[int, int], tuple[str, ...]]]:
    """All lanes, street lanes first; and the turns allowed from each inbound lane, by (lane, junction)."""
    clear = asphalt.buffer(-CURB_CLEARANCE_M)
    shapely.prepare(clear)
    lanes: list[Lane] = []
    for street in network.streets:
        lanes += _street_lanes(street, junctions, len(lanes))
    turns: dict[tuple[int, int], tuple[str, ...]] = {}
    follow: dict[int, list[int]] = {}
    for junction in junctions:
        for source, target, turn in _movements(lanes, junction, rng):
            connector = _connector(lanes[source], lanes[target], turn, clear)
            follow.setdefault(source, []).append(len(lanes))
            key = (source, junction.index)
            turns[key] = tuple(sorted({*turns.get(key, ()), turn}))
            lanes.append(replace(connector, successors=(target,)))
    done = [replace(lane, successors=tuple(follow[n])) if n in follow else lane for n, lane in enumerate(lanes)]
    return done, turns


def _street_lanes(street: Street, junctions: tuple[Junction, ...], first: int) -> list[Lane]:
    profile = street.profile
    low = mouth_station(street, junctions, at_start=True)
    high = mouth_station(street, junctions, at_start=False)
    lanes = []
    for slot, place in enumerate(profile.lanes):
        start, end = (low, high) if place.direction > 0 else (high, low)
        beside = {-1: -1, 1: -1}
        for step in (-1, 1):
            other = slot + step
            if 0 <= other < len(profile.lanes) and profile.lanes[other].direction == place.direction:
                beside[step] = first + other
        # slots run from left to right of the axis, which for lanes against the axis is from right to left
        left, right = (beside[-1], beside[1]) if place.direction > 0 else (beside[1], beside[-1])
        lanes.append(
            Lane(
                centreline=street.curve.line(place.offset_m, start, end),
                width_m=place.width_m,
                speed_limit_mps=profile.speed_limit_kmh / 3.6,
                street=street.index,
                slot=slot,
                start_m=start,
                end_m=end,
                left=left,
                right=right,
            )
        )
    return lanes


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
    slots = arm.street.profile.lanes
    found = [
        n
        for n, lane in enumerate(lanes)
        if lane.street == arm.street.index and lane.slot >= 0 and slots[lane.slot].direction == direction
    ]
    return sorted(found, key=lambda n: -slots[lanes[n].slot].offset_m * direction)


def _movements(lanes: list[Lane], junction: Junction, rng: np.random.Generator) -> list[tuple[int, int, str]]:
    movements = []
    for arm in junction.arms:
        sources = lanes_of_arm(lanes, arm, inbound=True)
        exits = _exits(lanes, arm, junction)
        if not sources or not exits:
            continue
        dedicated = bool(rng.random() < 0.5)
        for rank, source in enumerate(sources):
            for turn in _turns_of(rank, len(sources), set(exits), dedicated):
                targets = exits[turn]
                from_right = len(sources) - 1 - rank
                place = {"left": 0, "right": len(targets) - 1}.get(turn, max(0, len(targets) - 1 - from_right))
                movements.append((source, targets[place], turn))
    return movements + _missing(lanes, junction, movements)


def _exits(lanes: list[Lane], arm: Arm, junction: Junction) -> dict[str, list[int]]:
    """Outbound lanes, from left to right, by the turn that leads to them from this arm."""
    exits: dict[str, list[int]] = {}
    turning: dict[str, float] = {}
    for other in junction.arms:
        targets = lanes_of_arm(lanes, other, inbound=False)
        if other is arm or not targets:
            continue
        # inbound traffic heads against its arm's outward heading, hence half a turn
        angle = float((other.outward_rad - arm.outward_rad) % (2 * np.pi) - np.pi)
        turn = "straight" if abs(angle) < STRAIGHT_RAD else "left" if angle > 0 else "right"
        if turn not in exits or abs(angle) < turning[turn]:
            exits[turn], turning[turn] = targets, abs(angle)
    return exits


def _turns_of(rank: int, count: int, possible: set[str], dedicated_left: bool) -> list[str]:
    """Turns of the lane `rank` (0 = leftmost) of `count` lanes."""
    wanted = {"left", "straight", "right"}
    if count > 1:
        if rank > 0:
            wanted.discard("left")
        if rank < count - 1:
            wanted.discard("right")
        if rank == 0 and dedicated_left and {"left", "straight"} <= possible:
            wanted.discard("straight")
    return sorted(wanted & possible) or sorted(possible)[:1]


def _missing(
    lanes: list[Lane], junction: Junction, movements: list[tuple[int, int, str]]
) -> list[tuple[int, int, str]]:
    """Movements into outbound lanes that nothing leads to yet, from where a lane beside them is reached."""
    reached = {target for _, target, _ in movements}
    extra = []
    for arm in junction.arms:
        for target in lanes_of_arm(lanes, arm, inbound=False):
            if target in reached:
                continue
            beside = {lanes[target].left, lanes[target].right}
            order = {"straight": 0, "left": 1, "right": 2}
            like = sorted((order[turn], source, turn) for source, to, turn in movements if to in beside)
            if like:
                extra.append((like[0][1], target, like[0][2]))
    return extra


def _connector(source: Lane, target: Lane, turn: str, clear: shapely.Geometry) -> Lane:
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
