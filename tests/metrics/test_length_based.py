"""Completeness, correctness and duplicates on lines laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.metrics.length_based import duplicated, share_within
from mapforge.metrics.stations import SegmentIndex, stations_along


def straight(y: float, x0: float, x1: float) -> np.ndarray:
    return np.array([[x0, y, 0.0], [x1, y, 0.0]])


def test_half_found_with_a_quarter_false() -> None:
    truth = [straight(0.0, 0.0, 100.0)]
    predictions = [straight(0.1, 0.0, 50.0), straight(3.0, 0.0, 50.0 / 3.0)]
    found = share_within(stations_along(truth, 0.5), SegmentIndex(predictions), 0.2)
    true = share_within(stations_along(predictions, 0.5), SegmentIndex(truth), 0.2)
    assert found == pytest.approx(0.5, abs=0.01)
    assert true == pytest.approx(0.75, abs=0.01)


def test_the_tolerance_decides() -> None:
    stations, other = stations_along([straight(0.0, 0.0, 10.0)], 0.5), SegmentIndex([straight(0.3, 0.0, 10.0)])
    assert share_within(stations, other, 0.2) == 0.0
    assert share_within(stations, other, 0.5) == 1.0


def test_nothing_to_judge_is_undefined_and_nothing_found_is_zero() -> None:
    assert np.isnan(share_within(stations_along([], 0.5), SegmentIndex([]), 0.5))
    assert share_within(stations_along([straight(0.0, 0.0, 10.0)], 0.5), SegmentIndex([]), 0.5) == 0.0


def doubled_length(lines: list[np.ndarray], rank: list[float]) -> float:
    stations = stations_along(lines, 0.5)
    return float(stations.length_m[duplicated(stations, SegmentIndex(lines), rank)].sum())


def test_of_two_on_one_another_the_worse_counts_once() -> None:
    lines = [straight(0.0, 0.0, 40.0), straight(0.3, 10.0, 20.0)]
    assert doubled_length(lines, [0.9, 0.5]) == pytest.approx(10.0)
    assert doubled_length(lines, [0.5, 0.9]) == pytest.approx(10.0, abs=1.0)
    assert doubled_length([lines[0], lines[0]], [0.5, 0.5]) == pytest.approx(40.0)


def test_neighbours_continuations_and_crossings_are_no_duplicates() -> None:
    assert doubled_length([straight(0.0, 0.0, 40.0), straight(0.8, 0.0, 40.0)], [0.5, 0.5]) == 0.0
    assert doubled_length([straight(0.0, 0.0, 40.0), straight(0.0, 40.0, 80.0)], [0.5, 0.5]) == 0.0
    crossing = np.array([[20.0, -5.0, 0.0], [20.0, 5.0, 0.0]])
    assert doubled_length([straight(0.0, 0.0, 40.0), crossing], [0.5, 0.5]) == 0.0
