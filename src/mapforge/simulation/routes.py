"""Drives through a world: different routes, lanes and speeds that together see every road at least twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.driving import STEP_M, DrivenPath, poses, smooth_path, speed_over
from mapforge.simulation.traffic import draw_traffic
from mapforge.simulation.world import DrivePlan, World

Float = NDArray[np.float64]

SEEN_M = 20.0
"""A place of a road counts as seen by a drive that passes this near."""
WANTED_DRIVES = 2
PLACE_STEP_M = 4.0
SKETCHES = 900
DRIVEN_SKETCHES = 8
ROUNDS = 3
HOUR_NS = 3_600_000_000_000
AXLE_TO_BUMPER_M = 3.8
STOP_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Route:
    """A way over lanes. path: how it is driven; seen: (P,) places it passes."""

    lanes: tuple[int, ...]
    path: DrivenPath
    seen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Roads:
    """A world as routes are planned on it. seen: (L, P) places each lane passes; length_m: (L,)."""

    world: World
    places: Float
    seen: NDArray[np.bool_]
    length_m: Float
    stops: shapely.STRtree | None


def plan_drives(
    world: World,
    drives: int,
    duration_s: float,
    seed: int,
    speed_mps: float = 12.0,
    start_time: str = "2025-06-01T09:00:00+00:00",
    moving_vehicles: int = 8,
) -> list[DrivePlan]:
    """Plans of `drives` drives of equal duration, an hour apart.

    Routes are drawn at random and chosen one after the other, each the one that adds most to what should be seen
    twice (greedy cover); then each is replaced if another serves better beside the rest. Raises ConfigurationError
    when no route of that length exists.
    """
    rng = np.random.default_rng([seed, crc32(b"routes")])
    chosen = _choose(world, drives, duration_s, speed_mps, rng)
    first_ns = int(datetime.fromisoformat(start_time).timestamp()) * 1_000_000_000
    plans = []
    for number, route in enumerate(chosen):
        own = np.random.default_rng([seed, crc32(b"drive"), number])
        translation, quaternion = poses(route.path, world.ground, duration_s)
        start_ns = first_ns + number * HOUR_NS + int(own.integers(0, 1_000_000)) * 1000
        times = start_ns + np.arange(len(translation), dtype=np.int64) * 10_000_000
        plans.append(
            DrivePlan(
                drive_id=f"{world.name}-{number:02d}",
                seed=int(own.integers(2**31)),
                timestamps_ns=times,
                translation_m=translation,
                quaternion_wxyz=quaternion,
                traffic=draw_traffic(world, translation, quaternion, moving_vehicles, own),
            )
        )
    return plans


def road_places(world: World) -> Float:
    """(P, 2) places on the world's lanes every few metres, outside junctions once a lane."""
    inner = [lane for lane in world.lanes if len(lane.centreline) > 1]
    return np.vstack([polylines.resample(lane.centreline[:, :2], PLACE_STEP_M) for lane in inner])


def coverage(world: World, plans: list[DrivePlan], within_m: float) -> NDArray[np.int64]:
    """(P,) number of drives that pass within a distance of each of `road_places`."""
    places = road_places(world)
    distances = [np.asarray(cKDTree(plan.translation_m[::10, :2]).query(places)[0]) for plan in plans]
    return np.asarray((np.array(distances) <= within_m).sum(axis=0))


def _roads(world: World) -> _Roads:
    places = road_places(world)
    seen = [cKDTree(polylines.resample(lane.centreline[:, :2], 2.0)).query(places)[0] <= SEEN_M for lane in world.lanes]
    lengths = np.array([polylines.length(lane.centreline) for lane in world.lanes])
    return _Roads(world, places, np.array(seen), lengths, _stop_lines(world))


def _choose(world: World, drives: int, duration_s: float, speed_mps: float, rng: np.random.Generator) -> list[Route]:
    roads = _roads(world)
    chosen: list[Route] = []
    for number in range(drives * (1 + ROUNDS)):
        slot = number % drives
        first_time = number < drives
        rest = [route for n, route in enumerate(chosen) if n != slot or first_time]
        count = np.sum([route.seen for route in rest], axis=0) if rest else np.zeros(len(roads.places))
        pool = _candidates(roads, count, rest, duration_s, speed_mps, rng) + ([] if first_time else [chosen[slot]])
        if not pool:
            raise ConfigurationError(
                f"world '{world.name}' has no route of {duration_s:g} s at {speed_mps:g} m/s: "
                "shorten simulation.duration_s, lower simulation.speed_mps or take a larger world"
            )
        best = pool[int(np.argmax([_gain(route.seen, route.lanes, count, rest) for route in pool]))]
        chosen = [*chosen, best] if first_time else [*chosen[:slot], best, *chosen[slot + 1 :]]
    return chosen


def _gain(seen: NDArray[np.bool_], lanes: tuple[int, ...], count: Float, rest: list[Route]) -> float:
    """Places brought nearer to being seen twice; among equals, lanes nobody drove yet."""
    wanted = np.minimum(count + seen, WANTED_DRIVES) - np.minimum(count, WANTED_DRIVES)
    driven = {lane for other in rest for lane in other.lanes}
    return float(wanted.sum()) + 0.5 * float((count[seen] == 0).sum()) + 0.5 * len(set(lanes) - driven)


