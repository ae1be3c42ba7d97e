"""Each sample moves to where the drives together say its line is.

On the normal of a sample every drive's line leaves at most one crossing. Their robust weighted mean (iteratively
reweighted, Cauchy weights, from the weighted median) is the sample's new place; a local quadratic along the line
takes the remaining noise out. Crossings are always those of the lines as the drives saw them, so that what decides on
a sample lies within twice the gate and the smoothing length of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.fusion.samples import LABELS, LineSamples

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

_UNLIKE_COST_M = 0.15
_LIKE_GATE = 1.5


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where lines cross the normals of samples. i: the sample; j: the nearest sample of the crossing line.

    offset_m: along the normal of i, left positive. Sorted by i, drive of j, offset.
    """

    i: Index
    j: Index
    offset_m: Float


@dataclass(frozen=True, eq=False)
class Consensus:
    """What the drives say at each sample.

    xyz_map: (N, 3) fused place; sigma_m: (N,) across; hits: (N, drives) bool: this drive has a line here;
    hit_confidence: (N, drives), 0 where it has none; votes: (N, LABELS) for the attributes; seen_ns: (N, 2).
    """

    xyz_map: Float
    sigma_m: Float
    hits: Bool
    hit_confidence: Float
    votes: Float
    seen_ns: Index


def crossings(samples: LineSamples, reach_m: float, station_m: float, max_turn_rad: float) -> Crossings:
    """All crossings within reach on the normals, those of the sample's own line (offset 0) included."""
    tree = cKDTree(samples.xyz_map[:, :2])
    pairs = tree.query_pairs(float(np.hypot(reach_m, station_m)), output_type="ndarray")
    own = np.arange(len(samples))
    i = np.concatenate([pairs[:, 0], pairs[:, 1], own])
    j = np.concatenate([pairs[:, 1], pairs[:, 0], own])
    offset, along, dot = _on_normal(samples.xyz_map, samples.xyz_map, samples.tangent, i, j)
    # half a station, and a little for lines sampled out of step
    fits = (np.abs(along) <= 0.55 * station_m) & (np.abs(offset) <= reach_m) & (np.abs(dot) >= np.cos(max_turn_rad))
    fits &= (samples.line[i] != samples.line[j]) | (i == j)
    i, j, offset = i[fits], j[fits], offset[fits]
    order = np.lexsort((j, offset, samples.drive[samples.line[j]], i))
    return Crossings(i[order], j[order], offset[order])


def _on_normal(xyz: Float, others: Float, tangent: Float, i: Index, j: Index) -> tuple[Float, Float, Float]:
    """Offset along the normal of i to the line through j, distance along that line from j, and cosine of the turn."""
    delta = others[j, :2] - xyz[i, :2]
    ti, tj = tangent[i], tangent[j]
    dot = (ti * tj).sum(axis=1)
    safe = np.where(np.abs(dot) < 1e-3, 1e-3, dot)
    # xy_i + offset n_i = xy_j + along t_j
    offset = (delta[:, 1] * tj[:, 0] - delta[:, 0] * tj[:, 1]) / safe
    along = -(delta * ti).sum(axis=1) / safe
    return offset, along, dot


def side_gates(samples: LineSamples, found: Crossings, gate_m: float, min_spacing_m: float) -> tuple[Float, Float]:
    """How far to the left and to the right a sample may look for its own line.

    Where its drive saw another line beside it, only a little past half way: what lies further is that other line.
    """
    drive = samples.drive[samples.line]
    beside = (drive[found.i] == drive[found.j]) & (np.abs(found.offset_m) >= min_spacing_m)
    i, offset = found.i[beside], found.offset_m[beside]
    left, right = np.full(len(samples), gate_m), np.full(len(samples), gate_m)
    np.minimum.at(left, i[offset > 0], 0.55 * offset[offset > 0])
    np.minimum.at(right, i[offset < 0], -0.55 * offset[offset < 0])
    return left, right


