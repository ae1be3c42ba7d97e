"""Borders that face each other, and the strips between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.lane_graph.borders import Borders
from mapforge.lane_graph.rays import hits, nearest
from mapforge.lane_graph.strips import Strips

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_SAME_CHAIN_M = 15.0
_STEP_M = 2.6
_JUMP_M = 6.0
_LEAST_WIDTH_M = 0.05


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Points of two borders that face each other; those of the first chain and those of the second.

    sample: (P,) sample at or before each point. chain, station_m: (P,). xyz: (P, 3).
    """

    sample: tuple[Index, Index]
    chain: tuple[Index, Index]
    station_m: tuple[Float, Float]
    xyz: tuple[Float, Float]

    def ordered(self) -> _Pairs:
        """The lower chain first, or the lower station where a chain faces itself."""
        (a, b), (s, t) = self.chain, self.station_m
        swap = (a > b) | ((a == b) & (s > t))

        def swapped(pair: tuple[NDArray, NDArray]) -> tuple[NDArray, NDArray]:
            mask = swap[:, None] if pair[0].ndim > 1 else swap
            return np.where(mask, pair[1], pair[0]), np.where(mask, pair[0], pair[1])

        return _Pairs(swapped(self.sample), swapped(self.chain), swapped(self.station_m), swapped(self.xyz))


def strips_between(borders: Borders, max_width_m: float, parallel_rad: float, road: shapely.Geometry | None) -> Strips:
    """All strips between borders that face each other, however wide.

    Seen from either border, so that it does not matter which is which. road: drivable area; strips beside it are left
    out, None = not known.
    """
    pairs = _facing(borders, max_width_m, parallel_rad).ordered()
    tangent, across = borders.tangent[pairs.sample[0]], pairs.xyz[1] - pairs.xyz[0]
    second_left = tangent[:, 0] * across[:, 1] - tangent[:, 1] * across[:, 0] > 0
    key = np.stack([*pairs.chain, second_left.astype(np.int64)])
    order = np.lexsort((pairs.station_m[0], *key[::-1]))
    key, steps = key[:, order], [np.diff(station[order]) for station in pairs.station_m]
    apart = (np.diff(key, axis=1) != 0).any(axis=0) | (steps[0] > _STEP_M) | (np.abs(steps[1]) > _JUMP_M)
    left, right = (np.where(second_left, *pair)[order] for pair in (pairs.sample[::-1], pairs.sample))
    mask = second_left[:, None]
    strips = Strips(
        np.concatenate([[0], np.cumsum(apart)])[: len(order)].astype(np.int64),
        pairs.station_m[0][order],
        np.where(mask, pairs.xyz[1], pairs.xyz[0])[order],
        np.where(mask, pairs.xyz[0], pairs.xyz[1])[order],
        borders.owner[left],
        borders.owner[right],
        borders.kerb[left],
        borders.kerb[right],
    )
    if road is None or not len(strips):
        return strips
    centre = strips.centre
    shapely.prepare(road)
    return strips.where(shapely.contains_xy(road, centre[:, 0], centre[:, 1]))


def _facing(borders: Borders, max_width_m: float, parallel_rad: float) -> _Pairs:
    """Every sample with the first border that it sees to its left, and with that to its right."""
    normal = np.stack([-borders.tangent[:, 1], borders.tangent[:, 0]], axis=1)
    sample = np.tile(np.arange(len(borders)), 2)
    ray = np.concatenate([normal, -normal]) * max_width_m
    segment = np.flatnonzero(np.diff(borders.chain) == 0)
    step = borders.xyz[segment + 1] - borders.xyz[segment]
    r, k, reach, share = hits(borders.xyz[sample, :2], ray, borders.xyz[segment, :2], step[:, :2])
    own, other = sample[r], segment[k]
    station = borders.station_m[other] + share * np.diff(borders.station_m)[other]
    itself = (borders.chain[own] == borders.chain[other]) & (np.abs(station - borders.station_m[own]) < _SAME_CHAIN_M)
    met = np.flatnonzero((reach * max_width_m > _LEAST_WIDTH_M) & ~itself)
    met = met[nearest(r[met], reach[met], other[met])]
    parallel = np.abs((borders.tangent[own[met]] * borders.tangent[other[met]]).sum(axis=1)) > np.cos(parallel_rad)
    met = met[parallel]
    own, other = own[met], other[met]
    return _Pairs(
        (own, other),
        (borders.chain[own], borders.chain[other]),
        (borders.station_m[own], station[met]),
        (borders.xyz[own], borders.xyz[other] + share[met, None] * step[k[met]]),
    )
