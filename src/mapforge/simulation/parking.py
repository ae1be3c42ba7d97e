"""Parking strips: the marks between bays, and the cars that stand in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.furniture import Furniture
from mapforge.simulation.markings import MAX_WEAR
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.scenery import parked_vehicle
from mapforge.simulation.street_paint import StreetPaint
from mapforge.simulation.street_profile import Bays
from mapforge.simulation.streets import Street
from mapforge.simulation.world import Mesh, PaintMark

Float = NDArray[np.float64]

PARKING_SPACE_M = 6.4
BAY_M = {Bays.PLAIN: PARKING_SPACE_M, Bays.PARALLEL: 6.0, Bays.ACROSS: 2.6}
"""Length of a place along the street."""
MARK_M = 0.12
CLEAR_OF_CROSSING_M = 7.0


@dataclass(frozen=True)
class _Strip:
    """One side of a street. side: +1 left of the axis; low_m, high_m: stations between which cars may stand."""

    street: Street
    side: float
    depth_m: float
    low_m: float
    high_m: float


def park(
    network: RoadNetwork, painted: StreetPaint, share: float, furniture: Furniture, rng: np.random.Generator
) -> list[Mesh]:
    """Vehicles in the parking strips, clear of junctions and crossings. share: of the places that are taken."""
    meshes = []
    for strip in _strips(network, painted):
        street, bays = strip.street, strip.street.profile.bays
        middle = painted.midblock_m.get(street.index, (-99.0, -99.0))
        for station in np.arange(strip.low_m, strip.high_m, BAY_M[bays]):
            clear = CLEAR_OF_CROSSING_M
            if rng.random() > share or middle[0] - clear < station < middle[1] + clear:
                continue
            offset = strip.side * (street.profile.half_width_m - strip.depth_m / 2 - rng.uniform(0.05, 0.25))
            at = np.array([station + rng.uniform(-0.5, 0.5) * (0.3 if bays is Bays.ACROSS else 1.0)])
            heading = float(street.curve.headings(at)[0]) + (np.pi if strip.side > 0 else 0.0)
            if bays is Bays.ACROSS:
                heading += np.pi / 2 * (1.0 if rng.random() < 0.5 else -1.0)
            heading += float(np.deg2rad(rng.normal(0.0, 1.2)))
            xy = street.curve.points(at, offset)[0]
            meshes.append(parked_vehicle(xy, heading, furniture.height, rng))
    return meshes


def paint_bays(network: RoadNetwork, painted: StreetPaint, wear: float, rng: np.random.Generator) -> None:
    """Lines between the bays; no lane ends at them, so the map has none."""
    for strip in _strips(network, painted):
        street, bays = strip.street, strip.street.profile.bays
        if bays is Bays.PLAIN:
            continue
        middle = painted.midblock_m.get(street.index, (-99.0, -99.0))
        inner, outer = street.profile.half_width_m - strip.depth_m, street.profile.half_width_m - 0.1
        right, left = sorted((strip.side * inner, strip.side * outer))
        worn = float(np.clip(wear * rng.uniform(0.5, 1.8), 0.0, 0.8))
        for station in np.arange(strip.low_m - BAY_M[bays] / 2, strip.high_m + BAY_M[bays] / 2, BAY_M[bays]):
            if middle[0] - CLEAR_OF_CROSSING_M < station < middle[1] + CLEAR_OF_CROSSING_M:
                continue
            area = street.curve.strip(right, left, station - MARK_M / 2, station + MARK_M / 2)
            mark_wear = float(np.clip(worn + rng.normal(0.0, 0.08), 0.0, MAX_WEAR))
            painted.marks.append(PaintMark(area, "white", mark_wear))


def _strips(network: RoadNetwork, painted: StreetPaint) -> list[_Strip]:
    strips = []
    for street in network.streets:
        profile = street.profile
        low = 6.0 + max(painted.approaches[street.index, True].lines_m if street.start_node >= 0 else 0.0, 0.0)
        end = painted.approaches[street.index, False].lines_m if street.end_node >= 0 else 0.0
        for side, depth in ((1.0, profile.parking_left_m), (-1.0, profile.parking_right_m)):
            if depth > 0:
                strips.append(_Strip(street, side, depth, low, street.length_m - end - 6.0))
    return strips
