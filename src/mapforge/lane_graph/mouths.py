"""Lanes led on beyond the end of their paint, to where the road opens into a junction.

Dividers end at stop lines and crossings. From there a lane goes on between the boundaries of its road, at the same
share of the way across, while the road stays as wide as it was; a corner widens it.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.borders import BRIDGE, Borders
from mapforge.lane_graph.rays import hits, nearest
from mapforge.lane_graph.sections import NONE, Nearby
from mapforge.lane_graph.strips import Strips, joined

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_STEP_M = 0.5
_BEFORE_M = (-3.0, -2.0, -1.0, 0.0)
_ROAD_M = 22.0
_FAR_M = 1e3
_WIDENS_M = 0.3
_CORNER_M = 1.3
"""So far before it has widened the road by that much a corner begins: sqrt(r * _WIDENS_M), of 5 to 6 m radius on both
sides."""
_NARROWS_M = 1.0
_AHEAD_M = 30.0
_ASIDE_M = 0.8
_LEAST_RADIUS_M = 25.0
_PARALLEL_COS = np.cos(np.radians(20.0))


def led_to_mouths(strips: Strips, borders: Borders, most_m: float) -> Strips:
    """Strips in travel direction, with samples added at both ends."""
    if not len(strips) or not borders.kerb.any():
        return strips
    first, last = strips.ends
    room = _room(strips, first, last, most_m)
    parts = [strips]
    for ends, outward, allowed in ((first, -1.0, room[0]), (last, 1.0, room[1])):
        parts.append(_extensions(strips, ends, outward, allowed, borders, most_m))
    whole = Strips(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Strips)))
    order = np.lexsort((whole.station_m, whole.strip))
    return joined([whole._at(order)])


def _room(strips: Strips, first: Index, last: Index, most_m: float) -> tuple[Float, Float]:
    """How far each beginning and each end may be moved: half way to one that faces it."""
    tip, head = strips.centre[last, :2], strips.along[last]
    tail, start = strips.along[first], strips.centre[first, :2]
    gap = start[None] - tip[:, None]
    ahead = (gap * head[:, None]).sum(axis=2)
    aside = np.abs(gap[..., 0] * head[:, None, 1] - gap[..., 1] * head[:, None, 0])
    facing = (ahead > 0.0) & (ahead < _AHEAD_M) & (aside < _ASIDE_M + 0.05 * ahead)
    facing &= (head[:, None] * tail[None]).sum(axis=2) > _PARALLEL_COS
    half = np.where(facing, ahead / 2.0, most_m)
    return np.minimum(half.min(axis=0, initial=most_m), most_m), np.minimum(half.min(axis=1, initial=most_m), most_m)


def _extensions(strips: Strips, ends: Index, outward: float, allowed: Float, borders: Borders, most_m: float) -> Strips:
    onward = np.arange(_STEP_M, most_m + 1e-9, _STEP_M)
    distance = np.concatenate([_BEFORE_M, onward])
    ahead = strips.along[ends] * outward
    points = strips.centre[ends, None, :2] + distance[None, :, None] * ahead[:, None]
    to_left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    left, right = (_to_kerb(points, side, borders) for side in (to_left, -to_left))
    known = len(_BEFORE_M)
    usual_left, usual_right = (_usual(side[:, :known]) for side in (left, right))
    wider_left, wider_right = left - usual_left[:, None], right - usual_right[:, None]
    wider = np.where((left < _FAR_M) & (right < _FAR_M), wider_left + wider_right, np.inf)
    steady = (wider < _WIDENS_M) & (wider > -_NARROWS_M)
    goes_on = np.logical_and.accumulate(
        steady[:, known:] & (onward[None] <= allowed[:, None]) & _free(strips, ends, points[:, known:], ahead), axis=1
    )
    reached = goes_on.sum(axis=1)
    beyond = np.minimum(known + reached, wider.shape[1] - 1)
    widened = wider[np.arange(len(ends)), beyond]
    at_corner = (widened >= _WIDENS_M) & np.isfinite(widened) & (reached < len(onward))
    reached = np.where(at_corner, reached - round(_CORNER_M / _STEP_M), reached)
    e, d = np.nonzero(np.arange(len(onward))[None] < reached[:, None])
    # where the road bends, one side comes nearer as the other recedes; a corner only recedes
    a, b = wider_left[e, known + d], -wider_right[e, known + d]
    bend = np.minimum(np.minimum(np.abs(a), np.abs(b)), onward[d] ** 2 / (2.0 * _LEAST_RADIUS_M))
    shift = np.where(a * b > 0.0, np.sign(a) * bend, 0.0)[:, None] * to_left[e]
    moved = points[e, known + d] + shift - strips.centre[ends[e], :2]
    offset = np.column_stack([moved, np.zeros(len(e))])
    nobody, no = np.full(len(e), BRIDGE), np.zeros(len(e), dtype=bool)
    end = ends[e]
    return Strips(
        strips.strip[end],
        strips.station_m[end] + outward * onward[d],
        strips.left[end] + offset,
        strips.right[end] + offset,
        nobody,
        nobody,
        no,
        no,
    )


def _usual(distance_m: Float) -> Float:
    """(E,) median of what was found in each row; _FAR_M without."""
    ordered = np.sort(distance_m, axis=1)
    count = (ordered < _FAR_M).sum(axis=1)
    return np.where(count > 0, ordered[np.arange(len(ordered)), np.maximum(count - 1, 0) // 2], _FAR_M)


def _to_kerb(points: Float, side: Float, borders: Borders) -> Float:
    """(E, D) distance of each point (E, D, 2) to the nearest road boundary on one side; _FAR_M without."""
    segment = np.flatnonzero((np.diff(borders.chain) == 0) & borders.kerb[:-1])
    start, step = borders.xyz[segment, :2], (borders.xyz[segment + 1] - borders.xyz[segment])[:, :2]
    origin = points.reshape(-1, 2)
    ray = np.repeat(side, points.shape[1], axis=0) * _ROAD_M
    r, k, reach, _ = hits(origin, ray, start, step)
    distance = np.full(len(origin), _FAR_M)
    best = nearest(r, reach, k)
    distance[r[best]] = reach[best] * _ROAD_M
    return distance.reshape(points.shape[:2])


def _free(strips: Strips, ends: Index, points: Float, ahead: Float) -> NDArray[np.bool_]:
    """(E, D) bool: the point lies in no other strip."""
    count = points.shape[1]
    at = Nearby(strips).inside(points.reshape(-1, 2), np.repeat(ahead, count, axis=0), margin_m=-0.5)
    own = np.repeat(strips.strip[ends], count)
    return np.asarray(((at == NONE) | (strips.strip[at] == own)).reshape(-1, count))