def _candidates(
    roads: _Roads, count: Float, rest: list[Route], duration_s: float, speed_mps: float, rng: np.random.Generator
) -> list[Route]:
    """The best of many random ways, judged by the lanes they take and then driven."""
    reach_m = 0.85 * speed_mps * duration_s
    sketches = []
    for _ in range(SKETCHES):
        lanes = _walk(roads, (speed_mps * 1.25 + 1.0) * duration_s + 15.0, rng)
        within = [n for n, along in zip(lanes, np.cumsum([0.0, *roads.length_m[lanes]])) if along < reach_m]
        sketches.append((_gain(np.asarray(roads.seen[within].any(axis=0)), tuple(within), count, rest), lanes))
    sketches.sort(key=lambda sketch: -sketch[0])
    routes: list[Route] = []
    for _, lanes in sketches:
        route = _drive_route(roads, lanes, duration_s, speed_mps * float(rng.uniform(0.9, 1.2)), rng)
        routes += [route] if route is not None else []
        if len(routes) == DRIVEN_SKETCHES:
            break
    return routes


def _walk(roads: _Roads, length_m: float, rng: np.random.Generator) -> list[int]:
    """Lanes one after the other, at least `length_m` long unless a dead end comes first."""
    lanes = [int(rng.integers(len(roads.world.lanes)))]
    length = 0.0
    while length < length_m:
        following = roads.world.lanes[lanes[-1]].successors
        if not following:
            break
        lanes.append(int(following[int(rng.integers(len(following)))]))
        length += roads.length_m[lanes[-1]]
    return lanes


def _drive_route(
    roads: _Roads, lanes: list[int], duration_s: float, cruise_mps: float, rng: np.random.Generator
) -> Route | None:
    """The route as it is driven; None when it ends before the drive does."""
    start_m = float(rng.uniform(0.0, 0.9)) * float(roads.length_m[lanes[0]])
    if roads.length_m[lanes].sum() - start_m < 20.0:
        return None
    path = _drive(roads, lanes, start_m, cruise_mps, rng)
    if path.times_s[-1] < duration_s + 0.5:
        return None
    driven = path.xy[path.times_s <= duration_s][::4]
    distance, _ = cKDTree(driven).query(roads.places, distance_upper_bound=SEEN_M)
    return Route(tuple(lanes), path, np.isfinite(distance))


def _drive(roads: _Roads, lanes: list[int], start_m: float, cruise_mps: float, rng: np.random.Generator) -> DrivenPath:
    """The path along the lanes' centres, with the wander of a human driver and stops at some of the stop lines."""
    chosen = [roads.world.lanes[n] for n in lanes]
    line = np.vstack([lane.centreline[:, :2] for lane in chosen])
    limit = np.concatenate([np.full(len(lane.centreline), lane.speed_limit_mps * 1.05) for lane in chosen])
    distinct = np.concatenate([[True], np.linalg.norm(np.diff(line, axis=0), axis=1) > 1e-6])
    along = polylines.arc_length(line[distinct])
    stations = np.arange(start_m, along[-1], STEP_M)
    centre = smooth_path(polylines.at_stations(line[distinct], stations))
    offset = _wander(polylines.arc_length(centre), min(lane.width_m for lane in chosen), rng)
    xy = polylines.resample(polylines.offset_left(centre, offset), STEP_M)
    share = np.linspace(stations[0], stations[-1], len(xy))
    allowed = np.minimum(cruise_mps, np.interp(share, along, limit[distinct]))
    wait = np.zeros(len(xy))
    for index in _bumper_at(xy, roads.stops):
        if rng.random() < STOP_SHARE and index > 60:
            wait[index] = rng.uniform(1.0, 3.0)
    return DrivenPath(xy, speed_over(xy, allowed, np.flatnonzero(wait).tolist()), wait)


def _wander(stations_m: Float, lane_width_m: float, rng: np.random.Generator) -> Float:
    """(N,) offset to the left: two slow waves, no wider than the lane allows."""
    reach = min(0.25, max(0.0, (lane_width_m - 2.1) / 4)) / 2
    phase, length = rng.uniform(0, 2 * np.pi, 2), rng.uniform([40.0, 90.0], [90.0, 200.0])
    waves = np.sin(2 * np.pi * stations_m[:, None] / length + phase)
    return np.asarray(reach * waves.sum(axis=1))


def _stop_lines(world: World) -> shapely.STRtree | None:
    lines = [shapely.force_2d(e.geometry) for e in world.truth if e.element_class == ElementClass.STOP_LINE]
    return shapely.STRtree(lines) if lines else None


def _bumper_at(xy: Float, stops: shapely.STRtree | None) -> list[int]:
    """Vertices at which the rear axle stands when the bumper reaches a stop line across the path."""
    if stops is None:
        return []
    steps = shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1))
    hit = np.unique(stops.query(steps, predicate="intersects")[0])
    return [int(n) for n in hit - round(AXLE_TO_BUMPER_M / STEP_M) if n > 0]
