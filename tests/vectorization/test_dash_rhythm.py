"""A gap that breaks the rhythm of a line is a pause, unless its dashes are often missed."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.vectorization.dash_rhythm import DashRow, pauses_of

LEAST_M = 4.5


def row(pieces: list[float], gaps: list[float], dashed: bool = True) -> DashRow:
    return DashRow(np.array(pieces), np.array(gaps), np.full(len(gaps), dashed))


def paused(*rows: DashRow) -> list[list[int]]:
    """Of each row the gaps at which its paint pauses."""
    return [np.flatnonzero(pause).tolist() for pause in pauses_of(list(rows), LEAST_M)]


@pytest.mark.parametrize("dashes", [9, 20, 40])
@pytest.mark.parametrize(("dash_m", "gap_m"), [(3.0, 9.0), (3.0, 6.0), (6.0, 12.0), (2.0, 5.0)])
def test_one_missed_dash_is_no_pause_but_three_are(dash_m: float, gap_m: float, dashes: int) -> None:
    clean = [row([dash_m] * 30, [gap_m] * 29) for _ in range(3)]
    gaps = [gap_m] * (dashes - 1)
    gaps[3] = 2 * gap_m + dash_m
    assert paused(row([dash_m] * dashes, gaps), *clean)[0] == []
    gaps[3] = 4 * gap_m + 3 * dash_m
    assert paused(row([dash_m] * dashes, gaps), *clean)[0] == [3]


def test_where_many_dashes_are_missed_more_in_a_row_are_believed() -> None:
    """A worn line: half of its dashes were not seen."""
    gaps = [9.0, 21.0, 21.0, 9.0, 33.0, 21.0, 9.0, 21.0]
    assert paused(row([3.0] * 9, gaps)) == [[]]
    assert paused(row([3.0] * 9, [9.0] * 4 + [33.0] + [9.0] * 3)) == [[4]]


def test_a_gap_between_long_stretches_of_dashes_is_a_pause() -> None:
    """The network bridged the gaps within them itself: a gap of two dashes is unlike the rest."""
    assert paused(row([40.0, 35.0], [25.0])) == [[0]]
    assert paused(row([40.0, 35.0], [9.0])) == [[]]
    assert paused(row([80.0, 80.0], [12.0]), row([3.0] * 30, [9.0] * 29))[0] == []


def test_the_other_lines_of_a_drive_tell_how_often_dashes_are_missed() -> None:
    worn = [row([3.0] * 7, [9.0, 21.0, 33.0, 21.0, 9.0, 33.0]) for _ in range(6)]
    alone, beside_worn = paused(row([12.0, 12.0], [26.0])), paused(*worn, row([12.0, 12.0], [26.0]))
    assert alone == [[0]]
    assert beside_worn[-1] == []


def test_gaps_between_other_pieces_are_left_to_their_own_limit() -> None:
    assert paused(row([20.0, 20.0], [30.0], dashed=False)) == [[]]
    assert paused() == []
    assert paused(row([20.0], [])) == [[]]
