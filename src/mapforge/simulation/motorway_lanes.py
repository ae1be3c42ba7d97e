"""Lanes of a motorway, and what follows what over its ramps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.lanes import Lane
from mapforge.simulation.ramps import RAMP_LANE_M, RAMP_LIMIT_MPS, TAPER_M, Carriageway, Ramp
from mapforge.simulation.streets import Curve

Float = NDArray[np.float64]

LANE_STEP_M = 2.0


def build_motorway_lanes(
    axis: Curve, carriageways: tuple[Carriageway, ...], ramps: tuple[Ramp, ...], limit_mps: float
) -> list[Lane]:
    """All lanes: each carriageway cut where lanes of ramps open, begin to leave, come back and end."""
    lanes: list[Lane] = []
    for way in carriageways:
        _add_carriageway(lanes, axis, way, [ramp for ramp in ramps if ramp.way is way], limit_mps)
    return lanes


def _add_carriageway(lanes: list[Lane], axis: Curve, way: Carriageway, ramps: list[Ramp], limit_mps: float) -> None:
    cuts = sorted({0.0, *(cut for ramp in ramps for cut in _cuts(ramp))})
    spans = list(zip(cuts, [*cuts[1:], axis.length_m]))
    first, count = len(lanes), way.lanes
    forward = way.side < 0
    for n, (low, high) in enumerate(spans):
        following = (n + (1 if forward else -1)) % len(spans)
        for lane in range(count):
            number = first + n * count + lane
            offset = way.lane_offset_m(lane)
            lanes.append(
                Lane(
                    centreline=_course(axis, np.full(_count(low, high), offset), low, high, forward),
                    width_m=way.lane_m,
                    speed_limit_mps=limit_mps,
                    left=number - 1 if lane > 0 else -1,
                    right=number + 1 if lane + 1 < count else -1,
                    successors=(first + following * count + lane,),
                )
            )
    for ramp in ramps:
        _add_ramp(lanes, axis, ramp, forward, {low: first + n * count + count - 1 for n, (low, _) in enumerate(spans)})


def _cuts(ramp: Ramp) -> tuple[float, float, float, float, float, float]:
    """Stations between which the lane beside opens, runs along, leaves, comes back, runs along, ends."""
    low, high = ramp.noses_m
    return ramp.start_m, ramp.start_m + TAPER_M, low, high, ramp.end_m - TAPER_M, ramp.end_m


def _add_ramp(lanes: list[Lane], axis: Curve, ramp: Ramp, forward: bool, outermost: dict[float, int]) -> None:
    """Pieces of the ramp from taper to taper. outermost: of the carriageway's lanes, by the station they begin at."""
    cuts = _cuts(ramp)
    spans = list(itertools.pairwise(cuts))
    numbers = [len(lanes) + n for n in range(len(spans))]
    order = numbers if forward else numbers[::-1]
    source, target = _before(outermost, cuts[0]), outermost[cuts[-1]]
    if not forward:
        source, target = target, source
    following = dict(zip(order, [*order[1:], target]))
    for n, (low, high) in enumerate(spans):
        stations = np.linspace(low, high, _count(low, high))
        lane_offset = ramp.way.last_m - ramp.way.lane_m / 2
        opening = ramp.opening(stations)
        distance = lane_offset + (ramp.distance_m(stations) - lane_offset) * opening
        beside = n in (1, len(spans) - 2)
        neighbour = outermost[low] if beside else -1
        taper = n in (0, len(spans) - 1)
        lanes.append(
            Lane(
                centreline=_course(axis, ramp.way.side * distance, low, high, forward),
                width_m=RAMP_LANE_M if not taper else ramp.way.lane_m,
                speed_limit_mps=RAMP_LIMIT_MPS if n == len(spans) // 2 else lanes[source].speed_limit_mps,
                turn="straight" if taper else "",
                left=neighbour,
                successors=(following[numbers[n]],),
            )
        )
        if beside:
            lanes[neighbour] = replace(lanes[neighbour], right=numbers[n])
    lanes[source] = replace(lanes[source], successors=(*lanes[source].successors, order[0]))


def _before(outermost: dict[float, int], station_m: float) -> int:
    """The piece of the outermost lane that lies before a station of the axis."""
    earlier = [low for low in outermost if low < station_m]
    return outermost[max(earlier) if earlier else max(outermost)]


def _count(low_m: float, high_m: float) -> int:
    return max(2, int(np.ceil((high_m - low_m) / LANE_STEP_M)) + 1)


def _course(axis: Curve, offset_m: Float, low_m: float, high_m: float, forward: bool) -> Float:
    xy = axis.points(np.linspace(low_m, high_m, len(offset_m)), offset_m)
    return xy if forward else xy[::-1]
