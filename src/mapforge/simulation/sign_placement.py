"""Which signs and lights stand where in a town."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.schemas.detections import SIGN_TYPES
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.islands import Island
from mapforge.simulation.junctions import Arm, Control, Junction
from mapforge.simulation.lanes import Lane
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.street_paint import Approach, StreetPaint
from mapforge.simulation.streets import Street
from mapforge.simulation.turn_pockets import slots_towards

Float = NDArray[np.float64]

ANYWHERE = tuple(name for name in SIGN_TYPES if name not in ("unknown", "stop", "yield", "priority_road"))
MAST_HEIGHT_M = 5.6


def place_signs(
    network: RoadNetwork,
    junctions: tuple[Junction, ...],
    painted: StreetPaint,
    lanes: list[Lane],
    turns: dict[tuple[int, int], tuple[str, ...]],
    rng: np.random.Generator,
    furniture: Furniture,
) -> None:
    """Signs and lights by the rules of each junction, and a few along the streets."""
    for junction in junctions:
        green = junction.arms[int(rng.integers(len(junction.arms)))].street.corridor
        for arm in junction.arms:
            approach = painted.approaches[arm.street.index, arm.at_start]
            if any(s.direction == arm.inbound_direction for s in arm.street.profile.lanes):
                _rule_signs(junction, approach, rng, furniture)
                _turn_signs(junction, approach, lanes, turns, rng, furniture)
                if junction.control == Control.SIGNALS:
                    _lights(approach, junction, "green" if arm.street.corridor == green else "red", rng, furniture)
            _entry_signs(junction, approach, rng, furniture)
    for street in network.streets:
        _street_signs(street, painted, rng, furniture)


def place_island_signs(islands: list[Island], furniture: Furniture, rng: np.random.Generator) -> None:
    """Keep right, at the ends of islands that meet traffic."""
    for island in islands:
        for xy, facing in island.noses:
            if rng.random() < 0.75 and furniture.is_free(xy):
                furniture.add_sign(xy, facing, "keep_right")


def _rule_signs(junction: Junction, approach: Approach, rng: np.random.Generator, furniture: Furniture) -> None:
    arm = approach.arm
    at = approach.lines_m + rng.uniform(0.0, 1.2)
    control = junction.control
    if control == Control.ALL_STOP or (control == Control.STOP and not arm.major):
        _stand(arm, at, inbound=True, sign_type="stop", furniture=furniture, rng=rng)
    elif (control == Control.YIELD and not arm.major) or control == Control.ROUNDABOUT:
        _stand(arm, at, inbound=True, sign_type="yield", furniture=furniture, rng=rng)
    elif control in (Control.STOP, Control.YIELD) and rng.random() < 0.6:
        _stand(arm, at + 3.0, inbound=True, sign_type="priority_road", furniture=furniture, rng=rng)
    if control == Control.SIGNALS and arm.street.length_m > 75.0 and rng.random() < 0.5:
        _stand(arm, at + rng.uniform(24.0, 30.0), inbound=True, sign_type="signal_ahead", furniture=furniture, rng=rng)
    if approach.crossing_m is not None and control != Control.SIGNALS and rng.random() < 0.8:
        far = approach.crossing_m[1] + 0.3
        _stand(arm, far, inbound=True, sign_type="pedestrian_crossing", furniture=furniture, rng=rng)


def _turn_signs(
    junction: Junction,
    approach: Approach,
    lanes: list[Lane],
    turns: dict[tuple[int, int], tuple[str, ...]],
    rng: np.random.Generator,
    furniture: Furniture,
) -> None:
    """A turn that no lane of the arm allows is forbidden by a sign; turning round now and then."""
    arm = approach.arm
    allowed = {
        turn
        for (lane, node), names in turns.items()
        if node == junction.index and lanes[lane].street == arm.street.index and _leads_in(lanes[lane], arm)
        for turn in names
    }
    if junction.control == Control.ROUNDABOUT:
        return
    forbidden = [turn for turn in ("left", "right") if turn not in allowed and len(junction.arms) > 3]
    for turn in forbidden:
        at = approach.lines_m + 5.0
        _stand(arm, at, inbound=True, sign_type=f"no_{turn}_turn", furniture=furniture, rng=rng)
    if not forbidden and rng.random() < 0.12:
        _stand(arm, approach.lines_m + 6.0, inbound=True, sign_type="no_u_turn", furniture=furniture, rng=rng)


def _entry_signs(junction: Junction, approach: Approach, rng: np.random.Generator, furniture: Furniture) -> None:
    """What traffic that leaves the junction by this arm reads."""
    arm = approach.arm
    profile = arm.street.profile
    outbound = any(s.direction == -arm.inbound_direction for s in profile.lanes)
    one_way = 0 in (profile.forward, profile.backward)
    if not outbound:
        for side in (-1.0, 1.0):
            _stand(arm, arm.mouth_m + 0.8, False, "do_not_enter", furniture, rng, side=side)
        return
    if one_way:
        _stand(arm, arm.mouth_m + 0.8, False, "one_way", furniture, rng)
    if rng.random() < 0.65:
        at = approach.lines_m + rng.uniform(5.0, 12.0)
        _stand(arm, at, False, f"speed_limit_{profile.speed_limit_kmh}", furniture, rng)
    if approach.crossing_m is not None and junction.control != Control.SIGNALS and rng.random() < 0.5:
        _stand(arm, approach.crossing_m[0] - 0.2, False, "pedestrian_crossing", furniture, rng)


def _street_signs(street: Street, painted: StreetPaint, rng: np.random.Generator, furniture: Furniture) -> None:
    profile = street.profile
    crossing = painted.midblock_m.get(street.index)
    low, high = street.drive_start_m + 25.0, street.drive_end_m - 25.0
    for direction in (-1, 1):
        if not any(s.direction == direction for s in profile.lanes):
            continue
        if crossing is not None:
            at = crossing[0] - 0.3 if direction > 0 else crossing[1] + 0.3
            _stand_on(street, at, direction, "pedestrian_crossing", furniture, rng)
        if high - low > 10.0:
            strip = profile.parking_right_m if direction > 0 else profile.parking_left_m
            if strip == 0 and rng.random() < 0.35:
                _stand_on(street, rng.uniform(low, high), direction, "no_parking", furniture, rng)
            if rng.random() < 0.45:
                _stand_on(street, rng.uniform(low, high), direction, str(rng.choice(ANYWHERE)), furniture, rng)


def _lights(approach: Approach, junction: Junction, state: str, rng: np.random.Generator, furniture: Furniture) -> None:
    arm = approach.arm
    curve, profile = arm.street.curve, arm.street.profile
    inbound = slots_towards(arm, junction)
    station = np.array([arm.station(approach.lines_m - 0.9)])
    facing = float(curve.headings(station)[0]) + (0.0 if arm.at_start else np.pi)
    side = arm.across_m(-(profile.half_width_m + rng.uniform(0.6, 0.9)))
    foot = curve.points(station, side)[0]
    back = 0.3 * np.array([np.cos(facing), np.sin(facing)])
    if len(inbound) == 1 and rng.random() < 0.6:
        furniture.add_pole(foot - back, 3.3, 0.06)
        furniture.add_light(foot, facing, 2.75, state)
        return
    furthest = max(inbound, key=lambda s: abs(s.offset_m - side))
    furniture.add_mast(foot - back, curve.points(station, furthest.offset_m)[0] - back, MAST_HEIGHT_M)
    for lane in inbound:
        furniture.add_light(curve.points(station, lane.offset_m)[0], facing, MAST_HEIGHT_M - 0.2, state)


def _leads_in(lane: Lane, arm: Arm) -> bool:
    return lane.slot >= 0 and arm.street.profile.lanes[lane.slot].direction == arm.inbound_direction


def _stand(
    arm: Arm,
    distance_m: float,
    inbound: bool,
    sign_type: str,
    furniture: Furniture,
    rng: np.random.Generator,
    side: float = -1.0,
) -> None:
    """A sign for traffic towards (or away from) the junction, on its right (side -1) or left."""
    direction = arm.inbound_direction if inbound else -arm.inbound_direction
    outward = 1.0 if arm.at_start else -1.0
    _stand_on(arm.street, arm.station(distance_m), direction, sign_type, furniture, rng, side, outward)


def _stand_on(
    street: Street,
    station_m: float,
    direction: int,
    sign_type: str,
    furniture: Furniture,
    rng: np.random.Generator,
    side: float = -1.0,
    shift: float = 1.0,
) -> None:
    """A sign beside a street, moved on (by `shift`, along the axis) past posts that already stand there."""
    beside = street.profile.half_width_m + rng.uniform(0.5, 0.9) + (0.0 if street.profile.curbed else 0.5)
    for attempt in range(5):
        station = np.array([np.clip(station_m + shift * 1.3 * attempt, 0.0, street.length_m)])
        xy = street.curve.points(station, side * direction * beside)[0]
        if furniture.is_free(xy):
            facing = float(street.curve.headings(station)[0]) + (np.pi if direction > 0 else 0.0)
            furniture.add_sign(xy, facing, sign_type)
            return
