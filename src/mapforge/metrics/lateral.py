"""How far lines lie beside the truth, and points along the road from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex, Stations

Float = NDArray[np.float64]

MATCH_M = 1.0
PAIR_M = 5.0


@dataclass(frozen=True, eq=False)
class Offsets:
    """Signed perpendicular offsets of matched samples.

    offset_m: (M,) positive = left of the truth line. length_m: (M,) length each stands for. sample: (M,) which
    station. height_m: (M,) height above the truth, NaN where unknown. sigma_m: (M,) stated sigma, NaN where none.
    """

    offset_m: Float
    length_m: Float
    sample: NDArray[np.int64]
    height_m: Float
    sigma_m: Float


def offsets(predicted: Stations, truth: SegmentIndex, match_m: float = MATCH_M) -> Offsets:
    """Offsets of predicted samples (their value is sigma) beside truth within `match_m`, not past its ends."""
    feet = truth.nearest(predicted.xyz, match_m)
    beside = ~feet.beyond_end
    query = feet.query[beside]
    return Offsets(
        feet.offset_m[beside],
        predicted.length_m[query],
        query,
        predicted.xyz[query, 2] - feet.xyz[beside, 2],
        predicted.value[query],
    )


def weighted_quantile(values: Float, weights: Float, share: float) -> float:
    """The smallest value below or at which `share` of the weight lies; NaN without values."""
    if len(values) == 0:
        return float("nan")
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    index = int(np.searchsorted(cumulative, share * cumulative[-1] * (1.0 - 1e-12)))
    return float(values[order][min(index, len(values) - 1)])


def lateral_errors(matched: Offsets) -> dict[str, float]:
    """lateral_median_m, lateral_p95_m of the absolute offset, lateral_bias_m of the signed one, by length."""
    absolute = np.abs(matched.offset_m)
    return {
        "lateral_median_m": weighted_quantile(absolute, matched.length_m, 0.5),
        "lateral_p95_m": weighted_quantile(absolute, matched.length_m, 0.95),
        "lateral_bias_m": weighted_quantile(matched.offset_m, matched.length_m, 0.5),
    }


def longitudinal_errors(truth: Sequence[shapely.Geometry], predicted: Sequence[shapely.Geometry]) -> Float:
    """(M,) distances along the road between stop lines, or crossings, and the truth each belongs to.

    The road runs across the long side of either shape. A prediction belongs to the nearest truth within 5 m of its
    centre, and each truth has one prediction, the nearest.
    """
    if not len(truth) or not len(predicted):
        return np.zeros(0)
    true_xy, across = _centres_and_normals(truth)
    xy, _ = _centres_and_normals(predicted)
    distance = np.linalg.norm(xy[:, None] - true_xy[None], axis=2)
    errors = []
    for t in range(len(true_xy)):
        mine = np.flatnonzero(distance.argmin(axis=1) == t)
        if len(mine):
            p = mine[distance[mine, t].argmin()]
            if distance[p, t] <= PAIR_M:
                errors.append(abs(float((xy[p] - true_xy[t]) @ across[t])))
    return np.array(errors)


def _centres_and_normals(shapes: Sequence[shapely.Geometry]) -> tuple[Float, Float]:
    """(N, 2) centres and (N, 2) unit vectors along the short side of the smallest rectangle around each shape."""
    centres, normals = np.empty((len(shapes), 2)), np.empty((len(shapes), 2))
    for i, shape in enumerate(shapely.force_2d(np.asarray(shapes, dtype=object))):
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
        sides = np.diff(corners, axis=0)
        longest = sides[np.linalg.norm(sides, axis=1).argmax()] if len(sides) else np.array([1.0, 0.0])
        unit = longest / max(float(np.linalg.norm(longest)), 1e-12)
        centres[i] = shapely.get_coordinates(shapely.centroid(shape))[0]
        normals[i] = (-unit[1], unit[0])
    return centres, normals
