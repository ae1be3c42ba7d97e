"""Sums and means over what lies near on the same line: noise of one place is not news of the line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.samples import LineSamples

Float = NDArray[np.float64]


def sums_along(samples: LineSamples, values: Float, places: int) -> Float:
    """(N, ...) sums over the samples of the same line at most `places` stations away.

    Samples are sorted by line, then station; some of a line's stations may be missing.
    """
    total = np.array(values, dtype=np.float64)
    for step in range(1, min(places, len(samples) - 1) + 1):
        near = samples.line[step:] == samples.line[:-step]
        near &= samples.station[step:] - samples.station[:-step] <= places
        weight = near.reshape(-1, *(1,) * (total.ndim - 1))
        total[step:] += np.where(weight, values[:-step], 0.0)
        total[:-step] += np.where(weight, values[step:], 0.0)
    return total


def means_along(samples: LineSamples, values: Float, places: int, weight: Float | None = None) -> Float:
    """(N, ...) weighted means of the same; 0 where nothing near has weight."""
    weights = np.ones(values.shape) if weight is None else np.broadcast_to(weight, values.shape)
    sums = sums_along(samples, np.where(weights > 0.0, values, 0.0) * weights, places)
    return np.asarray(sums / np.maximum(sums_along(samples, weights, places), 1e-12))
