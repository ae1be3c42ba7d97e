"""AP against hand-computed cases, a slow plain reference, and its symmetries."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from mapforge.metrics.average_precision import (
    THRESHOLDS_M,
    Matching,
    area_under,
    average_precision,
    chamfer,
    precision_recall,
)
from mapforge.metrics.windows import window_polygons, windows_along

WINDOW = np.array([[0.0, 0.0, 0.0]])


def line(y: float, x0: float = -20.0, x1: float = 20.0) -> shapely.LineString:
    return shapely.LineString([(x0, y), (x1, y)])


def test_hand_computed_two_of_three_found_and_one_false() -> None:
    truth = [line(0.0), line(5.0), line(10.0)]
    predictions = [line(0.1), line(5.4), line(-8.0)]
    result = average_precision(truth, predictions, np.array([0.9, 0.5, 0.7]), WINDOW)
    # at 0.5 m, by falling confidence: hit, miss, hit -> (recall, precision) = (1/3, 1), (1/3, 1/2), (2/3, 2/3)
    assert result.ap[0.5] == pytest.approx(1 / 3 * 1.0 + 1 / 3 * 2 / 3)
    # at 0.2 m only the first
    assert result.ap[0.2] == pytest.approx(1 / 3)
    assert (result.n_truth, result.n_predictions) == (3, 3)
    assert result.easy == pytest.approx(np.mean([result.ap[t] for t in (0.5, 1.0, 1.5)]))
    assert result.hard == pytest.approx(np.mean([result.ap[t] for t in (0.2, 0.5, 1.0)]))


def test_the_more_confident_of_two_on_one_truth_is_the_hit() -> None:
    result = average_precision([line(0.0)], [line(0.05), line(0.3)], np.array([0.4, 0.8]), WINDOW)
    # the nearer one comes second: a duplicate. At 0.2 m the first is a miss and the second the hit.
    assert result.ap[0.5] == pytest.approx(1.0)
    assert result.ap[0.2] == pytest.approx(0.5)


def test_a_prediction_whose_nearest_truth_is_taken_does_not_get_the_next() -> None:
    truth = [line(0.0), line(0.9)]
    result = average_precision(truth, [line(0.1), line(0.2)], np.array([0.9, 0.8]), WINDOW)
    assert result.ap[1.0] == pytest.approx(0.5)


def test_lines_are_clipped_to_the_window_before_they_are_compared() -> None:
    truth = [line(0.0, -200.0, 200.0)]
    inside_only = [line(0.0, -30.0, 30.0)]
    assert average_precision(truth, inside_only, np.ones(1), WINDOW).ap[0.2] == pytest.approx(1.0)


def test_a_crossing_is_its_closed_outline() -> None:
    crossing = shapely.box(-2.0, -5.0, 2.0, 5.0)
    shifted = affinity.translate(crossing, 0.15, 0.0)
    result = average_precision([crossing], [shifted], np.ones(1), WINDOW)
    assert result.ap[0.2] == pytest.approx(1.0)
    # an area is no line along its middle
    assert average_precision([crossing], [shapely.LineString([(0, -5), (0, 5)])], np.ones(1), WINDOW).ap[0.5] == 0.0


def test_without_truth_ap_is_undefined_and_without_predictions_zero() -> None:
    assert np.isnan(average_precision([], [line(0.0)], np.ones(1), WINDOW).ap[0.5])
    assert average_precision([line(0.0)], [], np.zeros(0), WINDOW).ap[0.5] == 0.0


def test_what_is_outside_the_judged_area_counts_for_nothing() -> None:
    area = shapely.box(-30.0, -3.0, 30.0, 3.0)
    result = average_precision([line(0.0), line(8.0)], [line(0.0), line(-9.0)], np.array([0.5, 0.9]), WINDOW, area)
    assert result.ap[0.2] == pytest.approx(1.0)
    assert (result.n_truth, result.n_predictions) == (1, 1)


def test_a_prediction_of_unseen_truth_is_left_out_but_a_false_one_is_not() -> None:
    area = shapely.box(-30.0, -3.0, 30.0, 3.0)
    truth = [line(0.0), line(3.2)]
    excused = average_precision(truth, [line(0.0), line(2.9)], np.array([0.5, 0.9]), WINDOW, area)
    assert excused.ap[0.2] == pytest.approx(1.0)
    wrong = average_precision(truth, [line(0.0), line(-2.5)], np.array([0.5, 0.9]), WINDOW, area)
    assert wrong.ap[0.2] == pytest.approx(0.5)


def test_maptr_drops_pairs_whose_buffers_do_not_meet() -> None:
    # two short lines end to end with a gap: their flat-capped buffers do not touch, their Chamfer distance is small
    truth, prediction = [line(0.0, 0.0, 0.5)], [line(0.0, 0.8, 1.3)]
    ours = average_precision(truth, prediction, np.ones(1), WINDOW)
    theirs = average_precision(truth, prediction, np.ones(1), WINDOW, matching=Matching.maptr)
    assert ours.ap[1.0] == pytest.approx(1.0)
    assert theirs.ap[1.0] == 0.0


def test_chamfer_by_hand() -> None:
    a = np.array([[[0.0, 0.0], [1.0, 0.0]]])
    b = np.array([[[0.0, 1.0], [4.0, 0.0]]])
    # a to b: 1 and sqrt(2); b to a: 1 and 3
    expected = 0.5 * ((1.0 + np.sqrt(2.0)) / 2.0 + (1.0 + 3.0) / 2.0)
    assert chamfer(a, b, np.array([0]), np.array([0]))[0] == pytest.approx(expected)


def test_equal_confidences_enter_the_curve_together() -> None:
    for hits in ([True, False, True], [False, True, True]):
        recall, precision = precision_recall(np.array(hits), np.full(3, 0.5), 2)
        assert (recall.tolist(), precision.tolist()) == ([1.0], [pytest.approx(2 / 3)])


def test_area_uses_the_best_precision_at_or_above_a_recall() -> None:
    assert area_under(np.array([0.25, 0.5]), np.array([0.5, 0.8])) == pytest.approx(0.5 * 0.8)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[shapely.LineString], list[shapely.LineString], np.ndarray, np.ndarray]:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    truth, predictions = [], []
    for _ in range(draw(st.integers(1, 6))):
        start = rng.uniform((-40, -15), (40, 15))
        bend = np.cumsum(rng.uniform(-0.3, 0.3, 6))
        xy = start + np.cumsum(np.column_stack([np.cos(bend), np.sin(bend)]) * rng.uniform(2, 8), axis=0)
        truth.append(shapely.LineString(xy))
        for _ in range(draw(st.integers(0, 2))):
            predictions.append(shapely.LineString(xy + rng.normal(0, 0.6, 2) + rng.normal(0, 0.2, xy.shape)))
    confidence = rng.permutation(len(predictions)) / max(len(predictions), 1) + rng.uniform(0, 0.01)
    windows = windows_along([np.array([[-40.0, 0.0], [40.0, 5.0]])])
    return truth, predictions, confidence, windows


def plain_average_precision(truth, predictions, confidence, windows, threshold):  # type: ignore[no-untyped-def]
    """The definition, step by step, with nothing clever."""

    def clip(shape, window):  # type: ignore[no-untyped-def]
        piece = shape.intersection(window)
        parts = getattr(piece, "geoms", [piece])
        return [p for p in parts if p.geom_type == "LineString" and p.length > 1e-6]

    def sample(piece):  # type: ignore[no-untyped-def]
        return np.array([piece.interpolate(s, normalized=True).coords[0] for s in np.linspace(0, 1, 100)])

    detections, n_truth = [], 0
    for window in window_polygons(windows):
        true_points = [sample(p) for shape in truth for p in clip(shape, window)]
        found = [(c, sample(p)) for shape, c in zip(predictions, confidence) for p in clip(shape, window)]
        n_truth += len(true_points)
        taken = set()
        for score, points in sorted(found, key=lambda f: -f[0]):
            distances = []
            for other in true_points:
                d = np.linalg.norm(points[:, None] - other[None], axis=2)
                distances.append((d.min(axis=1).mean() + d.min(axis=0).mean()) / 2)
            best = int(np.argmin(distances)) if distances else -1
            hit = best >= 0 and distances[best] <= threshold and best not in taken
            if hit:
                taken.add(best)
            detections.append((score, hit))
    if n_truth == 0:
        return float("nan")
    scores = sorted({score for score, _ in detections}, reverse=True)
    curve = [(0.0, 0.0)]
    for score in scores:
        kept = [hit for s, hit in detections if s >= score]
        curve.append((sum(kept) / n_truth, sum(kept) / len(kept)))
    total = 0.0
    for i in range(1, len(curve)):
        total += (curve[i][0] - curve[i - 1][0]) * max(precision for _, precision in curve[i:])
    return total


@settings(max_examples=25, deadline=None)
@given(scenes())
def test_equals_the_slow_plain_reference(scene) -> None:  # type: ignore[no-untyped-def]
    result = average_precision(*scene)
    for threshold in THRESHOLDS_M:
        expected = plain_average_precision(*scene, threshold)
        assert result.ap[threshold] == pytest.approx(expected, abs=1e-9, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(scenes(), st.floats(-np.pi, np.pi), st.floats(-1e3, 1e3), st.integers(0, 1000))
def test_perfect_is_one_and_neither_motion_nor_order_matters(scene, turn, move, seed) -> None:  # type: ignore[no-untyped-def]
    truth, predictions, confidence, windows = scene
    if average_precision(truth, [], np.zeros(0), windows).n_truth:
        assert average_precision(truth, truth, np.ones(len(truth)), windows).ap[0.2] == pytest.approx(1.0)

    order = np.random.default_rng(seed).permutation(len(predictions))
    cos, sin = np.cos(turn), np.sin(turn)

    def moved(shape: shapely.LineString) -> shapely.LineString:
        return affinity.affine_transform(shape, [cos, -sin, sin, cos, move, -2.0 * move])

    xy = windows[:, :2] @ np.array([[cos, -sin], [sin, cos]]).T + (move, -2.0 * move)
    there = average_precision(
        [moved(s) for s in truth[::-1]],
        [moved(predictions[i]) for i in order],
        confidence[order],
        np.column_stack([xy, windows[:, 2] + turn]),
    )
    here = average_precision(truth, predictions, confidence, windows)
    for threshold in THRESHOLDS_M:
        assert there.ap[threshold] == pytest.approx(here.ap[threshold], abs=1e-6, nan_ok=True)


def test_hundreds_of_windows_take_seconds() -> None:
    rng = np.random.default_rng(0)
    path = np.column_stack([np.arange(0.0, 4500.0, 5.0), 30.0 * np.sin(np.arange(0.0, 4500.0, 5.0) / 300.0)])
    truth = [
        shapely.LineString(path[i : i + 12] + (0.0, y))
        for i in range(0, len(path) - 12, 11)
        for y in (-7, -3.5, 0, 3.5, 7)
    ]
    predictions = [affinity.translate(t, *rng.normal(0, 0.3, 2)) for t in truth]
    windows = windows_along([path])
    started = time.perf_counter()
    result = average_precision(truth, predictions, rng.uniform(size=len(predictions)), windows)
    assert len(windows) >= 290
    assert 0.3 < result.ap[0.5] <= 1.0
    assert time.perf_counter() - started < 20.0