@dataclass(frozen=True, eq=False)
class PairGates:
    """Which crossings may be the sample's own line in another drive.

    to_left_m, to_right_m: (M,) how far the crossing may lie from the sample's present place on either side.
    unlike: (M,) on how many sides one of the two has a close neighbour and the other has none.
    """

    to_left_m: Float
    to_right_m: Float
    unlike: Index


def pair_gates(samples: LineSamples, found: Crossings, left: Float, right: Float, gate_m: float) -> PairGates:
    """Gates by what both samples know of their neighbours: the left line of a close pair is the left line of that
    pair in any drive, also where the drives lie half the pair's spacing apart."""
    i, j = found.i, found.j
    same_way = (samples.tangent[i] * samples.tangent[j]).sum(axis=1) >= 0
    left_j, right_j = np.where(same_way, left[j], right[j]), np.where(same_way, right[j], left[j])
    paired_left, paired_right = (left[i] < gate_m) & (left_j < gate_m), (right[i] < gate_m) & (right_j < gate_m)
    unlike = ((left[i] < gate_m) != (left_j < gate_m)).astype(np.int64)
    unlike += (right[i] < gate_m) != (right_j < gate_m)
    wider = np.where((unlike == 0) & (paired_left | paired_right), _LIKE_GATE, 1.0)
    return PairGates(
        to_left_m=np.minimum(wider * np.minimum(left[i], right_j), gate_m),
        to_right_m=np.minimum(wider * np.minimum(right[i], left_j), gate_m),
        unlike=unlike,
    )


def agree(
    samples: LineSamples,
    found: Crossings,
    gates: PairGates,
    n_drives: int,
    rounds: int,
    outlier_m: float,
    taper_m: float,
    smoothing_m: float,
    sigma_floor_m: float,
) -> Consensus:
    """The consensus at every sample. gates: of the crossings."""
    n = len(samples)
    drive_of_j = samples.drive[samples.line[found.j]]
    taper = np.clip((samples.end_m + 0.5) / taper_m, 0.05, 1.0)
    prior = taper[found.j] / np.maximum(samples.sigma_m[found.j], sigma_floor_m) ** 2
    shift, weight = np.zeros(n), prior
    chosen = np.arange(len(found.i))
    for turn in range(rounds):
        chosen = _nearest_a_drive(found.i, drive_of_j, found.offset_m - shift[found.i], gates)
        i, offset = found.i[chosen], found.offset_m[chosen]
        if turn == 0:
            shift = _weighted_median(i, offset, prior[chosen], n)
        weight = prior[chosen] / (1.0 + ((offset - shift[i]) / outlier_m) ** 2)
        shift = _mean(i, offset, weight, n)
    j = found.j[chosen]
    spread = _mean(i, (offset - shift[i]) ** 2 * weight, np.ones(len(i)), n, total=True)
    total = np.bincount(i, weight, n)
    count = np.bincount(i, minlength=n)
    disagreement = np.maximum(spread / np.maximum(count - 1, 1), 1.0)
    moved = samples.xyz_map.copy()
    moved[:, :2] += shift[:, None] * samples.normal
    moved[:, 2] = _mean(i, samples.xyz_map[j, 2], weight, n)
    hit_confidence = np.zeros((n, n_drives))
    np.maximum.at(hit_confidence, (i, samples.drive[samples.line[j]]), samples.confidence[samples.line[j]])
    label = samples.label[samples.line[j]]
    votes = np.bincount(i * LABELS + label, samples.confidence[samples.line[j]], n * LABELS)
    return Consensus(
        xyz_map=_locally_smooth(samples, moved, smoothing_m),
        sigma_m=np.sqrt(disagreement / np.maximum(total, 1e-9) + sigma_floor_m**2),
        hits=hit_confidence > 0.0,
        hit_confidence=hit_confidence,
        votes=votes.astype(np.float64).reshape(n, LABELS),
        seen_ns=_times(samples, i, j),
    )


