"""Raised islands in the road: medians, the middles and splitters of roundabouts, tram platforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.junctions import Arm, Junction
from mapforge.simulation.lanes import arm_at
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.street_profile import IslandKind, IslandSlot
from mapforge.simulation.streets import Street
from mapforge.simulation.turn_pockets import pocket_of

Float = NDArray[np.float64]

NOSE_FROM_MOUTH_M = 8.5
NOSE_FROM_POCKET_M = 1.0
OPEN_END_M = 2.0
SHORTEST_M = {IslandKind.MEDIAN: 8.0, IslandKind.TRAM_STOP: 12.0, IslandKind.SPLITTER: 2.0}
PLATFORM_M = (22.0, 32.0)
PLATFORM_FROM_MOUTH_M = 22.0
SPLITTERS_M = ((-1.0, 4.2), (11.6, 19.0))
"""Distances from a roundabout's mouth; the line to give way at lies within, crossings between."""
SIGN_FROM_NOSE_M = 0.9
LONG_M = 3.0


@dataclass(frozen=True, eq=False)
class Island:
    """area: its outline. noses: (2,) places near its ends and the headings (rad) that signs there face to."""

    area: shapely.Polygon
    kind: str
    noses: tuple[tuple[Float, float], ...] = ()


def build_islands(network: RoadNetwork, junctions: tuple[Junction, ...], rng: np.random.Generator) -> list[Island]:
    """All islands that the cross-sections and junctions of a network have room for."""
    found = [
        _strip(street, slot, low, high)
        for street in network.streets
        for slot in street.profile.islands
        for low, high in _stretches(street, slot, junctions, rng)
        if high - low > SHORTEST_M[slot.kind]
    ]
    for junction in junctions:
        if junction.circle is not None:
            middle = shapely.Point(*junction.centre).buffer(junction.circle.island_m, quad_segs=32)
            found.append(Island(middle, "middle"))
    return found


def _stretches(
    street: Street, slot: IslandSlot, junctions: tuple[Junction, ...], rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Stations between which the strip is raised."""
    ends = [_end(street, at_start, junctions) for at_start in (True, False)]
    if slot.kind is IslandKind.SPLITTER:
        return [span for arm, junction, _ in ends if arm is not None for span in _splitters(arm, junction)]
    low, high = (_nose(slot.kind, *end) for end in ends)
    if slot.kind is IslandKind.TRAM_STOP:
        length = float(rng.uniform(*PLATFORM_M))
        low = float(rng.uniform(low, max(low, high - length)))
        high = min(high, low + length)
    return [(low, high)]


End = tuple[Arm | None, Junction | None, float]
"""Of a street: its arm and junction there, and the station where the world ends if there is none."""


def _end(street: Street, at_start: bool, junctions: tuple[Junction, ...]) -> End:
    arm = arm_at(street, junctions, at_start)
    junction = None if arm is None else junctions[street.start_node if at_start else street.end_node]
    return arm, junction, OPEN_END_M if at_start else street.length_m - OPEN_END_M


def _nose(kind: IslandKind, arm: Arm | None, junction: Junction | None, open_end_m: float) -> float:
    """Station of an island's end."""
    if arm is None or junction is None:
        return open_end_m
    if kind is IslandKind.TRAM_STOP:
        return arm.station(arm.mouth_m + PLATFORM_FROM_MOUTH_M)
    pocket = pocket_of(arm, junction)
    if pocket is None:
        return arm.station(arm.mouth_m + NOSE_FROM_MOUTH_M)
    return pocket.opens_m + (NOSE_FROM_POCKET_M if arm.at_start else -NOSE_FROM_POCKET_M)


def _splitters(arm: Arm, junction: Junction | None) -> list[tuple[float, float]]:
    """One before and one behind the place of the crossing."""
    if junction is None or junction.circle is None:
        return []
    spans = [sorted((arm.station(arm.mouth_m + a), arm.station(arm.mouth_m + b))) for a, b in SPLITTERS_M]
    return [(low, high) for low, high in spans]


def _strip(street: Street, slot: IslandSlot, low: float, high: float) -> Island:
    """A strip with rounded ends."""
    half = slot.width_m / 2
    axis = shapely.LineString(street.curve.line(slot.offset_m, low + half, high - half))
    area = axis.buffer(half, quad_segs=8)
    stations = np.array([low + SIGN_FROM_NOSE_M, high - SIGN_FROM_NOSE_M])
    places, headings = street.curve.points(stations, slot.offset_m), street.curve.headings(stations)
    noses: tuple[tuple[Float, float], ...] = ((places[0], float(headings[0]) + np.pi), (places[1], float(headings[1])))
    if slot.kind is IslandKind.TRAM_STOP:  # traffic of one direction on both sides
        noses = noses[:1] if slot.offset_m < 0 else noses[1:]
    if high - low < 2 * LONG_M:
        noses = ()
    return Island(shapely.Polygon(area.exterior), slot.kind.value, noses)
