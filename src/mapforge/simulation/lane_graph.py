"""Lanes of streets, the connectors that lead through junctions, and what follows what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.junctions import Arm, Junction
from mapforge.simulation.lanes import STRAIGHT_RAD, Lane, connector, lanes_of_arm, mouth_station
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.roundabouts import add_roundabout
from mapforge.simulation.streets import Street
from mapforge.simulation.turn_pockets import pocket_of, pocketed_lanes

Float = NDArray[np.float64]

CURB_CLEARANCE_M = 1.5


def build_lanes(
    network: RoadNetwork, junctions: tuple[Junction, ...], asphalt: shapely.Polygon, rng: np.random.Generator
) -> tuple[list[Lane], dict[tuple[int, int], tuple[str, ...]]]:
    """All lanes, street lanes first; and the turns allowed from each inbound lane, by (lane, junction)."""
    clear = asphalt.buffer(-CURB_CLEARANCE_M)
    shapely.prepare(clear)
    lanes: list[Lane] = []
    for street in network.streets:
        draw = pocketed_lanes if street.profile.pockets else _street_lanes
        lanes += draw(street, junctions, len(lanes))
    turns: dict[tuple[int, int], tuple[str, ...]] = {}
    follow: dict[int, list[int]] = {}
    for junction in junctions:
        if junction.circle is not None:
            add_roundabout(lanes, junction, junction.circle, clear)
            continue
        for source, target, turn in _movements(lanes, junction, rng):
            way = connector(lanes[source], lanes[target], turn, clear)
            follow.setdefault(source, []).append(len(lanes))
            key = (source, junction.index)
            turns[key] = tuple(sorted({*turns.get(key, ()), turn}))
            lanes.append(replace(way, successors=(target,)))
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
                lane_type=place.lane_type,
                tracks=place.tracks,
            )
        )
    return lanes


def _movements(lanes: list[Lane], junction: Junction, rng: np.random.Generator) -> list[tuple[int, int, str]]:
    movements = []
    for arm in junction.arms:
        sources = lanes_of_arm(lanes, arm, inbound=True)
        exits = _exits(lanes, arm, junction)
        if not sources or not exits:
            continue
        dedicated = bool(rng.random() < 0.5) or pocket_of(arm, junction) is not None
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
