"""The shift is found where lines show it, and is nothing where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.metrics.observed_shift import observed_shift
from mapforge.metrics.stations import SegmentIndex, stations_along

STREET = np.array([[0.0, 0.0], [120.0, 0.0]])
ACROSS = np.array([[60.0, -60.0], [60.0, 60.0]])


def shift_of(lines: list[np.ndarray], others: list[np.ndarray]) -> np.ndarray | None:
    return observed_shift({"line": stations_along(lines, 0.5)}, {"line": SegmentIndex(others)})


@given(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2))
def test_a_crossing_shows_both_directions(east_m: float, north_m: float) -> None:
    moved = [STREET + (east_m, north_m), ACROSS + (east_m, north_m)]
    assert shift_of(moved, [STREET, ACROSS]) == pytest.approx([-east_m, -north_m], abs=0.02)


@given(st.floats(-1.5, 1.5), st.floats(-1.0, 1.0), st.floats(0.0, np.pi))
def test_a_straight_street_shows_only_what_lies_across_it(along_m: float, across_m: float, turn_rad: float) -> None:
    turn = np.array([[np.cos(turn_rad), np.sin(turn_rad)], [-np.sin(turn_rad), np.cos(turn_rad)]])
    found = shift_of([(STREET + (along_m, across_m)) @ turn], [STREET @ turn])
    assert found @ turn.T == pytest.approx([0.0, -across_m], abs=0.02)


def test_some_wrong_lines_do_not_pull() -> None:
    wrong = [np.array([[x, 1.5], [x + 8.0, 1.2]]) for x in (10.0, 40.0, 80.0)]
    assert shift_of([STREET + (0.0, 0.3), *wrong], [STREET]) == pytest.approx([0.0, -0.3], abs=0.05)


def test_too_little_in_common_is_no_shift() -> None:
    assert shift_of([STREET * 0.2], [STREET]) is None
    assert shift_of([STREET + (0.0, 50.0)], [STREET]) is None
