"""A motorway: an orbital dual carriageway, with service roads that leave and join it over ramps.

Everything lies along one closed axis in the median's middle. The outer carriageway runs along the axis on its right,
the inner one against it on its left; every way is an offset to the axis that may change along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.config import TownConfig
from mapforge.simulation.families import SPECS, Family
from mapforge.simulation.furniture import Furniture
from mapforge.simulation.layout import Layout, build_world, frame_and_centre
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.motorway_lanes import build_motorway_lanes
from mapforge.simulation.motorway_paint import paint_motorway
from mapforge.simulation.motorway_signs import guard_rails, place_motorway_signs
from mapforge.simulation.ramps import AXIS_STEP_M, Carriageway, Ramp, draw_ramps
from mapforge.simulation.street_profile import PaintStyle
from mapforge.simulation.streets import Curve, Knot, through
from mapforge.simulation.surroundings import random_stream
from mapforge.simulation.world import Mesh, World

Float = NDArray[np.float64]

RADIUS_PER_BLOCK_M = 1.35
LEAST_RADIUS_M = 165.0
NOSE_RADIUS_M = 0.6
STRAIGHT_SHARE = 0.6
"""Of motorways with long straight stretches; the others bend all the way round."""
LIMITS_KMH = (80, 100, 110)


@dataclass(frozen=True, eq=False)
class Motorway:
    """The plan. axis: closed, counter-clockwise; median_m: width between the carriageways' asphalt, 0 where only a
    concrete wall parts them."""

    axis: Curve
    carriageways: tuple[Carriageway, Carriageway]
    ramps: tuple[Ramp, ...]
    median_m: float
    limit_mps: float
    style: PaintStyle

    @property
    def length_m(self) -> float:
        ramps = sum(ramp.end_m - ramp.start_m for ramp in self.ramps)
        return 2 * self.axis.length_m + ramps


def make_motorway(seed: int, town: TownConfig, lon_lat_deg: tuple[float, float] | None = None) -> World:
    """The motorway of a seed: same seed and settings, same world. lon_lat_deg: as of `make_town`."""
    frame, centre = frame_and_centre(seed, lon_lat_deg)
    motorway = draw_motorway(random_stream(seed, "roads"), town, centre)
    ledger = TruthLedger()
    marks = paint_motorway(
        motorway.axis, motorway.carriageways, motorway.ramps, motorway.style, town.wear,
        random_stream(seed, "paint"), ledger,
    )  # fmt: skip
    asphalt = _asphalt(motorway)

    def signs(furniture: Furniture) -> None:
        place_motorway_signs(
            motorway.axis, motorway.carriageways, motorway.ramps, furniture, random_stream(seed, "signs")
        )

    def movables(furniture: Furniture) -> list[Mesh]:
        return guard_rails(motorway.axis, motorway.median_m, motorway.carriageways, furniture)

    layout = Layout(
        asphalt=asphalt,
        lanes=build_motorway_lanes(motorway.axis, motorway.carriageways, motorway.ramps, motorway.limit_mps),
        marks=marks,
        ledger=ledger,
        signs=signs,
        movables=movables,
        length_m=motorway.length_m,
        uncurbed=asphalt.buffer(100.0).envelope,
        built_up=False,
        road=asphalt,
        driveways_per_100m=0.0,
    )
    relief = town.relief_m * SPECS[Family.MOTORWAY].relief
    return build_world(layout, Family.MOTORWAY.value, seed, frame, relief)


def draw_motorway(rng: np.random.Generator, town: TownConfig, centre: Float) -> Motorway:
    """Draws the axis, two carriageways of two to four lanes, and the service roads. centre: (2,) map frame."""
    axis = _axis(rng, town, centre)
    walled = bool(rng.random() < 0.4)
    median = 0.7 if walled else round(float(rng.uniform(2.5, 5.0)), 2)
    lane = round(float(rng.uniform(3.4, 3.75)), 2)
    inner_shoulder = round(float(rng.uniform(0.6, 1.2)), 2)
    shoulder = round(float(rng.uniform(2.0, 3.0)), 2)
    lanes = rng.choice([2, 3, 4], 2, p=[0.45, 0.4, 0.15])
    first = median / 2 + inner_shoulder
    ways = tuple(
        Carriageway(side, int(count), lane, first, inner_shoulder, shoulder) for side, count in zip((-1.0, 1.0), lanes)
    )
    ramps = [ramp for way in ways for ramp in draw_ramps(rng, way, axis.length_m)]
    style = PaintStyle(
        line_width_m=round(float(rng.uniform(0.12, 0.20)), 3),
        dash_m=6.0 if rng.random() < 0.5 else 3.0,
        gap_m=12.0 if rng.random() < 0.5 else 9.0,
        double_gap_m=0.15,
        centre_colour=str(rng.choice(["white", "yellow"])),
    )
    limit = float(rng.choice(LIMITS_KMH)) / 3.6
    return Motorway(axis, (ways[0], ways[1]), tuple(ramps), median, limit, style)


def _axis(rng: np.random.Generator, town: TownConfig, centre: Float) -> Curve:
    """A closed smooth line around the middle, nowhere bent sharply; with long straight stretches or without."""
    size = town.block_m * np.sqrt(town.blocks_east * town.blocks_north)
    radius = max(LEAST_RADIUS_M, RADIUS_PER_BLOCK_M * size)
    if rng.random() < STRAIGHT_SHARE:
        half, bend = float(rng.uniform(0.9, 1.4)) * size, float(rng.uniform(1.0, 1.15)) * LEAST_RADIUS_M
        waves = rng.uniform(-0.08, 0.08, 4)
        xy = np.array([[-half, -bend], [0.0, -bend], [half, -bend], [half, bend], [0.0, bend], [-half, bend]])
        heading = np.array([waves[0], 0.0, waves[1], np.pi + waves[2], np.pi, np.pi + waves[3]])
    else:
        angle = 2 * np.pi * (np.arange(6) + rng.uniform(-0.08, 0.08, 6)) / 6
        stretch = 1.0 + 0.12 * town.curviness * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
        xy = (radius * stretch)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        towards = np.roll(xy, -1, axis=0) - np.roll(xy, 1, axis=0)
        heading = np.arctan2(towards[:, 1], towards[:, 0])
    turn = float(rng.uniform(0, 2 * np.pi))
    c, s = np.cos(turn), np.sin(turn)
    placed = centre + xy @ np.array([[c, s], [-s, c]])
    knots = [Knot(float(x), float(y), float(h) + turn) for (x, y), h in zip(placed, heading)]
    return through([*knots, knots[0]])[0]


def _asphalt(motorway: Motorway) -> shapely.Polygon:
    """Both carriageways with their ramps, the gores a little rounded, and a crossover that makes them one piece."""
    axis = motorway.axis
    stations = np.linspace(0.0, axis.length_m, int(axis.length_m / AXIS_STEP_M) + 1)
    whole = []
    for way in motorway.carriageways:
        inner = axis.points(stations, way.side * way.asphalt_from_m)
        outer = axis.points(stations, way.side * way.asphalt_to_m)
        rings = sorted((shapely.Polygon(inner), shapely.Polygon(outer)), key=lambda ring: ring.area)
        parts = [rings[1].difference(rings[0]), *(ramp.area(axis) for ramp in motorway.ramps if ramp.way is way)]
        whole.append(shapely.union_all(parts).buffer(NOSE_RADIUS_M).buffer(-NOSE_RADIUS_M))
    return shapely.union_all([*whole, _crossover(motorway)]).simplify(0.003)


def _crossover(motorway: Motorway) -> shapely.Polygon:
    """An opening of the median for works traffic, which makes one piece of both carriageways."""
    half = motorway.carriageways[0].asphalt_from_m + 0.5
    at = 0.5 * motorway.axis.length_m
    return motorway.axis.strip(-half, half, at - 6.0, at + 6.0)
