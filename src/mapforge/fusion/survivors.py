"""Of the lines that now lie on each other one stays; what stays is cut into runs of one attribute combination."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.fusion.samples import LineSamples

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]


_NEAR_END_M = 3.0


def covered(
    samples: LineSamples,
    xyz_fused: Float,
    exists: Bool,
    station_m: float,
    max_turn_rad: float,
    min_spacing_m: float,
    level_m: float,
) -> Bool:
    """(N,) samples beside which a line of higher priority runs. The rule knows only the samples around each.

    Two lines that one drive saw apart never cover each other.
    """
    if len(samples) == 0:
        return np.zeros(0, dtype=bool)
    reach = float(np.hypot(min_spacing_m, 0.55 * station_m))
    pairs = cKDTree(xyz_fused[:, :2]).query_pairs(reach, output_type="ndarray")
    i, j = np.concatenate([pairs, pairs[:, ::-1]]).T
    # what a drive saw near the end of its line, where it may bend off, gives way to lines that go on
    rank = samples.priority[samples.line] + len(samples.priority) * (samples.end_m < _NEAR_END_M)
    higher = rank[j] < rank[i]
    i, j = i[higher & exists[j]], j[higher & exists[j]]
    delta = xyz_fused[j, :2] - xyz_fused[i, :2]
    along = (delta * samples.tangent[i]).sum(axis=1)
    across = (delta * samples.normal[i]).sum(axis=1)
    turn = np.abs((samples.tangent[i] * samples.tangent[j]).sum(axis=1))
    before = ((samples.xyz_map[j, :2] - samples.xyz_map[i, :2]) * samples.normal[i]).sum(axis=1)
    drive = samples.drive[samples.line]
    apart = (drive[i] == drive[j]) & (np.abs(before) >= min_spacing_m)
    covers = (np.abs(along) <= 0.55 * station_m) & (np.abs(across) <= min_spacing_m)
    covers &= (turn >= np.cos(max_turn_rad)) & ~apart & (np.abs(xyz_fused[j, 2] - xyz_fused[i, 2]) <= level_m)
    out = np.zeros(len(samples), dtype=bool)
    out[i[covers]] = True
    return out


def bridged(samples: LineSamples, sure: Bool, likely: Bool, most: int) -> Bool:
    """(N,) what is sure, and runs of at most so many likely samples of a line that are sure before and after.

    Hysteresis (Canny 1986) along the line: a dash that one drive of three saw is part of the line all three saw.
    """
    if len(samples) == 0:
        return sure
    follows = (np.diff(samples.line) == 0) & (np.diff(samples.station) == 1)
    doubtful = likely & ~sure
    starts = np.flatnonzero(np.diff(doubtful.astype(np.int8), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(doubtful.astype(np.int8), append=0) == -1)
    out = sure.copy()
    for start, end in zip(starts.tolist(), ends.tolist()):
        inside = start > 0 and end < len(sure) - 1 and end - start < most
        if inside and follows[start - 1 : end + 1].all() and sure[start - 1] and sure[end + 1]:
            out[start : end + 1] = True
    return out


def runs(samples: LineSamples, stays: Bool, label: Index) -> list[Index]:
    """Indices of successive samples that stay, one array a run; where only the label changes runs share a sample."""
    if not stays.any():
        return []
    kept = np.flatnonzero(stays)
    follows = (np.diff(samples.line[kept]) == 0) & (np.diff(samples.station[kept]) == 1)
    same = follows & (np.diff(label[kept]) == 0)
    parts = np.split(np.arange(len(kept)), np.flatnonzero(~same) + 1)
    out = []
    for part in parts:
        first = part[0]
        shared = first > 0 and bool(follows[first - 1])
        out.append(kept[first - 1 : part[-1] + 1] if shared else kept[part])
    return out
