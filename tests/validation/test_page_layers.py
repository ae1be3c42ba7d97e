"""Stretches of missed truth, and what fits on a page."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.metrics.stations import stations_along
from mapforge.validation.charts import Axis, bar_chart, curve_chart
from mapforge.validation.page_layers import stretches, with_arrows
from mapforge.validation.report_tables import number, table


def test_runs_of_samples_become_lines_one_a_gap() -> None:
    lines = [np.array([[0.0, 0.0], [20.0, 0.0]]), np.array([[0.0, 9.0], [0.0, 19.0]])]
    stations = stations_along(lines, 0.5)
    x = stations.xyz[:, 0]
    wanted = ((x < 5.0) | (x > 15.0)) & (stations.line == 0) | (stations.line == 1)
    found = stretches(stations, wanted)
    assert [length for _, length in found] == pytest.approx([5.0, 5.0, 10.0])
    assert [line.length for line, _ in found] == pytest.approx([5.0, 5.0, 10.0])
    assert stretches(stations, np.zeros(len(stations), dtype=bool)) == []


def test_labels_are_escaped() -> None:
    evil = "<img src=x>"
    axis = Axis(evil, 0.0, 1.0, (0.0, 1.0))
    chart = curve_chart({evil: (evil, np.array([0.0, 1.0]), np.array([0.0, 1.0]))}, axis, axis, evil)
    for text in (chart, bar_chart([(evil, 1.0)], "s"), table([evil], [[evil]])):
        assert evil not in text
        assert "&lt;img src=x&gt;" in text


def test_numbers() -> None:
    assert number(1234.5678, 1) == "1,234.6"
    assert number(float("nan")) == number(None) == "–"


def test_arrows_point_along_a_lane() -> None:
    shape = with_arrows(shapely.LineString([(0.0, 0.0), (100.0, 0.0)]))
    line, *heads = shape.geoms
    assert line.length == 100.0
    assert len(heads) == 4
    for head in heads:
        first, tip, last = head.coords
        assert tip[0] > first[0] == last[0]
        assert (first[1], last[1]) == (-last[1], -first[1])
