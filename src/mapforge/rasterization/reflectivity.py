"""Intensity made comparable: divided by what the drive's own road returns at that range and from that ring.

Learned from ground near the path in a sample of sweeps, by interquartile means, so that paint (a few percent of the
road) does not count. One table a lidar; after it, road is 1 and paint is brighter, whatever the sensor's gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float = NDArray[np.float64]

LEVELS = 1024
FLOOR = 2e-3
MIN_BIN_POINTS = 30
RING_PRIOR_POINTS = 200
RING_GAIN_RANGE = (0.3, 3.0)


@dataclass(frozen=True, eq=False)
class RoadSample:
    """Road returns of one lidar. range_m, intensity: (N,) float32. ring: (N,) int16."""

    range_m: NDArray[np.float32]
    intensity: NDArray[np.float32]
    ring: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class RoadIntensity:
    """What road returns. by_range: (B,) float32, intensity at the centres of range bins. by_ring: (R,) float32."""

    range_bin_m: float
    by_range: NDArray[np.float32]
    by_ring: NDArray[np.float32]

    def reflectivity(self, range_m: Tensor, ring: Tensor, intensity: Tensor, max_reflectivity: float) -> Tensor:
        """(N,) float32 intensity relative to road, cut off at `max_reflectivity`."""
        table = torch.from_numpy(self.by_range).to(range_m.device)
        position = (range_m / self.range_bin_m - 0.5).clamp(0.0, len(table) - 1.001)
        below = position.floor()
        index = below.to(torch.int64)
        road = torch.lerp(table[index], table[index + 1], position - below)
        gains = torch.from_numpy(self.by_ring).to(range_m.device)
        known = ring.to(torch.int64).clamp(0, len(gains) - 1)
        gain = torch.where(ring >= 0, gains[known], torch.ones_like(road))
        return (intensity / (road * gain)).clamp(0.0, max_reflectivity)


def learn_road_intensity(sample: RoadSample, reach_m: float, range_bin_m: float) -> RoadIntensity:
    """From the road returns of a lidar; a table of ones times their mean where they are too few for bins."""
    bins = max(int(np.ceil(reach_m / range_bin_m)), 2)
    if not len(sample.intensity):
        return RoadIntensity(range_bin_m, np.ones(bins, np.float32), np.ones(1, np.float32))
    index = np.clip((sample.range_m / range_bin_m).astype(np.int64), 0, bins - 1)
    mean, count = _interquartile_means(index, sample.intensity, bins, 1.0)
    by_range = np.maximum(_filled(_smoothed(mean, count), count), FLOOR)
    relative = sample.intensity / np.interp(sample.range_m, (np.arange(bins) + 0.5) * range_bin_m, by_range)
    rings = max(int(sample.ring.max()) + 1, 1)
    known = sample.ring >= 0
    ratio, count = _interquartile_means(sample.ring[known].astype(np.int64), relative[known], rings, 4.0)
    by_ring = (ratio * count + RING_PRIOR_POINTS) / (count + RING_PRIOR_POINTS)
    return RoadIntensity(range_bin_m, by_range.astype(np.float32), by_ring.clip(*RING_GAIN_RANGE).astype(np.float32))


def _interquartile_means(group: NDArray[np.int64], values: NDArray, groups: int, top: float) -> tuple[Float, Float]:
    """Mean of the middle half of each group, from a histogram up to `top`; and the group sizes."""
    level = np.clip(values / top * LEVELS, 0, LEVELS - 1).astype(np.int64)
    counts = np.bincount(group * LEVELS + level, minlength=groups * LEVELS).reshape(groups, LEVELS).astype(np.float64)
    size = counts.sum(axis=1)
    upto = np.cumsum(counts, axis=1)
    low, high = 0.25 * size[:, None], 0.75 * size[:, None]
    inside = np.clip(upto, low, high) - np.clip(upto - counts, low, high)
    centre = (np.arange(LEVELS) + 0.5) / LEVELS * top
    return inside @ centre / np.maximum(inside.sum(axis=1), 1e-9), size


def _smoothed(mean: Float, count: Float) -> Float:
    """Weighted [1, 2, 1] over neighbouring bins."""
    weight = np.minimum(count, 10.0 * MIN_BIN_POINTS)
    kernel = np.array([1.0, 2.0, 1.0])
    return np.asarray(
        np.convolve(mean * weight, kernel, "same") / np.maximum(np.convolve(weight, kernel, "same"), 1e-9)
    )


def _filled(mean: Float, count: Float) -> Float:
    """Bins with too few returns take over from their neighbours."""
    good = np.flatnonzero(count >= MIN_BIN_POINTS)
    if not len(good):
        return np.full(len(mean), mean @ count / count.sum())
    return np.interp(np.arange(len(mean)), good, mean[good])
