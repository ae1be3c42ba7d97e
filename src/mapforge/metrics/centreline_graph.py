"""The lane graph by the published definition: OpenLane-V2's TOP_ll, and edges between lanes matched as it matches them.

Wang et al., OpenLane-V2: A Topology Reasoning Benchmark for Unified 3D HD Mapping, NeurIPS 2023, in the corrected form
of its second version (an edge that ends on an unmatched lane is wrong, whatever it says). Centrelines, of 11 points
each, match one to one within a Frechet distance of 1, 2 and 3 m, so that a lane that is cut otherwise than in the truth
matches nothing. `topology.lanes_along` is the looser way, which forgives where along the road lanes are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry import polylines

Float = NDArray[np.float64]
Edge = tuple[str, str]

THRESHOLDS_M = (1.0, 2.0, 3.0)
POINTS = 11


def frechet_distances(a: Sequence[Float], b: Sequence[Float]) -> Float:
    """(A, B) discrete Frechet distances of lines of `POINTS` equally spaced points, in the plane.

    Dynamic programming over pairs of points (Eiter and Mannila, 1994), for all pairs of lines at once.
    """
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    left, right = (np.stack([polylines.resample_count(line[:, :2], POINTS) for line in lines]) for lines in (a, b))
    apart = np.linalg.norm(left[:, None, :, None] - right[None, :, None, :], axis=4)
    reached = np.full((len(a), len(b), POINTS + 1, POINTS + 1), np.inf)
    reached[:, :, 0, 0] = 0.0
    for i in range(POINTS):
        for j in range(POINTS):
            before = np.minimum(np.minimum(reached[:, :, i, j + 1], reached[:, :, i + 1, j]), reached[:, :, i, j])
            reached[:, :, i + 1, j + 1] = np.maximum(before, apart[:, :, i, j])
    return np.asarray(reached[:, :, -1, -1])


def matched_centrelines(
    truth: Mapping[str, Float], predicted: Mapping[str, Float], confidence: Mapping[str, float], within_m: float
) -> dict[str, str]:
    """Predicted id -> true id, one to one: the surest first (of equals by id), each to its nearest true lane, if
    that is near enough and not taken. Lines: (N, >=2) in travel direction."""
    names, true_names = sorted(predicted, key=lambda name: (-confidence.get(name, 1.0), name)), sorted(truth)
    if not names or not true_names:
        return {}
    distance = frechet_distances([predicted[n] for n in names], [truth[n] for n in true_names])
    matches: dict[str, str] = {}
    taken: set[int] = set()
    for row, nearest in enumerate(distance.argmin(axis=1).tolist()):
        if distance[row, nearest] <= within_m and nearest not in taken:
            taken.add(nearest)
            matches[names[row]] = true_names[nearest]
    return matches


def strict_edge_scores(
    truth: Iterable[Edge], predicted: Iterable[Edge], matches: Mapping[str, str]
) -> dict[str, float]:
    """precision and recall of directed edges; one with an end on no true lane is wrong."""
    true_edges, named = set(truth), [(matches.get(a), matches.get(b)) for a, b in set(predicted)]
    right = true_edges & {(a, b) for a, b in named if a is not None and b is not None}
    return {
        "precision": len(right) / len(named) if named else float("nan"),
        "recall": len(right) / len(true_edges) if true_edges else float("nan"),
    }


def top_ll(
    truth: Mapping[str, Float],
    true_edges: Iterable[Edge],
    predicted: Mapping[str, Float],
    edges: Iterable[Edge],
    confidence: Mapping[str, float] | None = None,
) -> float:
    """Mean over the thresholds, the true lanes, and both directions of the average precision of a lane's edges.

    Predicted edges are either there or not. NaN without true lanes.
    """
    names = sorted(truth)
    if not names:
        return float("nan")
    number = {name: k for k, name in enumerate(names)}
    wanted = _adjacency(len(names), [(number[a], number[b]) for a, b in true_edges])
    own = set(edges)
    scores = []
    for within_m in THRESHOLDS_M:
        matches = matched_centrelines(truth, predicted, confidence or {}, within_m)
        found = _adjacency(
            len(names), [(number[matches[a]], number[matches[b]]) for a, b in own if a in matches and b in matches]
        ).astype(np.float64)
        known = np.isin(names, list(matches.values()))
        found = np.where(known[:, None] & known[None, :], found, 0.5 * ~wanted)
        scores += [_average_precision(w, f) for w, f in zip([*wanted, *wanted.T], [*found, *found.T])]
    return float(np.mean(scores))


def _adjacency(size: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    out = np.zeros((size, size), dtype=bool)
    if pairs:
        out[tuple(np.array(pairs).T)] = True
    return out


def _average_precision(wanted: NDArray[np.bool_], found: Float) -> float:
    """Of one lane's edges: what was found, the surest first."""
    chosen = np.argsort(-found, kind="stable")[: int((found > 0.0).sum())]
    if not wanted.any() or not len(chosen):
        return float(not wanted.any() and not len(chosen))
    right = wanted[chosen]
    precision = np.cumsum(right) / np.arange(1, len(chosen) + 1)
    return float((precision * right).sum() / wanted.sum())