def _nearest_a_drive(i: Index, drive: Index, residual: Float, gates: PairGates) -> Index:
    """Indices of the crossings that are, of their drive, nearest to the present place of sample i, and in the gate."""
    cost = np.abs(residual) + _UNLIKE_COST_M * gates.unlike
    order = np.lexsort((residual, cost, drive, i))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (i[order][1:] != i[order][:-1]) | (drive[order][1:] != drive[order][:-1])
    allowed = np.where(residual >= 0.0, gates.to_left_m, gates.to_right_m)
    chosen = order[first]
    return np.asarray(chosen[np.abs(residual[chosen]) <= allowed[chosen]])


def _weighted_median(i: Index, values: Float, weight: Float, n: int) -> Float:
    """Per sample, the middle of lower and upper weighted median; 0 for samples without values."""
    order = np.lexsort((values, i))
    i, values, weight = i[order], values[order], weight[order]
    total = np.bincount(i, weight, n)
    running = np.cumsum(weight)
    before = np.concatenate([[0.0], np.cumsum(total)])[i]
    share = (running - before) / total[i]
    out = np.zeros(n)
    for level in (0.5 - 1e-9, 0.5 + 1e-9):
        first = np.full(n, len(i), dtype=np.int64)
        reached = np.flatnonzero(share >= level)
        np.minimum.at(first, i[reached], reached)
        there = first < len(i)
        out[there] += 0.5 * values[first[there]]
    return out


def _mean(i: Index, values: Float, weight: Float, n: int, total: bool = False) -> Float:
    summed: Float = np.bincount(i, values * weight, n).astype(np.float64)
    return summed if total else np.asarray(summed / np.maximum(np.bincount(i, weight, n), 1e-12))


def _times(samples: LineSamples, i: Index, j: Index) -> Index:
    first = np.full(len(samples), np.iinfo(np.int64).max)
    last = np.full(len(samples), np.iinfo(np.int64).min)
    np.minimum.at(first, i, samples.seen_ns[samples.line[j], 0])
    np.maximum.at(last, i, samples.seen_ns[samples.line[j], 1])
    return np.stack([first, last], axis=1)


def _locally_smooth(samples: LineSamples, moved: Float, reach_m: float) -> Float:
    """Local quadratic across the line, and local mean height, over the samples of the same drive's line.

    Lines that go on in another element of the drive count as one, sharp corners do not.
    """
    if len(samples) == 0:
        return moved
    drive = samples.drive[samples.line]
    tree = cKDTree(samples.xyz_map[:, :2])
    pairs = tree.query_pairs(reach_m, output_type="ndarray")
    own = np.arange(len(samples))
    i = np.concatenate([pairs[:, 0], pairs[:, 1], own])
    j = np.concatenate([pairs[:, 1], pairs[:, 0], own])
    same = (drive[i] == drive[j]) & (np.abs((samples.tangent[i] * samples.tangent[j]).sum(axis=1)) > 0.9)
    delta = moved[j, :2] - moved[i, :2]
    along = (delta * samples.tangent[i]).sum(axis=1)
    across = (delta * samples.normal[i]).sum(axis=1)
    same &= np.abs(across) <= 0.1 + 0.15 * np.abs(along)
    i, j, along, across = i[same], j[same], along[same] / reach_m, across[same]
    order = np.lexsort((j, i))
    i, j, along, across = i[order], j[order], along[order], across[order]
    weight = (1.0 - np.minimum(np.abs(along), 1.0) ** 3) ** 3
    powers = np.stack([np.ones(len(along)), along, along**2])
    n = len(samples)
    normal = np.array([[np.bincount(i, weight * a * b, n) for a in powers] for b in powers]).transpose(2, 0, 1)
    right = np.array([np.bincount(i, weight * a * across, n) for a in powers]).T
    # a light ridge on slope and bend keeps line ends from swinging
    normal += np.diag([1e-9, 1e-3, 0.05])
    lift = np.linalg.solve(normal, right[..., None])[:, 0, 0]
    out = moved.copy()
    out[:, :2] += lift[:, None] * samples.normal
    out[:, 2] = _mean(i, moved[j, 2], weight, n)
    return out
