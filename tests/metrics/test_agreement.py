"""Drives confirm each other where both looked."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.metrics.agreement import agreement, confirm, covered_share, left_out, left_out_scores

LINE = np.array([[0.0, 0.0], [40.0, 0.0]])


def test_two_drives_that_agree_and_a_line_only_one_saw() -> None:
    confirmations = confirm({"a": [LINE, LINE + (0.0, 5.0)], "b": [LINE + (0.0, 0.1)]}, {})
    scores = agreement(list(confirmations.values()))
    assert scores["agreement_0.5m"] == pytest.approx(2 / 3)
    assert scores["agreement_median_m"] == pytest.approx(0.1)
    assert scores["agreement_length_m"] == pytest.approx(120.0)


def test_where_no_other_drive_looked_nothing_is_asked() -> None:
    seen = {"a": None, "b": shapely.box(0.0, -1.0, 20.0, 1.0)}
    scores = agreement(list(confirm({"a": [LINE], "b": []}, seen).values()))
    assert scores["agreement_length_m"] == pytest.approx(20.0)
    assert scores["agreement_0.5m"] == 0.0


def test_one_drive_alone_has_no_agreement() -> None:
    assert np.isnan(agreement(list(confirm({"a": [LINE]}, {}).values()))["agreement_0.5m"])


def test_covered_share() -> None:
    wanted = shapely.box(0.0, 0.0, 10.0, 10.0)
    assert covered_share(shapely.box(0.0, 0.0, 5.0, 20.0), wanted) == pytest.approx(0.5)
    assert covered_share(None, wanted) == 0.0
    assert np.isnan(covered_share(None, shapely.Polygon()))


def left_out_of(lines: dict[str, list[np.ndarray]], mapped: list[np.ndarray], sources: list[tuple[str, ...]]):  # type: ignore[no-untyped-def]
    sigma = [np.full(len(line), 0.1) for line in mapped]
    return left_out(confirm(lines, {}), lines, {}, mapped, sigma, sources)


def test_a_map_made_of_both_drives_holds_what_each_saw() -> None:
    lines = {"a": [LINE], "b": [LINE + (0.0, 0.1)]}
    scores = left_out_scores(list(left_out_of(lines, [LINE + (0.0, 0.05)], [("a", "b")]).values()))
    for name in ("kept_0.5m", "left_out_completeness_0.5m", "left_out_correctness_0.5m", "left_out_interval_95"):
        assert scores[name] == 1.0
    assert scores["left_out_lateral_median_m"] == pytest.approx(0.05)
    assert scores["kept_length_m"] == pytest.approx(80.0)


def test_what_a_drive_alone_put_into_the_map_does_not_speak_for_it() -> None:
    lines = {"a": [LINE], "b": [LINE + (0.0, 3.0)]}
    parts = left_out_of(lines, [LINE, LINE + (0.0, 3.0)], [("a",), ("b",)])
    scores = left_out_scores(list(parts.values()))
    assert scores["left_out_completeness_0.5m"] == 0.0
    assert scores["left_out_correctness_0.5m"] == 0.0
    assert np.isnan(scores["kept_0.5m"])


def test_a_line_that_two_drives_saw_and_the_map_lost_is_missed() -> None:
    lines = {"a": [LINE, LINE + (0.0, 5.0)], "b": [LINE, LINE + (0.0, 5.0)]}
    scores = left_out_scores(list(left_out_of(lines, [LINE], [("a", "b")]).values()))
    assert scores["kept_0.5m"] == pytest.approx(0.5)
    assert scores["left_out_correctness_0.5m"] == 1.0


def test_an_offset_beyond_the_stated_sigma_is_outside_its_interval() -> None:
    lines = {"a": [LINE], "b": [LINE + (0.0, 0.3)]}
    scores = left_out_scores(list(left_out_of(lines, [LINE], [("a", "b")]).values()))
    assert scores["left_out_interval_95"] == pytest.approx(0.5)


def test_the_nearest_line_of_the_others_counts_and_not_the_drives_own() -> None:
    """Against a plain search through every pair of points and lines."""
    draw = np.random.default_rng(0)
    lines = {name: [LINE + (0.0, y) for y in draw.uniform(0.0, 4.0, 6)] for name in "abcd"}
    for name, confirmation in confirm(lines, {}).items():
        others = [line for other in lines if other != name for line in lines[other]]
        y = confirmation.stations.xyz[:, 1]
        plain = np.min([np.abs(y - line[0, 1]) for line in others], axis=0)
        assert confirmation.distance_m == pytest.approx(np.where(plain <= 0.5, plain, np.inf))
