"""Average precision of vector maps by Chamfer distance, over windows along the path.

StreamMapNet (Yuan et al., WACV 2024): every prediction of a window, by falling confidence, takes the nearest truth if
that is near enough and not taken. MapTR (Liao et al., ICLR 2023) also drops pairs whose 2 m buffers do not meet; its
figures are not comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from mapforge.metrics.judged_pieces import judged_areas, judged_lines
from mapforge.metrics.polygons import vertices_of
from mapforge.metrics.stations import resample_all
from mapforge.metrics.windows import LENGTH_M, WIDTH_M, clip_to_windows, flat_valid, window_polygons

Float = NDArray[np.float64]
Index = NDArray[np.int64]

THRESHOLDS_M = (0.2, 0.5, 1.0, 1.5)
EASY_M, HARD_M = (0.5, 1.0, 1.5), (0.2, 0.5, 1.0)
POINTS = 100
MAPTR_BUFFER_M = 2.0


class Matching(Enum):
    """Whose rule decides which pairs may match."""

    streammapnet = "streammapnet"
    maptr = "maptr"


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Scores of one class.

    ap: threshold (m) -> AP, NaN without truth. curves: threshold -> (recall, precision), one point a distinct
    confidence. n_truth, n_predictions: pieces over all windows.
    """

    ap: dict[float, float]
    curves: dict[float, tuple[Float, Float]]
    n_truth: int
    n_predictions: int

    @property
    def easy(self) -> float:
        return float(np.mean([self.ap[t] for t in EASY_M]))

    @property
    def hard(self) -> float:
        return float(np.mean([self.ap[t] for t in HARD_M]))


def average_precision(
    truth: Sequence[shapely.Geometry],
    predictions: Sequence[shapely.Geometry],
    confidence: Float,
    windows: Float,
    area: shapely.Geometry | None = None,
    window_size_m: tuple[float, float] = (LENGTH_M, WIDTH_M),
    matching: Matching = Matching.streammapnet,
) -> AveragePrecision:
    """AP of one class at THRESHOLDS_M.

    truth, predictions: lines or polygons, map frame. confidence: (P,). windows: (W, 3) x, y, heading.
    area: what is judged (None = all), see `judged_pieces`.
    """
    areas = window_polygons(windows, *window_size_m)
    true_pieces, pieces = (clip_to_windows(shapes, areas) for shapes in (truth, predictions))
    if area is not None and _are_areas(truth, predictions):
        kept = judged_areas(flat_valid(truth), flat_valid(predictions), area)
        true_pieces, pieces = (
            (lines[own[shape]], shape[own[shape]], window[own[shape]])
            for (lines, shape, window), own in zip((true_pieces, pieces), kept)
        )
    elif area is not None:
        true_pieces, pieces = judged_lines(true_pieces, pieces, truth, area)
    return score_pieces(
        true_pieces[0], true_pieces[2], pieces[0], pieces[2], np.asarray(confidence)[pieces[1]], matching
    )


def _are_areas(*sides: Sequence[shapely.Geometry]) -> bool:
    return any(shapely.get_dimensions(shape) == 2 for side in sides for shape in side)


def score_pieces(
    truth: NDArray,
    truth_window: Index,
    lines: NDArray,
    window: Index,
    confidence: Float,
    matching: Matching = Matching.streammapnet,
) -> AveragePrecision:
    """AP of lines already clipped to windows: truth (T,) and predictions (P,) with the window each lies in."""
    reach = max(THRESHOLDS_M)
    distance, nearest = nearest_truth(truth, truth_window, lines, window, reach, matching)
    order = np.lexsort((distance, -confidence))
    ap, curves = {}, {}
    for threshold in THRESHOLDS_M:
        hit = np.zeros(len(lines), dtype=bool)
        hit[order] = first_of_each(nearest[order], distance[order] <= threshold)
        recall, precision = precision_recall(hit, confidence, len(truth))
        ap[threshold] = area_under(recall, precision) if len(truth) else float("nan")
        curves[threshold] = (recall, precision)
    return AveragePrecision(ap, curves, len(truth), len(lines))


