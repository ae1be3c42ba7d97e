"""The lane graph: are lanes joined as they are in the truth?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry import polylines

Float = NDArray[np.float64]
Edge = tuple[str, str]

SAME_LANE_M = 1.5


def match_lanes(
    truth: Mapping[str, Float], predicted: Mapping[str, Float], reach_m: float = SAME_LANE_M
) -> dict[str, str]:
    """Predicted lane id -> id of the true lane it runs along, in the same direction, within `reach_m` on average.

    Centrelines: (N, >=2) in travel direction. Several predicted lanes may lie on one true lane.
    """
    matches = {}
    for name in sorted(predicted):
        line = polylines.resample_count(predicted[name][:, :2], 20)
        best = min(((_gap(line, truth[t]), t) for t in sorted(truth)), default=(np.inf, ""))
        if best[0] <= reach_m:
            matches[name] = best[1]
    return matches


def edge_scores(truth: Iterable[Edge], predicted: Iterable[Edge], lanes: Mapping[str, str]) -> dict[str, float]:
    """Precision and recall of directed lane edges.

    lanes: `match_lanes`. An edge inside one true lane (a lane predicted in parts) is neither right nor wrong;
    an edge with an end on no true lane is wrong.
    """
    true_edges = set(truth)
    named = [(lanes.get(a), lanes.get(b)) for a, b in predicted]
    judged = [edge for edge in named if edge[0] is None or edge[0] != edge[1]]
    right = sum(edge in true_edges for edge in judged)
    found = len(true_edges & set(judged))
    return {
        "precision": right / len(judged) if judged else float("nan"),
        "recall": found / len(true_edges) if true_edges else float("nan"),
        "n_truth": float(len(true_edges)),
        "n_predictions": float(len(judged)),
    }


def _gap(line: Float, truth: Float) -> float:
    """Mean distance of a line's samples to a true line; infinite when they run against each other."""
    station, offset = polylines.project(line, truth)
    return float(np.abs(offset).mean()) if station[-1] > station[0] else float("inf")
