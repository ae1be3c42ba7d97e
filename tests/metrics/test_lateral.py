"""Lateral, height, longitudinal errors and interval coverage with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import affinity

from mapforge.metrics.heights import height_errors
from mapforge.metrics.lateral import lateral_errors, longitudinal_errors, offsets, weighted_quantile
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.metrics.uncertainty import STATION_M, interval_coverage

TRUTH = SegmentIndex([np.array([[0.0, 0.0, 5.0], [100.0, 0.0, 5.0]])])


def test_offset_left_is_positive_and_the_median_its_size() -> None:
    line = np.array([[0.0, 0.25, 5.1], [100.0, 0.25, 5.1]])
    matched = offsets(stations_along([line], 0.5), TRUTH)
    assert lateral_errors(matched) == pytest.approx(
        {"lateral_median_m": 0.25, "lateral_p95_m": 0.25, "lateral_bias_m": 0.25}
    )
    assert height_errors(matched) == pytest.approx({"height_median_m": 0.1, "height_p95_m": 0.1, "height_bias_m": 0.1})
    right = offsets(stations_along([line * (1, -1, 1)], 0.5), TRUTH)
    assert lateral_errors(right)["lateral_bias_m"] == pytest.approx(-0.25)


def test_only_what_lies_beside_truth_within_a_metre_is_matched() -> None:
    far = np.array([[0.0, 1.2, 0.0], [100.0, 1.2, 0.0]])
    assert len(offsets(stations_along([far], 0.5), TRUTH).offset_m) == 0
    past_the_end = np.array([[100.0, 0.1, 0.0], [100.9, 0.1, 0.0]])
    assert len(offsets(stations_along([past_the_end], 0.1), TRUTH).offset_m) == 0
    assert np.isnan(lateral_errors(offsets(stations_along([far], 0.5), TRUTH))["lateral_median_m"])


def test_heights_unknown_on_one_side_are_left_out() -> None:
    flat = np.array([[0.0, 0.1], [100.0, 0.1]])
    assert np.isnan(height_errors(offsets(stations_along([flat], 0.5), TRUTH))["height_median_m"])


def test_weighted_quantile_counts_length_not_samples() -> None:
    assert weighted_quantile(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 10.0]), 0.5) == 3.0
    assert weighted_quantile(np.arange(1.0, 101.0), np.ones(100), 0.95) == 95.0


def test_stop_line_and_crossing_errors_are_along_the_road() -> None:
    stop = shapely.LineString([(10.0, 0.0), (10.0, 3.5)])
    later = affinity.translate(stop, 0.4, 0.6)
    assert longitudinal_errors([stop], [later]) == pytest.approx([0.4])
    crossing = shapely.box(20.0, -5.0, 23.0, 5.0)
    assert longitudinal_errors([crossing], [affinity.translate(crossing, -0.2, 1.0)]) == pytest.approx([0.2])


def test_one_prediction_a_truth_and_none_from_afar() -> None:
    stops = [shapely.LineString([(x, 0.0), (x, 3.5)]) for x in (10.0, 10.5, 30.0)]
    assert longitudinal_errors(stops[:1], stops) == pytest.approx([0.0])
    assert len(longitudinal_errors(stops[:1], stops[2:])) == 0
    assert len(longitudinal_errors([], stops)) == 0


def test_intervals_hold_what_they_say() -> None:
    rng = np.random.default_rng(3)
    sigma = rng.uniform(0.03, 0.2, 4000)
    y = rng.normal(0.0, sigma)
    lines = [np.array([[10.0, offset, 5.0], [12.0, offset, 5.0]]) for offset in y]
    matched = offsets(stations_along(lines, STATION_M, [np.full(2, s) for s in sigma]), TRUTH)
    coverage = interval_coverage(matched)
    assert coverage["interval_stations"] == 8000
    assert coverage["interval_68_share"] == pytest.approx(0.68, abs=0.02)
    assert coverage["interval_95_share"] == pytest.approx(0.95, abs=0.01)


def test_lines_without_sigma_make_no_claim() -> None:
    matched = offsets(stations_along([np.array([[0.0, 0.1, 5.0], [50.0, 0.1, 5.0]])], 1.0), TRUTH)
    assert interval_coverage(matched)["interval_stations"] == 0
    assert np.isnan(interval_coverage(matched)["interval_95_share"])