def first_of_each(values: Index, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) True at the first allowed occurrence of each value."""
    first = np.zeros(len(values), dtype=bool)
    candidates = np.flatnonzero(allowed)
    first[candidates[np.unique(values[candidates], return_index=True)[1]]] = True
    return first


def precision_recall(hit: NDArray[np.bool_], confidence: Float, n_truth: int) -> tuple[Float, Float]:
    """Recall and precision at each distinct confidence, falling: equal confidences enter together, in no order."""
    order = np.argsort(-confidence, kind="stable")
    true_positives = np.cumsum(hit[order])
    counted = np.arange(1, len(order) + 1)
    last_of_group = np.append(np.diff(confidence[order]) != 0.0, True)[: len(order)]
    recall = true_positives[last_of_group] / max(n_truth, 1)
    return recall, true_positives[last_of_group] / counted[last_of_group]


def area_under(recall: Float, precision: Float) -> float:
    """All-point interpolated area: the precision at a recall is the best at that recall or above."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))


def nearest_truth(
    truth: NDArray, truth_window: Index, lines: NDArray, window: Index, reach_m: float, matching: Matching
) -> tuple[Float, Index]:
    """Chamfer distance (P,) to the nearest truth of the same window, and which (P,).

    Infinite and -1 where none is within `reach_m`. Exact: pairs are only left out by a lower bound on their distance.
    """
    truth_points, points = (resample_all(vertices_of(array), POINTS) for array in (truth, lines))
    pair_line, pair_truth = _candidate_pairs(truth_points, truth_window, points, window, reach_m)
    if matching is Matching.maptr and len(pair_line):
        wide = [_buffered(array) for array in (lines, truth)]
        meet = shapely.intersects(wide[0][pair_line], wide[1][pair_truth])
        pair_line, pair_truth = pair_line[meet], pair_truth[meet]
    pair_distance = chamfer(points, truth_points, pair_line, pair_truth)
    distance = np.full(len(lines), np.inf)
    nearest = np.full(len(lines), -1, dtype=np.int64)
    order = np.lexsort((pair_truth, pair_distance, pair_line))
    found, first = np.unique(pair_line[order], return_index=True)
    distance[found], nearest[found] = pair_distance[order][first], pair_truth[order][first]
    return distance, nearest


def chamfer(points_a: Float, points_b: Float, index_a: Index, index_b: Index) -> Float:
    """(K,) symmetric mean Chamfer distances of pairs: the mean of both directed mean nearest distances.

    points_a: (A, n, 2), points_b: (B, n, 2), metres; index_a, index_b: (K,).
    """
    distances = np.empty(len(index_a))
    for k, (a, b) in enumerate(zip(index_a, index_b)):
        squared = cdist(points_a[a], points_b[b], "sqeuclidean")
        to_b, to_a = np.sqrt(squared.min(axis=1)), np.sqrt(squared.min(axis=0))
        distances[k] = 0.5 * (to_b.mean() + to_a.mean())
    return distances


def _candidate_pairs(
    truth_points: Float, truth_window: Index, points: Float, window: Index, reach_m: float
) -> tuple[Index, Index]:
    """Pairs of one window that could be within reach.

    The mean distance of one line's points to the other's bounding box is never above the directed Chamfer distance.
    """
    if not len(points) or not len(truth_points):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    box, truth_box = (np.hstack([p.min(axis=1), p.max(axis=1)]) for p in (points, truth_points))
    order = np.argsort(truth_window, kind="stable")
    first = np.searchsorted(truth_window[order], window, side="left")
    counts = np.searchsorted(truth_window[order], window, side="right") - first
    line = np.repeat(np.arange(len(points)), counts)
    rank = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    other = order[first[line] + rank]
    gap = np.maximum(box[line, :2] - truth_box[other, 2:], truth_box[other, :2] - box[line, 2:])
    near = np.linalg.norm(np.maximum(gap, 0.0), axis=1) <= reach_m
    line, other = line[near], other[near]
    bound = 0.5 * (_mean_to_box(points, line, truth_box[other]) + _mean_to_box(truth_points, other, box[line]))
    return line[bound <= reach_m], other[bound <= reach_m]


def _mean_to_box(points: Float, index: Index, boxes: Float) -> Float:
    """(K,) mean distance of the points of lines `index` to boxes (K, 4), in bounded pieces."""
    means = np.empty(len(index))
    for start in range(0, len(index), 20_000):
        some = slice(start, start + 20_000)
        xy = points[index[some]]
        out = np.maximum(np.maximum(boxes[some, None, :2] - xy, xy - boxes[some, None, 2:]), 0.0)
        means[some] = np.hypot(out[..., 0], out[..., 1]).mean(axis=1)
    return means


def _buffered(lines: NDArray) -> NDArray:
    return np.asarray(shapely.buffer(lines, MAPTR_BUFFER_M, cap_style="flat", join_style="mitre"))
