"""Cross-sections: which strips lie beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.lane_graph.strips import Strips

Float = NDArray[np.float64]
Index = NDArray[np.int64]

NONE = -1
MOST_SLOTS = 8
"""Lanes beside each other that are looked at."""
_BEYOND_M = 1.0
_WITHIN_M = 1.6
_PARALLEL_COS = np.cos(np.radians(30.0))


class Nearby:
    """Finds the strip that a point lies in."""

    def __init__(self, strips: Strips) -> None:
        self._strips = strips
        self._centre = strips.centre[:, :2]
        self._tree = cKDTree(self._centre)

    def inside(self, xy: Float, along: Float, margin_m: float = 0.3) -> Index:
        """(M,) nearest sample of the strip that holds each point (M, 2) and runs along its direction (M, 2), in either
        sense; NONE without."""
        reach = 0.5 * float(self._strips.width_m.max(initial=0.0)) + _WITHIN_M
        count = min(6, len(self._centre))
        if not count or not len(xy):
            return np.full(len(xy), NONE)
        _, near = self._tree.query(xy, k=count, distance_upper_bound=reach)
        near = near.reshape(len(xy), count)
        known = near < len(self._centre)
        near = np.where(known, near, 0)
        to = xy[:, None] - self._centre[near]
        tangent = self._strips.along[near]
        ahead = np.abs((to * tangent).sum(axis=2))
        aside = np.abs(to[..., 0] * tangent[..., 1] - to[..., 1] * tangent[..., 0])
        parallel = np.abs((tangent * along[:, None]).sum(axis=2)) > _PARALLEL_COS
        fits = known & parallel & (ahead < _WITHIN_M) & (aside < 0.5 * self._strips.width_m[near] + margin_m)
        cost = np.where(fits, aside + 0.2 * ahead, np.inf)
        best = cost.argmin(axis=1)
        row = np.arange(len(xy))
        return np.where(np.isfinite(cost[row, best]), near[row, best], NONE)


@dataclass(frozen=True, eq=False)
class Beside:
    """left, right: (N,) sample of the strip beside each sample, NONE without; seen along its own strip."""

    left: Index
    right: Index


def beside(strips: Strips, nearby: Nearby) -> Beside:
    """What lies across the borders of every sample."""
    across = (strips.left - strips.right)[:, :2]
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    found = []
    for border, outward in ((strips.left, across), (strips.right, -across)):
        other = nearby.inside(border[:, :2] + outward * _BEYOND_M, strips.along)
        other[(other != NONE) & (strips.strip[other] == strips.strip)] = NONE
        found.append(other)
    return Beside(*found)


def slots(strips: Strips, neighbours: Beside) -> tuple[Index, Index]:
    """(N, 2 * MOST_SLOTS + 1) samples of the section of each sample, from left to right, NONE where there is no lane;
    and whether each runs with (+1) or against (-1) the sample's own strip. The middle column is the sample itself."""
    count = len(strips)
    row = np.full((count, 2 * MOST_SLOTS + 1), NONE, dtype=np.int64)
    sense = np.ones_like(row)
    row[:, MOST_SLOTS] = np.arange(count)
    along = strips.along
    for step in (-1, 1):
        for k in range(1, MOST_SLOTS + 1):
            here, turned = row[:, MOST_SLOTS + step * (k - 1)], sense[:, MOST_SLOTS + step * (k - 1)]
            # left of the section is right of a strip that runs against it
            to_left = (turned > 0) == (step < 0)
            following = np.where(to_left, neighbours.left[here], neighbours.right[here])
            following = np.where(here == NONE, NONE, following)
            row[:, MOST_SLOTS + step * k] = following
            same = np.where((along[here] * along[following]).sum(axis=1) > 0, 1, -1)
            sense[:, MOST_SLOTS + step * k] = np.where(following == NONE, 1, turned * same)
    return row, sense
