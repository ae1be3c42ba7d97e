"""What is judged: seen and near the path."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.metrics.judged_area import inside, judged_area, of_unseen_truth
from mapforge.metrics.stations import SegmentIndex

PATH = np.array([[0.0, 0.0], [100.0, 0.0]])


def test_seen_and_within_20_m() -> None:
    area = judged_area([shapely.box(0.0, -50.0, 50.0, 10.0)], [PATH], 20.0, 1.0)
    points = np.array([[25.0, 5.0], [25.0, -19.0], [25.0, -21.0], [25.0, 12.0], [75.0, 0.0]])
    assert inside(area, points).tolist() == [True, True, False, False, False]


def test_narrow_gaps_between_scan_lines_are_closed_wide_ones_not() -> None:
    stripes = [shapely.box(x, -5.0, x + 8.5, 5.0) for x in (0.0, 10.0)] + [shapely.box(25.0, -5.0, 40.0, 5.0)]
    area = judged_area(stripes, [PATH], 20.0, 1.0)
    assert inside(area, np.array([[9.2, 0.0], [21.5, 0.0]])).tolist() == [True, False]


def test_unknown_coverage_or_path_does_not_limit() -> None:
    assert judged_area([], [], 20.0, 1.0) is None
    assert inside(None, PATH).all()
    only_path = judged_area([], [PATH], 20.0, 1.0)
    assert only_path is not None and only_path.area == pytest.approx(100 * 40 + np.pi * 400, rel=0.01)


def test_only_predictions_near_unseen_truth_are_excused() -> None:
    area = shapely.box(0.0, -3.0, 100.0, 3.0)
    truth = [shapely.LineString([(0.0, 3.4), (100.0, 3.4)]), shapely.LineString([(0.0, 0.0), (100.0, 0.0)])]
    index = SegmentIndex([shapely.get_coordinates(line) for line in truth])
    points = np.array([[50.0, 2.5], [50.0, 1.0], [50.0, -2.9]])
    assert of_unseen_truth(points, index, area).tolist() == [True, False, False]
