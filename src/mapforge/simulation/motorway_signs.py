"""Signs along a motorway and its service roads, and what keeps cars off the median."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.furniture import Furniture
from mapforge.simulation.ramps import RAMP_LANE_M, RAMP_SHOULDER_M, Carriageway, Ramp
from mapforge.simulation.shapes import box
from mapforge.simulation.streets import Curve
from mapforge.simulation.world import Material, Mesh

Float = NDArray[np.float64]

SIGN_STEP_M = 160.0
WALL_PIECE_M = 4.0
CROSSOVER_M = 8.0
RAIL_SIZE_M = (4.0, 0.09, 0.32)
RAIL_ABOVE_M = 0.45
WALL_SIZE_M = (4.0, 0.4, 0.85)
GRASS_MEDIAN_M = 1.5


def place_motorway_signs(
    axis: Curve,
    carriageways: tuple[Carriageway, ...],
    ramps: tuple[Ramp, ...],
    furniture: Furniture,
    rng: np.random.Generator,
) -> None:
    """Limits and directions along both carriageways; at each ramp what leads off it, along it and back."""
    for way in carriageways:
        for station in np.arange(rng.uniform(5.0, SIGN_STEP_M), axis.length_m - 10.0, SIGN_STEP_M):
            kind = str(rng.choice(["speed_limit_70", "unknown", "no_u_turn", "no_parking"], p=[0.5, 0.25, 0.1, 0.15]))
            own = [r for r in ramps if r.way is way and r.start_m - 5.0 < station < r.end_m + 5.0]
            if not own:
                _stand(axis, way, float(station), way.asphalt_to_m, kind, furniture, rng, "direction")
    for ramp in ramps:
        _ramp_signs(axis, ramp, furniture, rng)


def _ramp_signs(axis: Curve, ramp: Ramp, furniture: Furniture, rng: np.random.Generator) -> None:
    """In the order of traffic: exit, gore, limit, one way, no parking, give way, motorway again."""
    way, (nose, far_nose) = ramp.way, ramp.noses_m
    along = 1.0 if way.side < 0 else -1.0
    first, last = (ramp.start_m, ramp.end_m) if along > 0 else (ramp.end_m, ramp.start_m)
    leaves, returns = (nose, far_nose) if along > 0 else (far_nose, nose)
    middle = (nose + far_nose) / 2

    def outside(station_m: float) -> float:
        at = np.array([station_m])
        return float((ramp.outer_m(at) + ramp.shoulder_m(at))[0])

    for station, kind, picture in (
        (first + along * 12.0, "unknown", "exit"),
        (leaves + along * 40.0, "speed_limit_50", ""),
        (middle - along * 18.0, "no_parking", ""),
        (middle + along * 8.0, "one_way", ""),
        (middle + along * 24.0, str(rng.choice(["speed_limit_30", "pedestrian_crossing", "no_u_turn"])), ""),
        (returns - along * 30.0, "yield", ""),
        (returns + along * 20.0, "speed_limit_70", ""),
        (last - along * 10.0, "unknown", "direction"),
    ):
        _stand(axis, way, station, outside(station), kind, furniture, rng, picture)
    _gore_sign(axis, ramp, leaves, along, furniture, rng)
    against = "do_not_enter"
    at = np.array([leaves + along * 60.0])
    facing = float(axis.headings(at)[0]) + (0.0 if along > 0 else np.pi)
    xy = axis.points(at, way.side * (outside(float(at[0])) + 1.0))[0]
    if furniture.is_free(xy):
        furniture.add_sign(xy, facing, against)


def _gore_sign(
    axis: Curve, ramp: Ramp, leaves_m: float, along: float, furniture: Furniture, rng: np.random.Generator
) -> None:
    """Where the grass between the carriageway and the ramp begins to be wide enough."""
    way = ramp.way
    for station in np.arange(leaves_m, leaves_m + along * 80.0, along * 2.0):
        at = np.array([station])
        low, high = way.asphalt_to_m, float(ramp.distance_m(at)[0]) - RAMP_LANE_M / 2 - RAMP_SHOULDER_M
        if high - low > 3.0:
            xy = axis.points(at, way.side * (low + high) / 2)[0]
            facing = float(axis.headings(at)[0]) + (np.pi if along > 0 else 0.0)
            furniture.add_sign(xy, facing, "unknown" if rng.random() < 0.7 else "keep_right", "exit")
            return


def _stand(
    axis: Curve,
    way: Carriageway,
    station_m: float,
    asphalt_to_m: float,
    sign_type: str,
    furniture: Furniture,
    rng: np.random.Generator,
    picture: str,
) -> None:
    at = np.array([station_m % axis.length_m])
    xy = axis.points(at, way.side * (asphalt_to_m + float(rng.uniform(0.8, 1.6))))[0]
    facing = float(axis.headings(at)[0]) + (np.pi if way.side < 0 else 0.0)
    if furniture.is_free(xy):
        furniture.add_sign(xy, facing, sign_type, picture if sign_type == "unknown" else "")


def guard_rails(
    axis: Curve, median_m: float, carriageways: tuple[Carriageway, ...], furniture: Furniture
) -> list[Mesh]:
    """A concrete wall on the axis, or rails on both sides of a wide median; none at the crossover."""
    stations = np.arange(WALL_PIECE_M / 2, axis.length_m, WALL_PIECE_M)
    stations = stations[np.abs(stations - axis.length_m / 2) > CROSSOVER_M]
    if median_m < GRASS_MEDIAN_M:
        return _boxes(axis, stations, 0.0, WALL_SIZE_M, 0.0, Material.CONCRETE, furniture)
    rails = []
    for side in (-1.0, 1.0):
        offset = side * (median_m / 2 - 0.5)
        rails += _boxes(axis, stations, offset, RAIL_SIZE_M, RAIL_ABOVE_M, Material.POLE, furniture)
        rails += _boxes(axis, stations, offset, (0.12, 0.1, RAIL_ABOVE_M), 0.0, Material.POLE, furniture)
    return rails


def _boxes(
    axis: Curve,
    stations_m: Float,
    offset_m: float,
    size_m: tuple[float, float, float],
    above_m: float,
    material: Material,
    furniture: Furniture,
) -> list[Mesh]:
    places, headings = axis.points(stations_m, offset_m), axis.headings(stations_m)
    ground = furniture.height(places)
    return [
        box(np.array([*place, z + above_m]), size_m, float(heading), material)
        for place, z, heading in zip(places, ground, headings)
    ]
