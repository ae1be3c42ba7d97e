"""What changed while the drives went by, told from noise and from single drives that err.

Columns are drives in the order of time. A change is a time after which all is different and stays so: one deviating
drive between others is none, and a change needs some newer drives that agree. Each test compares "always the same"
with "changed before drive k" for every k; the rows (places along lines) are independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

_CONSISTENT = 0.75
_CLEARLY = 0.85
_WITHIN = 0.35
_SEEN_WHERE_IT_IS = (4.0, 1.0)
_SEEN_WHERE_IT_IS_NOT = (1.0, 20.0)
_CHANGE_LOG_ODDS = np.log(0.05)


def moved_since(offset_m: Float, there: Bool, least_m: float, least_drives: int) -> Index:
    """(N,) the first drive that saw the line at its new place; 0 where it did not move.

    offset_m: (N, drives) where each drive saw the line, across it, where `there`.
    """
    since = np.zeros(len(offset_m), dtype=np.int64)
    known = np.where(there, offset_m, np.nan)
    low, high = np.where(there, offset_m, np.inf).min(axis=1), np.where(there, offset_m, -np.inf).max(axis=1)
    rows = np.flatnonzero(high - low > least_m)
    if not len(rows):
        return since
    known = known[rows]
    best = np.zeros(len(rows))
    for k in range(1, known.shape[1]):
        before, after = _median(known[:, :k]), _median(known[:, k:])
        step = np.abs(after - before)
        like_before = _share_within(known[:, :k], before, _WITHIN * step)
        like_after = _share_within(known[:, k:], after, _WITHIN * step)
        newer, older = np.isfinite(known[:, k:]).sum(axis=1), np.isfinite(known[:, :k]).sum(axis=1)
        fits = (step > least_m) & (newer >= least_drives) & (older > 0)
        fits &= (like_before >= _CONSISTENT) & (like_after >= _CONSISTENT)
        explained = like_before * older + like_after * newer
        better = fits & (explained > best) & np.isfinite(known[:, k])
        best[better] = explained[better]
        since[rows[better]] = k
    return since


def _median(values: Float) -> Float:
    """(N,) of each row's finite values; NaN without one."""
    count = np.isfinite(values).sum(axis=1)
    order = np.sort(values, axis=1)  # NaN last
    rows = np.arange(len(values))
    low, high = order[rows, np.maximum(count - 1, 0) // 2], order[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return np.asarray(np.where(count > 0, 0.5 * (low + high), np.nan))


def _share_within(values: Float, centre: Float, reach_m: Float) -> Float:
    known = np.isfinite(values)
    near = known & (np.abs(np.where(known, values, np.inf) - centre[:, None]) <= reach_m[:, None])
    return np.asarray(near.sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def presence(hits: Float, misses: Float, least_drives: int) -> tuple[Float, Float]:
    """(N,) probability that what was there is gone, and (N, drives) that it was not yet there when a drive passed.

    hits, misses: (N, drives) in 0..1, how far each drive saw it, or looked and did not see it. Sightings of what is
    there, and of what is not, are Bernoulli with unknown rates (beta priors), so that what was always seen and then
    never again is gone, and what is seen now and then is hard to see.
    """
    n, drives = hits.shape
    h = np.concatenate([np.zeros((n, 1)), np.cumsum(hits, axis=1)], axis=1)
    m = np.concatenate([np.zeros((n, 1)), np.cumsum(misses, axis=1)], axis=1)
    h_after, m_after = h[:, -1:] - h, m[:, -1:] - m
    there, not_there = _log_evidence(h, m, _SEEN_WHERE_IT_IS), _log_evidence(h, m, _SEEN_WHERE_IT_IS_NOT)
    always = there[:, -1]
    gone = there + _log_evidence(h_after, m_after, _SEEN_WHERE_IT_IS_NOT) + _CHANGE_LOG_ODDS
    came = not_there + _log_evidence(h_after, m_after, _SEEN_WHERE_IT_IS) + _CHANGE_LOG_ODDS
    enough = least_drives - 0.5
    lately = _CLEARLY * (h_after + m_after)
    gone = np.where((m_after >= np.maximum(enough, lately)) & (h >= 1.0), gone, -np.inf)
    came = np.where((h_after >= np.maximum(enough, lately)) & (m >= 1.0), came, -np.inf)
    best_gone, best_came = gone.max(axis=1), came.max(axis=1)
    most = np.maximum(always, np.maximum(best_gone, best_came))
    total = np.exp(always - most) + np.exp(best_gone - most) + np.exp(best_came - most)
    first = came.argmax(axis=1)
    not_yet = (np.exp(best_came - most) / total)[:, None] * (np.arange(drives)[None] < first[:, None])
    return np.asarray(np.exp(best_gone - most) / total), np.asarray(not_yet)


def _log_evidence(hits: Float, misses: Float, prior: tuple[float, float]) -> Float:
    a, b = prior
    return np.asarray(betaln(a + hits, b + misses) - betaln(a, b))


def relabelled_since(votes: Float, least_drives: int) -> Index:
    """(N,) the first drive that saw the new label; 0 where it did not change.

    votes: (N, drives, labels), what each drive says, summing to one or, where it says nothing, to zero.
    """
    n, drives, _ = votes.shape
    since, best = np.zeros(n, dtype=np.int64), np.zeros(n)
    said = votes.sum(axis=2)
    so_far = np.cumsum(votes, axis=1)
    for k in range(1, drives):
        before = so_far[:, k - 1]
        after = np.maximum(so_far[:, -1] - before, 0.0)
        older, newer = before.sum(axis=1), after.sum(axis=1)
        explained = before.max(axis=1) + after.max(axis=1)
        fits = (before.argmax(axis=1) != after.argmax(axis=1)) & (newer >= least_drives - 0.5) & (older >= 1.0)
        fits &= (before.max(axis=1) >= _CONSISTENT * older) & (after.max(axis=1) >= _CONSISTENT * newer)
        better = fits & (explained > best + 1e-9) & (said[:, k] > 0.0)
        since[better], best[better] = k, explained[better]
    return since
