"""Where along a line a label holds: votes are smoothed, and short changes are not believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def labelled_stretches(scores: Float, along_m: Float, least_m: float) -> list[tuple[int, int, int]]:
    """Stretches (first, last, label) of a line, each label holding for `least_m` at least where the line allows.

    scores: (N, K) votes of each vertex. along_m: (N,) distance along the line. Neighbouring stretches share a vertex.
    """
    label = _windowed(scores, along_m, least_m / 2.0).argmax(axis=1)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(label)) + 1])
    runs = [(int(s), int(label[s])) for s in starts]
    while len(runs) > 1:
        ends = [along_m[min(s, len(label) - 1)] for s, _ in runs[1:]] + [along_m[-1]]
        lengths = [end - along_m[s] for end, (s, _) in zip(ends, runs)]
        k = int(np.argmin(lengths))
        if lengths[k] >= least_m:
            break
        runs = _without(runs, k, lengths)
    borders = [s for s, _ in runs[1:]] + [len(label) - 1]
    return [(s, border, kind) for (s, kind), border in zip(runs, borders)]


def windowed_mean(values: Float, along_m: Float, reach_m: float) -> Float:
    """(N,) mean of the values within reach along the line, by length."""
    sums = _windowed(np.stack([values, np.ones(len(values))], axis=1), along_m, reach_m)
    return np.asarray(sums[:, 0] / np.maximum(sums[:, 1], 1e-9))


def _windowed(scores: Float, along_m: Float, reach_m: float) -> Float:
    """(N, K) sums of votes within reach along the line, each vote weighted by the length it stands for."""
    weights = np.gradient(along_m) if len(along_m) > 1 else np.ones(1)
    total = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores * weights[:, None], axis=0)])
    low = np.searchsorted(along_m, along_m - reach_m, side="left")
    high = np.searchsorted(along_m, along_m + reach_m, side="right")
    return np.asarray(total[high] - total[low])


def _without(runs: list[tuple[int, int]], k: int, lengths: list[float]) -> list[tuple[int, int]]:
    """Run k taken over by its longer neighbour; equal neighbours become one."""
    left = lengths[k - 1] if k > 0 else -1.0
    right = lengths[k + 1] if k + 1 < len(runs) else -1.0
    taker = runs[k - 1][1] if left >= right else runs[k + 1][1]
    merged: list[tuple[int, int]] = []
    for position, (start, kind) in enumerate(runs):
        kind = taker if position == k else kind
        if not merged or merged[-1][1] != kind:
            merged.append((start, kind))
    return merged
