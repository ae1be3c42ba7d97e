"""Smooth ways from the end of a lane to the beginning of another."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.polylines import arc_length, resample
from mapforge.lane_graph.borders import BRIDGE
from mapforge.lane_graph.lanes import Lane

Float = NDArray[np.float64]

ARC_SHARES = (1.0, 0.8, 0.6, 0.4)
SPACING_M = 0.75
_NEARLY_STRAIGHT_RAD = np.radians(12.0)


def turn_rad(ahead_a: Float, ahead_b: Float) -> float:
    """Signed angle from one direction to another, left positive."""
    return float(np.arctan2(ahead_a[0] * ahead_b[1] - ahead_a[1] * ahead_b[0], ahead_a @ ahead_b))


def ways(a: Float, ahead_a: Float, b: Float, ahead_b: Float) -> list[Float]:
    """Ways (N, 2) from a to b, the widest arc first: straight on, an arc tangent to both directions, straight on.

    Where both directions nearly agree, or do not meet ahead: one cubic curve.
    """
    turn = turn_rad(ahead_a, ahead_b)
    if abs(turn) < _NEARLY_STRAIGHT_RAD:
        return [_cubic(a, ahead_a, b, ahead_b)]
    gap = b - a
    sine = np.sin(turn)
    to_a = float(gap[0] * ahead_b[1] - gap[1] * ahead_b[0]) / sine
    to_b = float(ahead_a[0] * gap[1] - ahead_a[1] * gap[0]) / sine
    if min(to_a, to_b) <= 0.0:
        return [_cubic(a, ahead_a, b, ahead_b)]
    found = []
    for share in ARC_SHARES:
        leg = share * min(to_a, to_b)
        start, end = a + (to_a - leg) * ahead_a, b - (to_b - leg) * ahead_b
        found.append(np.vstack([a, _cubic(start, ahead_a, end, ahead_b), b]))
    return found


def _cubic(a: Float, ahead_a: Float, b: Float, ahead_b: Float) -> Float:
    """A Bezier curve; its handles are those that follow a circle best where there is one between the directions."""
    gap = float(np.linalg.norm(b - a))
    angle = abs(turn_rad(ahead_a, ahead_b))
    handle = gap / 3.0 if angle < 1e-3 else gap * (2.0 / 3.0) * np.tan(angle / 4.0) / np.sin(angle / 2.0)
    handle = min(handle, gap)
    t = np.linspace(0.0, 1.0, 65)[:, None]
    knots = (a, a + handle * ahead_a, b - handle * ahead_b, b)
    weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
    return np.asarray(sum(w * k for w, k in zip(weights, knots)))


def on_road(way: Float, road: shapely.Geometry | None) -> float:
    """Share of a way's length that lies on the road; 1 where no road is known."""
    if road is None:
        return 1.0
    line = shapely.LineString(way)
    return float(line.intersection(road).length / max(line.length, 1e-9))


def connector(source: Lane, target: Lane, way: Float, turn: str) -> Lane:
    """A lane along a way, as wide as source and target at its ends, at heights between theirs."""
    line = resample(way, SPACING_M)
    along = arc_length(line)
    share = (along / max(float(along[-1]), 1e-9))[:, None]
    height = (1 - share) * source.centre[-1, 2] + share * target.centre[0, 2]
    step = np.gradient(line, axis=0)
    step[0], step[-1] = source.heading(True), target.heading(False)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([-step[:, 1], step[:, 0]])
    half = 0.5 * ((1 - share) * _width_at(source, -1) + share * _width_at(target, 0))
    left, right = np.column_stack([line + half * normal, height]), np.column_stack([line - half * normal, height])
    left[0], left[-1], right[0], right[-1] = source.left[-1], target.left[0], source.right[-1], target.right[0]
    nobody = np.full(len(line), BRIDGE)
    return Lane(np.column_stack([line, height]), left, right, nobody, nobody, turn=turn)


def _width_at(lane: Lane, vertex: int) -> float:
    return float(np.linalg.norm((lane.left - lane.right)[vertex, :2]))
