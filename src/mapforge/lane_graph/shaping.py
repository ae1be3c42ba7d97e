"""Strips made into lanes: as wide as one, without the corners of junctions, smooth, with even vertices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.strips import Strips, joined, window, windowed_sum

Float = NDArray[np.float64]

_STEADY_M = 8.0
_STEADY_SPREAD_M = 0.7
_STEADY_LENGTH_M = 12.0
_LEAST_STEP_M = 0.3
_USUAL_M = 20.0
_FLARE_M = 10.0
_FLARE_WIDTH_M = 0.3


def lane_strips(strips: Strips, min_width_m: float, max_width_m: float, usual_width_m: float) -> Strips:
    """Strips as wide as a lane, and parts of wider ones where the width is steady: roads without markings."""
    width = strips.width_m
    single = strips.where((width >= min_width_m) & (width <= max_width_m))
    wide = strips.where(width > max_width_m)
    parts = [single]
    if len(wide):
        count = np.maximum(2, np.round(_steady_width(wide) / usual_width_m))
        for lanes in np.unique(count[np.isfinite(count)]):
            chosen = wide.where(count == lanes)
            chosen = chosen.where(chosen.length_of_strip() >= _STEADY_LENGTH_M)
            if len(chosen):
                parts.append(chosen.divided(int(lanes)))
    return joined(parts)


def without_flares(strips: Strips) -> Strips:
    """Strips without the ends at which they widen, as they do towards the corners of a junction."""
    if not len(strips):
        return strips
    width = strips.width_m
    number = windowed_sum(np.ones(len(strips)), strips, _USUAL_M)
    usual = windowed_sum(width, strips, _USUAL_M) / number
    return strips.where(~((strips.to_ends_m() < _FLARE_M) & (width > usual + _FLARE_WIDTH_M)))


def smoothed(strips: Strips, half_m: float) -> Strips:
    """Borders averaged over up to `half_m` to either side, less near the ends, so that these stay where they are."""
    if not len(strips):
        return strips
    low, high = window(strips, np.minimum(half_m, strips.to_ends_m()) + 1e-6)
    values = np.column_stack([strips.left, strips.right])
    base = values[strips.ends[0]][strips.strip]
    total = np.concatenate([np.zeros((1, 6)), np.cumsum(values - base, axis=0)])
    mean = (total[high] - total[low]) / (high - low)[:, None] + base
    return replace(strips, left=mean[:, :3], right=mean[:, 3:])


def thinned(strips: Strips) -> Strips:
    """One sample a strip and square metre of the map, and the last of each strip: a choice that does not depend on
    where the strip begins."""
    if not len(strips):
        return strips
    cell = np.column_stack([strips.strip, np.floor(strips.centre[:, :2]).astype(np.int64)])
    keep = (np.diff(cell, axis=0, prepend=cell[:1] - 1) != 0).any(axis=1)
    keep[np.append(np.flatnonzero(np.diff(strips.strip)), len(strips) - 1)] = True
    chosen = strips._at(np.flatnonzero(keep))
    apart = np.linalg.norm(np.diff(chosen.centre[:, :2], axis=0), axis=1) >= _LEAST_STEP_M
    other = np.diff(chosen.strip) != 0
    # a vertex too near to the next one is left out, unless it begins its strip; the last one stays
    begins = np.concatenate([[True], other])
    return chosen._at(np.flatnonzero(np.append(apart | other, True) | begins))


def _steady_width(wide: Strips) -> Float:
    """(N,) mean width around each sample, NaN where it changes too much, as it does at the mouth of a junction."""
    width = wide.width_m
    number = windowed_sum(np.ones(len(wide)), wide, _STEADY_M)
    mean = windowed_sum(width, wide, _STEADY_M) / number
    spread = np.sqrt(np.maximum(windowed_sum(width**2, wide, _STEADY_M) / number - mean**2, 0.0))
    return np.where(spread < _STEADY_SPREAD_M / 2, mean, np.nan)
