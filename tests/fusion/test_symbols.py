"""What stands alone in the middle of a lane is no line of the road."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapforge.fusion.pieces import Piece
from mapforge.fusion.symbols import without_symbols

LEAST_M, SYMBOL_M, LANES_M = 6.0, 15.0, 4.6


def piece(x0: float, x1: float, y: float, y1: float | None = None) -> Piece:
    """A straight line from (x0, y) to (x1, y1), along x unless y1 is given."""
    x = np.linspace(x0, x1, max(2, int(abs(x1 - x0)) + 1))
    xyz = np.column_stack([x, np.linspace(y, y if y1 is None else y1, len(x)), np.zeros(len(x))])
    return Piece(xyz, np.zeros((len(x), 5)), np.ones(len(x), dtype=bool), 0, (0, 0))


def kept(*pieces: Piece, boundaries: tuple[Piece, ...] = ()) -> list[int]:
    left = without_symbols(list(pieces), list(boundaries), LEAST_M, SYMBOL_M, LANES_M, 2.0)
    return [n for n, own in enumerate(pieces) if any(own is other for other in left)]


@pytest.mark.parametrize("lane_m", [2.6, 3.5, 4.2])
def test_an_arrow_in_a_lane_is_no_divider(lane_m: float) -> None:
    assert kept(piece(-40, 40, lane_m / 2), piece(-40, 40, -lane_m / 2), piece(-4, 4, 0.0, 0.2)) == [0, 1]


def test_an_arrow_in_the_lane_at_the_curb_is_no_divider() -> None:
    assert kept(piece(-40, 40, 1.7), piece(-4, 4, 0.0), boundaries=(piece(-40, 40, -1.8),)) == [0]


def test_the_line_of_a_cycle_lane_stays() -> None:
    assert kept(piece(-40, 40, 2.7), piece(-4, 4, 0.0), boundaries=(piece(-40, 40, -1.75),)) == [0, 1]


def test_boundaries_of_a_road_above_do_not_count() -> None:
    above = [replace(own, xyz_map=own.xyz_map + [0.0, 0.0, 8.0]) for own in (piece(-40, 40, 1.7), piece(-40, 40, -1.8))]
    assert kept(piece(-6, 6, 0.0), boundaries=(above[0], above[1])) == [0]


def test_a_short_divider_between_two_lanes_stays() -> None:
    assert kept(piece(-40, 40, 2.7), piece(-40, 40, -2.7), piece(-6, 6, 0.0)) == [0, 1, 2]


def test_beside_one_line_only_it_stays() -> None:
    assert kept(piece(-40, 40, 1.6), piece(-6, 6, 0.0)) == [0, 1]


def test_a_strand_of_a_double_line_stays() -> None:
    assert kept(piece(-40, 40, 0.3), piece(-40, 40, -3.2), piece(-6, 6, 0.0)) == [0, 1, 2]


def test_a_long_line_between_narrow_lanes_stays() -> None:
    assert kept(piece(-40, 40, 1.7), piece(-40, 40, -1.7), piece(-10, 10, 0.0)) == [0, 1, 2]


def test_what_is_too_short_and_alone_goes() -> None:
    assert kept(piece(0, 5, 0.0)) == []
    assert kept(piece(0, 5, 0.0), piece(5, 40, 0.0)) == [0, 1]


def test_a_short_branch_that_hardly_leaves_its_line_is_no_line_of_its_own() -> None:
    """2.5 m that end on the side of a long line and stay within half a metre of it; going on from its end is fine."""
    line, stub, onward = piece(0, 27, 0.0), piece(15, 17.5, 0.0, 0.4), piece(27, 29.5, 0.0, 0.1)
    assert kept(line, stub, onward, piece(10, 14, 5.0)) == [0, 2]
