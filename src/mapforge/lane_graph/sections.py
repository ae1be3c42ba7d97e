"""Cross-sections: which strips lie beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.lane_graph.strips import Strips

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

NONE = -1
MOST_SLOTS = 8
"""Lanes beside each other that are looked at."""
GOES_ON_M = 10.0
"""A lane beside goes on where it leads this much further in both directions."""
_BEYOND_M = 1.0
_WITHIN_M = 1.6
_PARALLEL_COS = np.cos(np.radians(30.0))
_MEDIAN_M = 12.0
"""From the outer border of a road to the middle of the nearest lane of the carriageway beyond a median."""
_MEDIAN_STEP_M = 1.5
_MEDIAN_COS = np.cos(np.radians(12.0))


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


def goes_on(strips: Strips, at: Index, least_m: float) -> Mask:
    """(K,) whether the strip of each sample (K,) goes on for so long in both directions; False for NONE."""
    return np.asarray((at != NONE) & (strips.to_ends_m()[at] > least_m))


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


def over_medians(strips: Strips, nearby: Nearby, neighbours: Beside) -> Beside:
    """What lies beyond the borders of every sample where nothing lies directly beside it: the nearest strip that runs
    its way or against it, across a median, an island or a verge; NONE where there is a neighbour."""
    steps = np.arange(_MEDIAN_STEP_M, _MEDIAN_M + 1e-9, _MEDIAN_STEP_M)
    normal = np.stack([-strips.along[:, 1], strips.along[:, 0]], axis=1)
    found = []
    for border, outward, direct in (
        (strips.left, normal, neighbours.left),
        (strips.right, -normal, neighbours.right),
    ):
        alone = np.flatnonzero(direct == NONE)
        probes = border[alone, None, :2] + steps[None, :, None] * outward[alone, None]
        along = np.repeat(strips.along[alone], len(steps), axis=0)
        at = nearby.inside(probes.reshape(-1, 2), along)
        parallel = np.abs((strips.along[at] * along).sum(axis=1)) > _MEDIAN_COS
        at = np.where(parallel, at, NONE).reshape(-1, len(steps))
        at[(at != NONE) & (strips.strip[at] == strips.strip[alone, None])] = NONE
        first = at[np.arange(len(alone)), (at != NONE).argmax(axis=1)]
        other = np.full(len(strips), NONE)
        other[alone] = first
        found.append(other)
    return Beside(*found)


def roads_beyond(strips: Strips, row: Index, sense: Index, over: Beside) -> tuple[Float, Float]:
    """(N,) twice: how far beyond the left and beyond the right border of the section of each sample the middle of the
    nearest lane of another road lies, infinite without. row, sense: `slots`. over: `over_medians`."""
    there = row != NONE
    number = np.arange(len(strips))
    found = []
    for to_left, slot in ((1.0, there.argmax(axis=1)), (-1.0, there.shape[1] - 1 - there[:, ::-1].argmax(axis=1))):
        outer, turned = row[number, slot], sense[number, slot] * to_left > 0
        other = np.where(turned, over.left[outer], over.right[outer])
        border = np.where(turned[:, None], strips.left[outer], strips.right[outer])
        apart = np.linalg.norm((strips.centre[other] - border)[:, :2], axis=1)
        found.append(np.where(other != NONE, apart, np.inf))
    return found[0], found[1]
