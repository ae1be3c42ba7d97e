"""What drives past: cells of the road that are occupied for a moment, and the velocity with which moments follow.

Nothing is told apart or tracked. A vehicle occupies the cells on its way one after the other, so that over a few metres
the times of passage are a plane t = t0 + s . x, whose slope s is the slowness: the velocity is s / |s|^2, as for a
travelling wave front. What stands occupies its cells in most of the sweeps that see them and is left out, also where
the passing car sees only changing parts of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.perception.traffic_config import TrafficConfig

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

_SPREAD_MIN_S = 0.05
"""Passages nearer in time than sweeps follow each other have no order."""
_RIDGE = 0.05


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Cells over sweeps. times_s: (K,). occupied, free: (K, rows, columns), something above the road, or the road."""

    times_s: Float
    occupied: Bool
    free: Bool


@dataclass(frozen=True, eq=False)
class Flow:
    """Places that something drove over. xy_m: (N, 2) in the grid. time_s, heading_rad, speed_mps: (N,)."""

    xy_m: Float
    time_s: Float
    heading_rad: Float
    speed_mps: Float

    def __len__(self) -> int:
        return len(self.time_s)

    def take(self, index: Index | Bool) -> Flow:
        return Flow(self.xy_m[index], self.time_s[index], self.heading_rad[index], self.speed_mps[index])


def flow_of(seen: Occupancy, config: TrafficConfig) -> Flow:
    """Where and which way vehicles passed. Nothing below three sweeps."""
    if len(seen.times_s) < 3:
        return Flow(np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0))
    return velocities(*passages(seen, config), config)


def passages(seen: Occupancy, config: TrafficConfig) -> tuple[Float, Float]:
    """Centres (N, 2) of cells, in metres of the grid, and the middle (N,) of each moment in which one was occupied.

    Moments that reach the first or the last sweep are left out: nobody knows how long they were.
    """
    columns = seen.occupied.shape[2]
    occupied, free = (cells.reshape(len(seen.times_s), -1) for cells in (seen.occupied, seen.free))
    busy, empty = occupied.sum(axis=0), (free & ~occupied).sum(axis=0)
    moving = (busy > 0) & (empty >= config.free_sweeps) & (busy < config.busy_share * (busy + empty))
    cell = np.flatnonzero(moving)
    there = occupied[:, cell]
    # a sweep in between may have missed it
    there[1:-1] |= occupied[:-2, cell] & occupied[2:, cell]
    change = np.diff(np.pad(there.T.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    (owner, first), last = np.nonzero(change == 1), np.nonzero(change == -1)[1] - 1
    whole = (first > 0) & (last < len(seen.times_s) - 1)
    whole &= seen.times_s[last] - seen.times_s[first] <= config.longest_s
    owner, first, last = cell[owner[whole]], first[whole], last[whole]
    xy = (np.column_stack([owner % columns, owner // columns]) + 0.5) * config.cell_m
    return xy, 0.5 * (seen.times_s[first] + seen.times_s[last])


def velocities(xy_m: Float, time_s: Float, config: TrafficConfig) -> Flow:
    """Of passages (N, 2), (N,): a plane is fitted to the times around each; those that it explains are kept."""
    count = len(time_s)
    pairs = cKDTree(np.column_stack([xy_m / config.near_m, time_s / config.near_s])).query_pairs(
        1.0, output_type="ndarray"
    )
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).T
    delta = np.column_stack([xy_m[j] - xy_m[i], time_s[j] - time_s[i]])
    number = 1.0 + np.bincount(i, minlength=count)

    def total(values: Float) -> Float:
        return np.bincount(i, values, count).astype(np.float64, copy=False)

    mean = [total(column) / number for column in delta.T]

    def moment(a: int, b: int) -> Float:
        return np.asarray(total(delta[:, a] * delta[:, b]) - number * mean[a] * mean[b])

    # the ridge leaves a row of cells, of which nothing is known across, its direction along
    ridge = _RIDGE * (moment(0, 0) + moment(1, 1)) + 1e-9
    xx, xy, yy = moment(0, 0) + ridge, moment(0, 1), moment(1, 1) + ridge
    xt, yt, spread = moment(0, 2), moment(1, 2), moment(2, 2)
    determinant = xx * yy - xy * xy
    slow_x, slow_y = (yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant
    explained = (slow_x * xt + slow_y * yt) / np.maximum(spread, 1e-12)
    speed = 1.0 / np.maximum(np.hypot(slow_x, slow_y), 1e-6)
    kept = (number >= config.fewest) & (spread > number * _SPREAD_MIN_S**2) & (explained >= config.explained)
    kept &= (speed >= config.slowest_mps) & (speed <= config.fastest_mps)
    return Flow(xy_m, time_s, np.arctan2(slow_y, slow_x), speed).take(kept)
