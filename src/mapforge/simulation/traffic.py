"""Other vehicles on their way while a drive is recorded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.driving import POSE_RATE_HZ, smooth_path
from mapforge.simulation.scenery import draw_vehicle_size
from mapforge.simulation.world import MovingVehicle, World

Float = NDArray[np.float64]

CHECK_STEP_S = 0.25
EGO_LENGTH_M = 4.8
EGO_MIDDLE_M = 1.4
TRIES = 12


def draw_traffic(
    world: World, translation_m: Float, quaternion_wxyz: Float, vehicles: int, rng: np.random.Generator
) -> tuple[MovingVehicle, ...]:
    """Up to `vehicles` vehicles on random ways over the lanes that never touch the ego car or one another.

    translation_m, quaternion_wxyz: the ego car's true poses at 100 Hz. Speeds are constant; a vehicle for which no
    free way is found in a few tries is left out.
    """
    every = round(CHECK_STEP_S * POSE_RATE_HZ)
    w, x, y, z = quaternion_wxyz[::every].T
    heading = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    tracks = [(translation_m[::every, :2] + ahead * EGO_MIDDLE_M, EGO_LENGTH_M)]
    duration_s = len(translation_m) / POSE_RATE_HZ
    found: list[MovingVehicle] = []
    for _ in range(vehicles):
        for _ in range(TRIES):
            vehicle = _draw(world, duration_s, tracks[0][0], rng)
            track = _track(vehicle, len(heading))
            if all(_apart(track, vehicle.length_m, other, length) for other, length in tracks):
                found.append(vehicle)
                tracks.append((track, vehicle.length_m))
                break
    return tuple(found)


def _draw(world: World, duration_s: float, ego_xy: Float, rng: np.random.Generator) -> MovingVehicle:
    near = _lane_near(world, ego_xy[int(rng.integers(len(ego_xy)))], rng)
    speed = float(world.lanes[near].speed_limit_mps * rng.uniform(0.45, 0.9))
    lanes, length = [near], polylines.length(world.lanes[near].centreline)
    while length < speed * duration_s + 60.0 and world.lanes[lanes[-1]].successors:
        following = world.lanes[lanes[-1]].successors
        lanes.append(int(following[int(rng.integers(len(following)))]))
        length += polylines.length(world.lanes[lanes[-1]].centreline)
    line = np.vstack([world.lanes[n].centreline[:, :2] for n in lanes])
    distinct = np.concatenate([[True], np.linalg.norm(np.diff(line, axis=0), axis=1) > 1e-6])
    path = smooth_path(line[distinct])[::2]
    size = draw_vehicle_size(rng)
    start = float(rng.uniform(0.0, min(30.0, 0.5 * polylines.length(path))))
    return MovingVehicle(np.column_stack([path, world.ground.at(path)]), speed, start, *size)


def _lane_near(world: World, xy: Float, rng: np.random.Generator) -> int:
    """A lane that begins within 80 m of a place, any lane when none does."""
    starts = np.array([lane.centreline[0, :2] for lane in world.lanes])
    near = np.flatnonzero(np.linalg.norm(starts - xy, axis=1) < 80.0)
    return int(near[int(rng.integers(len(near)))]) if len(near) else int(rng.integers(len(world.lanes)))


def _track(vehicle: MovingVehicle, count: int) -> Float:
    """(count, 2) its centre every quarter second, NaN once it has left the world."""
    times_s = np.arange(count, dtype=np.float64) * CHECK_STEP_S
    station = vehicle.start_station_m + vehicle.speed_mps * times_s
    xy = polylines.at_stations(vehicle.path_m[:, :2], station)
    return np.where((station <= polylines.length(vehicle.path_m))[:, None], xy, np.nan)


def _apart(a: Float, a_length_m: float, b: Float, b_length_m: float) -> bool:
    """Two vehicles keep clear: abreast by a lane's width, in line by both half lengths and a metre."""
    delta = b - a
    step = np.gradient(np.nan_to_num(a), axis=0)
    ahead = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    along = np.abs((delta * ahead).sum(axis=1))
    across = np.abs(delta[:, 0] * -ahead[:, 1] + delta[:, 1] * ahead[:, 0])
    with np.errstate(invalid="ignore"):
        touching = (along < (a_length_m + b_length_m) / 2 + 1.0) & (across < 2.3)
    near = np.linalg.norm(np.nan_to_num(delta, nan=1e6), axis=1) < 2.5
    return not bool(np.any(touching | near))
