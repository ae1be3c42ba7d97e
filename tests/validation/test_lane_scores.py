"""Lanes that are judged: those mostly seen, and predictions of them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.judgement import Judgement
from mapforge.validation.map_scores import lane_values

SEEN = Judgement(shapely.box(-1.0, -10.0, 100.0, 10.0), np.zeros((0, 3)), np.zeros((0, 2)), (60.0, 30.0), "by hand")


def lane(name: str, x0: float, x1: float, *successors: str, y: float = 0.0) -> MapElement:
    line = shapely.segmentize(shapely.LineString([(x0, y, 0.0), (x1, y, 0.0)]), 2.0)
    return MapElement(name, ElementClass.LANE, line, {"successor_ids": list(successors)})


def test_predictions_along_a_lane_of_which_little_was_seen_are_left_out() -> None:
    truth = [lane("a", 0.0, 50.0, "b"), lane("b", 50.0, 90.0, "c"), lane("c", 90.0, 300.0)]
    found = [lane("1", 0.0, 50.0, "2"), lane("2", 50.0, 90.0, "3"), lane("3", 90.0, 110.0)]
    values = lane_values(truth, found, SEEN)
    assert values["successor_precision"] == values["successor_recall"] == pytest.approx(1.0)
    assert values["n_predictions"] == 2


def test_predictions_of_no_lane_at_all_are_not() -> None:
    truth = [lane("a", 0.0, 50.0, "b"), lane("b", 50.0, 90.0)]
    found = [
        lane("1", 0.0, 50.0, "2"),
        lane("2", 50.0, 90.0),
        lane("3", 0.0, 40.0, "4", y=8.0),
        lane("4", 40.0, 90.0, y=8.0),
    ]
    values = lane_values(truth, found, SEEN)
    assert values["successor_precision"] == pytest.approx(0.5)
    assert values["successor_recall"] == pytest.approx(1.0)
