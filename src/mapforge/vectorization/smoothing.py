"""A chain of nodes becomes a smooth polyline with few vertices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from mapforge.geometry.polylines import arc_length

Float = NDArray[np.float64]
_SHARP_RAD = np.radians(35.0)
_Z_SMOOTHING_M = 5.0


def smooth(xyz: Float, weight: Float, scale_m: float) -> Float:
    """Penalised least squares on second differences (Whittaker 1923), corners left sharp.

    xyz: (N, 3) in order, z may be NaN; weight: (N,). scale_m: features shorter than about this are smoothed away.
    """
    if len(xyz) < 3:
        return _with_height(xyz, arc_length(xyz))
    steps = np.maximum(np.linalg.norm(np.diff(xyz[:, :2], axis=0), axis=1), 1e-3)
    stiffness = np.where(_turns(xyz) > _SHARP_RAD, 0.0, 1.0)
    xy = _whittaker(xyz[:, :2], weight, steps, stiffness * scale_m**4)
    return _with_height(np.column_stack([xy, xyz[:, 2]]), arc_length(xy))


def _turns(xyz: Float) -> Float:
    """(N-2,) absolute turn at the inner nodes, over about a metre so that noise is no corner."""
    reach = 2
    index = np.arange(1, len(xyz) - 1)
    before, after = np.maximum(index - reach, 0), np.minimum(index + reach, len(xyz) - 1)
    come, go = xyz[index, :2] - xyz[before, :2], xyz[after, :2] - xyz[index, :2]
    cross = come[:, 0] * go[:, 1] - come[:, 1] * go[:, 0]
    return np.asarray(np.abs(np.arctan2(cross, (come * go).sum(axis=1))))


def _whittaker(values: Float, weight: Float, steps: Float, stiffness: Float) -> Float:
    """argmin sum w (x - v)^2 + sum stiffness (second derivative)^2 ds, on uneven steps; banded, O(N)."""
    h0, h1 = steps[:-1], steps[1:]
    left, right = 2.0 / (h0 * (h0 + h1)), 2.0 / (h1 * (h0 + h1))
    d = np.stack([left, -(left + right), right])  # rows of the second derivative at inner nodes
    penalty = stiffness * (h0 + h1) / 2.0
    local = np.full(len(values), 1.0)
    local[1:-1] = (h0 + h1) / 2.0
    local[[0, -1]] = steps[[0, -1]] / 2.0
    band = np.zeros((3, len(values)))  # upper form: band[2] diagonal
    data = np.maximum(weight / max(float(np.median(weight)), 1e-9) * local, 1e-6)
    band[2] = data
    for a in range(3):
        for b in range(a, 3):
            np.add.at(band[2 - (b - a)], np.arange(len(penalty)) + b, penalty * d[a] * d[b])
    return np.asarray(solveh_banded(band, values * data[:, None]))


def _with_height(xyz: Float, along: Float) -> Float:
    """Heights filled along the line where the ground was unknown, and smoothed over a few metres."""
    z = xyz[:, 2]
    known = np.isfinite(z)
    out = xyz.copy()
    if not known.any():
        out[:, 2] = 0.0
        return out
    filled = np.interp(along, along[known], z[known])
    if len(xyz) >= 3:
        steps = np.maximum(np.diff(along), 1e-3)
        ones = np.ones(len(xyz))
        filled = _whittaker(filled[:, None], ones, steps, np.full(len(xyz) - 2, _Z_SMOOTHING_M**4 / 16))[:, 0]
    out[:, 2] = filled
    return out


def vertices_kept(xyz: Float, tolerance_m: float, max_spacing_m: float) -> NDArray[np.int64]:
    """Indices of vertices that keep the line within the tolerance and no segment longer than asked, where possible."""
    simple = shapely.get_coordinates(shapely.LineString(xyz[:, :2]).simplify(tolerance_m))
    along = arc_length(xyz)
    kept = np.zeros(len(xyz), dtype=bool)
    # simplify keeps vertices as they are and in order: find them again
    cursor = 0
    for point in simple:
        cursor += int(np.flatnonzero((xyz[cursor:, :2] == point).all(axis=1))[0])
        kept[cursor] = True
    anchors = np.flatnonzero(kept)
    for start, end in pairwise(anchors):
        span = along[end] - along[start]
        parts = int(np.ceil(span / max_spacing_m - 1e-9))
        wanted = along[start] + span * np.arange(1, parts) / max(parts, 1)
        kept[np.searchsorted(along, wanted)] = True
    return np.flatnonzero(kept)
