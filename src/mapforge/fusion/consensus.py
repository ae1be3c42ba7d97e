"""Each guide moves to where the drives together say its line is.

On the normal of a guide every drive's line leaves at most one crossing. Their robust weighted mean (iteratively
reweighted, Cauchy weights, from the weighted median) is the guide's new place; a local quadratic along the line takes
the remaining noise out. Crossings are always those of the lines as the drives saw them, so that what decides on a
guide lies within twice the gate and the smoothing length of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.fusion.association import Gates, PairGates, crossings, pair_gates
from mapforge.fusion.samples import LineSamples, mirrored

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

_UNLIKE_COST_M = 0.15


@dataclass(frozen=True, eq=False)
class Observed:
    """What every drive has at every guide. All (N, drives); drives in the order of time.

    there: the drive has a line here; the rest counts only where it has. offset_m: along the guide's normal, left
    positive. sigma_m: stated, across, without what drives share. weight: prior weight. z_m: height. confidence: 0
    where not there. label: seen in the guide's direction. first_ns, last_ns: when.
    """

    there: Bool
    offset_m: Float
    sigma_m: Float
    weight: Float
    z_m: Float
    confidence: Float
    label: Index
    first_ns: Index
    last_ns: Index


def observed(
    guides: LineSamples,
    samples: LineSamples,
    sides: tuple[Float, Float],
    guide_sides: tuple[Float, Float],
    gates: Gates,
    n_drives: int,
    rounds: int,
    outlier_m: float,
    taper_m: float,
    sigma_floor_m: float,
) -> Observed:
    """The crossing of each drive nearest to the guide's place, found in some rounds of moving the guide.

    sides, guide_sides: `side_gates` of the samples and of the guides.
    """
    found = crossings(guides, samples, gates, 2.0 * gates.across_m)
    i, j = found.i, found.j
    same_way = (guides.tangent[i] * samples.tangent[j]).sum(axis=1) >= 0
    pairs = pair_gates(same_way, (guide_sides[0][i], guide_sides[1][i]), (sides[0][j], sides[1][j]), gates.across_m)
    drive = samples.drive_of[j]
    shape = (len(guides), n_drives)
    taper = np.clip((samples.end_m + 0.5) / taper_m, 0.05, 1.0)
    prior = taper[j] / np.maximum(samples.sigma_m[j], sigma_floor_m) ** 2
    shift = np.zeros(len(guides))
    chosen = np.zeros(0, dtype=np.int64)
    for turn in range(rounds):
        chosen = _nearest_a_drive(i, drive, found.offset_m - shift[i], pairs)
        at = (i[chosen], drive[chosen])
        offset, weight = _dense(shape, at, found.offset_m[chosen]), _dense(shape, at, prior[chosen])
        if turn == 0:
            shift = weighted_median(offset, weight)
        shift = robust_mean(offset, weight, shift, outlier_m)[0]
    at, j, same_way = (i[chosen], drive[chosen]), j[chosen], same_way[chosen]
    line = samples.line[j]
    label = samples.label[line]
    there = np.zeros(shape, dtype=bool)
    there[at] = True
    return Observed(
        there=there,
        offset_m=_dense(shape, at, found.offset_m[chosen]),
        sigma_m=_dense(shape, at, np.maximum(samples.sigma_m[j], sigma_floor_m)),
        weight=_dense(shape, at, prior[chosen]),
        z_m=_dense(shape, at, samples.xyz_map[j, 2]),
        confidence=_dense(shape, at, samples.confidence[line]),
        label=_dense(shape, at, np.where(same_way, label, mirrored(label))),
        first_ns=_dense(shape, at, samples.seen_ns[line, 0]),
        last_ns=_dense(shape, at, samples.seen_ns[line, 1]),
    )


def _dense(shape: tuple[int, int], at: tuple[Index, Index], values: NDArray) -> NDArray:
    out = np.zeros(shape, dtype=values.dtype)
    out[at] = values
    return out


def _nearest_a_drive(i: Index, drive: Index, residual: Float, gates: PairGates) -> Index:
    """Indices of the crossings that are, of their drive, nearest to the present place of guide i, and in the gate."""
    cost = np.abs(residual) + _UNLIKE_COST_M * gates.unlike
    order = np.lexsort((residual, cost, drive, i))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (i[order][1:] != i[order][:-1]) | (drive[order][1:] != drive[order][:-1])
    allowed = np.where(residual >= 0.0, gates.to_left_m, gates.to_right_m)
    chosen = order[first]
    return np.asarray(chosen[np.abs(residual[chosen]) <= allowed[chosen]])


def weighted_median(values: Float, weight: Float) -> Float:
    """(N,) the middle of lower and upper weighted median of each row; 0 for rows without weight."""
    order = np.argsort(np.where(weight > 0.0, values, np.inf), axis=1, kind="stable")
    values, weight = np.take_along_axis(values, order, axis=1), np.take_along_axis(weight, order, axis=1)
    total = weight.sum(axis=1, keepdims=True)
    share = np.cumsum(weight, axis=1) / np.maximum(total, 1e-300)
    low = np.take_along_axis(values, (share >= 0.5 - 1e-9).argmax(axis=1)[:, None], axis=1)[:, 0]
    high = np.take_along_axis(values, (share >= 0.5 + 1e-9).argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray(np.where(total[:, 0] > 0.0, 0.5 * (low + high), 0.0))


def robust_mean(offset: Float, weight: Float, start: Float, outlier_m: float) -> tuple[Float, Float]:
    """(N,) means after one reweighting about `start` (Cauchy), and the weights (N, drives) that made them."""
    robust = weight / (1.0 + ((offset - start[:, None]) / outlier_m) ** 2)
    total = np.maximum(robust.sum(axis=1), 1e-12)
    return np.asarray((robust * offset).sum(axis=1) / total), robust


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the guides end up. xyz_map: (N, 3); shift_m: (N,) across, before smoothing; weight: (N, drives) with which
    each drive counted."""

    xyz_map: Float
    shift_m: Float
    weight: Float


