"""The lane graph: are lanes joined as they are in the truth, wherever along the road they are cut?

The looser of two ways; `centreline_graph` is the published one, which is given first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.metrics.stations import SegmentIndex, stations_along

Float = NDArray[np.float64]
Edge = tuple[str, str]

SAME_LANE_M = 1.5
LEAST_SHARED = 0.5
BESIDE_M = 6.0
"""Farther off lanes are not beside each other: a lane round a block passes another on its far side as well."""
STATION_M = 1.0
_END_M = 1e-6
_ALONG_COS = np.cos(np.radians(45.0))


def lanes_along(
    truth: Mapping[str, Float], predicted: Mapping[str, Float], reach_m: float = SAME_LANE_M
) -> dict[str, tuple[str, ...]]:
    """Predicted lane id -> true lanes it runs along, in the same direction, within `reach_m` on average, nearest first.

    Centrelines: (N, >=2) in travel direction. The mean is over the stretch where both lie beside each other (within
    BESIDE_M), which must be at least half of the shorter one: where along a road one lane ends and the next begins (at
    the stop line, at the mouth of the junction) is a matter of convention, which a distance between whole lines, such
    as the Frechet distance of OpenLane-V2, would count as an error. Several predicted lanes may lie on one true lane.
    """
    found = {}
    bounds = {name: (xyz[:, :2].min(axis=0) - reach_m, xyz[:, :2].max(axis=0) + reach_m) for name, xyz in truth.items()}
    for name in sorted(predicted):
        line = polylines.resample(predicted[name][:, :2], STATION_M)
        low, high = line.min(axis=0), line.max(axis=0)
        near = [t for t in sorted(truth) if (bounds[t][0] <= high).all() and (low <= bounds[t][1]).all()]
        along = sorted((gap, t) for t in near if (gap := _gap(line, truth[t][:, :2])) <= reach_m)
        if along:
            found[name] = tuple(t for _, t in along)
    return found


def judged_lanes(predicted: Iterable[str], lanes: Mapping[str, tuple[str, ...]], judged: Iterable[str]) -> list[str]:
    """Predicted lanes without those that run along true lanes of which none is judged. lanes: `lanes_along`."""
    counted = set(judged)
    return [name for name in predicted if name not in lanes or not counted.isdisjoint(lanes[name])]


def edge_scores(
    truth: Iterable[Edge], predicted: Iterable[Edge], lanes: Mapping[str, tuple[str, ...]]
) -> dict[str, float]:
    """Precision and recall of directed lane edges.

    lanes: `lanes_along`. An edge inside one true lane (a lane predicted in parts) is neither right nor wrong; an edge
    with an end on no true lane is wrong. A true edge inside one predicted lane (two lanes predicted as one) is found.
    """
    true_edges = set(truth)
    pairs = [{(a, b) for a in lanes.get(p, ()) for b in lanes.get(q, ())} for p, q in predicted]
    judged = [own for own in pairs if own & true_edges or not any(a == b for a, b in own)]
    right = sum(bool(own & true_edges) for own in judged)
    within = {(a, b) for own in lanes.values() for a in own for b in own if a != b}
    found = len(true_edges & within.union(*pairs))
    return {
        "precision": right / len(judged) if judged else float("nan"),
        "recall": found / len(true_edges) if true_edges else float("nan"),
        "n_truth": float(len(true_edges)),
        "n_predictions": float(len(judged)),
    }


def wrong_way_share(truth: Mapping[str, Float], predicted: Mapping[str, Float], reach_m: float = SAME_LANE_M) -> float:
    """Share of the length of predicted lanes, where a true one runs along within `reach_m`, on which the nearest true
    one runs the other way. NaN where none does. Centrelines as of `lanes_along`."""
    stations = stations_along([predicted[name] for name in sorted(predicted)], STATION_M)
    feet = SegmentIndex([truth[name] for name in sorted(truth)]).nearest(stations.xyz, reach_m)
    tangent = np.stack([feet.normal[:, 1], -feet.normal[:, 0]], axis=1)
    cosine = (stations.tangent[feet.query, :2] * tangent).sum(axis=1)
    length_m = stations.length_m[feet.query]
    along, against = length_m[cosine > _ALONG_COS].sum(), length_m[cosine < -_ALONG_COS].sum()
    return float(against / (along + against)) if along + against else float("nan")


def _gap(line: Float, truth: Float) -> float:
    """Mean distance of a line to a true line where they lie beside each other; infinite when that is less than half of
    the shorter one, or when they run against each other."""
    station, offset = polylines.project(line, truth)
    total = polylines.length(truth)
    beside = (station > _END_M) & (station < total - _END_M) & (np.abs(offset) <= BESIDE_M)
    # step by step: a lane that goes all the way round may begin and end in the middle of a true one
    if beside.sum() < 2 or np.median(np.diff(station[beside])) <= 0.0:
        return float("inf")
    shared = float(beside.mean()) * polylines.length(line)
    if shared < LEAST_SHARED * min(polylines.length(line), total):
        return float("inf")
    return float(np.abs(offset[beside]).mean())
