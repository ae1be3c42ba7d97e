"""Lengths and names of lines on made-up maps."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.evaluation.counts import shares, total
from mapforge.evaluation.line_counts import line_counts
from mapforge.evaluation.reliability import instance_bins
from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.config import ValidationConfig
from mapforge.validation.drive_agreement import drive_agreement
from mapforge.validation.judgement import judgement
from mapforge.validation.map_scores import map_scores
from mapforge.validation.stage import ValidationResult

FRAME = MapFrame.at(8.4, 49.0)


def divider(x0: float, x1: float, y: float, marking: str, colour: str = "white", confidence: float = 0.9) -> MapElement:
    line = shapely.LineString([(x0, y, 0.0), (x1, y, 0.0)])
    attributes = {"marking_type": marking, "colour": colour}
    return MapElement(f"{x0}{x1}{y}", ElementClass.LANE_DIVIDER, line, attributes, confidence)


def judged(truth: list[MapElement], predicted: list[MapElement]) -> ValidationResult:
    path = np.column_stack([np.linspace(0.0, 100.0, 101), np.zeros(101), np.zeros(101)])
    ground = judgement(predicted, truth, [path], [], FRAME, ValidationConfig())
    agreement = drive_agreement({}, predicted, {}, FRAME, 200.0)
    scores = map_scores(truth, predicted, ground)
    return ValidationResult(FRAME, [], scores, agreement, ground, predicted, truth, {"a": path})


def counted(truth: list[MapElement], predicted: list[MapElement]) -> dict[str, float]:
    counts = line_counts(judged(truth, predicted))
    return {key: float(value) for key, value in shares(total(own["lane_divider"] for own in counts.values())).items()}


def test_what_is_found_and_what_is_true():
    figures = counted([divider(0, 100, 2, "solid")], [divider(0, 80, 2.1, "solid"), divider(0, 20, -5, "solid")])
    assert figures["completeness"] == pytest.approx(0.8, abs=0.02)
    assert figures["correctness"] == pytest.approx(0.8, abs=0.02)


def test_a_line_that_changes_its_type_is_compared_piece_by_piece():
    truth = [divider(0, 60, 2, "solid"), divider(60, 100, 2, "dashed", "yellow")]
    figures = counted(truth, [divider(0, 100, 2, "solid")])
    assert figures["marking_type_accuracy"] == pytest.approx(0.6, abs=0.02)
    assert figures["colour_accuracy"] == pytest.approx(0.6, abs=0.02)


def test_a_marking_with_two_sides_is_named_by_the_way_its_line_runs():
    truth = [divider(0, 100, 2, "solid_dashed")]
    assert counted(truth, [divider(100, 0, 2, "dashed_solid")])["marking_type_accuracy"] == pytest.approx(1.0)
    assert counted(truth, [divider(100, 0, 2, "solid_dashed")])["marking_type_accuracy"] == pytest.approx(0.0)


def test_unknown_colours_and_lines_that_cannot_be_seen_are_not_judged():
    truth = [divider(0, 100, 2, "solid", "unknown"), divider(0, 100, -3, "none")]
    figures = counted(truth, [divider(0, 100, 2, "solid", "white")])
    assert figures["marking_type_accuracy"] == 1.0 and np.isnan(figures["colour_accuracy"])
    assert figures["completeness"] == pytest.approx(1.0)


def test_elements_are_right_when_most_of_them_is():
    truth = [divider(0, 100, 2, "solid")]
    predicted = [divider(0, 100, 2.2, "solid", confidence=0.95), divider(0, 50, -6, "solid", confidence=0.35)]
    bins = np.array(instance_bins(judged(truth, predicted))["lane_divider"])
    assert bins[:, 0].sum() == 2
    assert bins[19].tolist() == [1.0, 0.95, 1.0] and bins[7].tolist() == [1.0, 0.35, 0.0]
