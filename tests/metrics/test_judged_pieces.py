"""Lines are compared whole over a shadow; predictions on the stretch on which the truth was seen."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.metrics.average_precision import AveragePrecision, average_precision

WINDOW = np.array([[0.0, 0.0, 0.0]])


def line(y: float, x0: float, x1: float) -> shapely.LineString:
    return shapely.LineString([(x0, y), (x1, y)])


def scored(truth: list, predictions: list, area: shapely.Geometry) -> AveragePrecision:
    return average_precision(truth, predictions, np.ones(len(predictions)), WINDOW, area)


def test_a_shadow_across_a_line_makes_no_crumbs_of_it() -> None:
    area = shapely.union(shapely.box(-30, -3, -2, 3), shapely.box(2, -3, 30, 3))
    found = scored([line(0, -30, 30)], [line(0.05, -30, 30)], area)
    assert (found.n_truth, found.n_predictions) == (1, 1)
    assert found.ap[0.2] == pytest.approx(1.0)


def test_a_line_seen_in_a_small_part_counts_stretch_by_stretch() -> None:
    area = shapely.union(shapely.box(-30, -3, -22, 3), shapely.box(22, -3, 30, 3))
    assert scored([line(0, -30, 30)], [line(0.05, -30, 30)], area).n_truth == 2


def test_a_prediction_longer_than_what_was_seen_is_cut_to_it() -> None:
    found = scored([line(0, -30, 30)], [line(0.05, -30, 30)], shapely.box(-30, -3, 0, 3))
    assert found.ap[0.2] == pytest.approx(1.0)


def test_a_prediction_shorter_than_what_was_seen_is_not_excused() -> None:
    found = scored([line(0, -30, 30)], [line(0.05, -30, -15)], shapely.box(-30, -3, 30, 3))
    assert found.ap[0.5] == 0.0


@pytest.mark.parametrize(("y", "counted"), [(0.0, 1), (2.6, 0)])
def test_areas_count_when_half_of_them_was_seen(y: float, counted: int) -> None:
    crossing = shapely.box(-2, y - 1, 2, y + 1)
    found = scored([crossing], [crossing], shapely.box(-30, -2, 30, 2))
    assert (found.n_truth, found.n_predictions) == (counted, counted)


@pytest.mark.parametrize("start_deg", [0.0, 45.0, 90.0, 200.0, 300.0])
def test_a_half_seen_ring_counts_as_one_stretch_wherever_it_begins(start_deg: float) -> None:
    angles = np.radians(start_deg + np.arange(0.0, 360.0, 5.0))
    around = np.column_stack([9 * np.cos(angles), 9 * np.sin(angles)])
    ring = shapely.LineString(np.concatenate([around, around[:1]]))
    seen = shapely.box(-30, -30, 2, 30)
    part = shapely.intersection(ring, seen)
    prediction = shapely.line_merge(part) if part.geom_type == "MultiLineString" else part
    found = scored([ring], [prediction], seen)
    assert (found.n_truth, found.n_predictions) == (1, 1)
    assert found.ap[0.2] == pytest.approx(1.0)