def placed(guides: LineSamples, seen: Observed, counts: Bool, outlier_m: float, smoothing_m: float) -> Placed:
    """Guides at the robust mean of the drives that count (N, drives), smoothed along the lines."""
    prior = np.where(counts & seen.there, seen.weight, 0.0)
    shift = weighted_median(seen.offset_m, prior)
    weight = prior
    for _ in range(3):
        shift, weight = robust_mean(seen.offset_m, prior, shift, outlier_m)
    moved = guides.xyz_map.copy()
    moved[:, :2] += shift[:, None] * guides.normal
    total = weight.sum(axis=1)
    moved[:, 2] = np.where(total > 0.0, (weight * seen.z_m).sum(axis=1) / np.maximum(total, 1e-12), moved[:, 2])
    return Placed(_locally_smooth(guides, moved, smoothing_m), shift, weight)


def _locally_smooth(guides: LineSamples, moved: Float, reach_m: float) -> Float:
    """Local quadratic across the line, and local mean height, over the guides of the same line.

    Lines that go on in another element or another drive's guides count as one, sharp corners do not.
    """
    n = len(guides)
    if n == 0:
        return moved
    pairs = cKDTree(moved[:, :2]).query_pairs(reach_m, output_type="ndarray")
    own = np.arange(n)
    i = np.concatenate([pairs[:, 0], pairs[:, 1], own])
    j = np.concatenate([pairs[:, 1], pairs[:, 0], own])
    same = np.abs((guides.tangent[i] * guides.tangent[j]).sum(axis=1)) > 0.9
    same &= guides.drive_of[i] == guides.drive_of[j]
    delta = moved[j] - moved[i]
    along = (delta[:, :2] * guides.tangent[i]).sum(axis=1)
    across = (delta[:, :2] * guides.normal[i]).sum(axis=1)
    same &= (np.abs(across) <= 0.1 + 0.15 * np.abs(along)) & (np.abs(delta[:, 2]) <= 0.2 + 0.3 * np.abs(along))
    i, j, along, across = i[same], j[same], along[same] / reach_m, across[same]
    order = np.lexsort((j, i))
    i, j, along, across = i[order], j[order], along[order], across[order]
    weight = (1.0 - np.minimum(np.abs(along), 1.0) ** 3) ** 3
    powers = np.stack([np.ones(len(along)), along, along**2])
    normal = np.array([[np.bincount(i, weight * a * b, n) for a in powers] for b in powers]).transpose(2, 0, 1)
    right = np.array([np.bincount(i, weight * a * across, n) for a in powers]).T
    # a light ridge on slope and bend keeps line ends from swinging
    normal += np.diag([1e-9, 1e-3, 0.05])
    lift = np.linalg.solve(normal, right[..., None])[:, 0, 0]
    out = moved.copy()
    out[:, :2] += lift[:, None] * guides.normal
    total = np.maximum(np.bincount(i, weight, n), 1e-12)
    out[:, 2] = np.bincount(i, moved[j, 2] * weight, n) / total
    return out
