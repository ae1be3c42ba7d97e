"""Joining and cutting of fused runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.fusion.pieces import Piece, clipped, joined, piece_of, thinned

CORE = (0.0, 0.0, 100.0, 100.0)
NANOMETRES = st.integers(-20 * 10**9, 120 * 10**9).map(lambda nm: nm / 1e9)
"""Ordinates no closer to the border, unless on it, than any coordinate can be."""


def piece(start: tuple[float, float], end: tuple[float, float], priority: int = 0, label: int = 0) -> Piece:
    count = max(3, int(np.hypot(end[0] - start[0], end[1] - start[1]) / 0.5) + 1)
    xy = np.linspace(start, end, count)
    return piece_of(np.column_stack([xy, 0 * xy[:, 0]]), np.full((count, 2), 0.5), np.arange(count), label, priority)


def test_facing_ends_become_one_line_through_the_better_end() -> None:
    (line,) = joined([piece((0, 0), (10, 0), priority=1), piece((20, 0.02), (10.5, 0.02))], 1.6, 1.5)
    assert line.xyz_map[:, 0].min() == 0.0 and line.xyz_map[:, 0].max() == 20.0
    order = np.sign(np.diff(line.xyz_map[:, 0]))
    assert (order == order[0]).all()
    assert [10.5, 0.02] in line.xyz_map[:, :2].tolist()


def test_a_little_overlap_does_not_fold_the_line() -> None:
    (line,) = joined([piece((0, 0), (10.2, 0), priority=1), piece((10, 0), (20, 0))], 1.6, 1.5)
    assert (np.diff(line.xyz_map[:, 0]) > 0).all() or (np.diff(line.xyz_map[:, 0]) < 0).all()


def test_another_label_shares_the_vertex_but_not_the_line() -> None:
    first, second = joined([piece((0, 0), (10, 0), label=1), piece((10, 0), (20, 0), priority=1, label=2)], 1.6, 1.5)
    assert first.label != second.label
    assert np.array_equal(first.xyz_map[-1], second.xyz_map[0])


def test_far_or_crossing_ends_stay_apart() -> None:
    assert len(joined([piece((0, 0), (10, 0)), piece((13, 0), (20, 0), priority=1)], 1.6, 1.5)) == 2
    assert len(joined([piece((0, 0), (10, 0)), piece((10.5, 5), (10.5, 0.3), priority=1)], 1.6, 1.5)) == 2


def test_a_branch_ends_on_its_stem() -> None:
    stem, branch = joined([piece((0, 0), (40, 0)), piece((21, 0.3), (35, 4), priority=1)], 1.6, 1.5)
    assert len(stem.xyz_map) == 81
    assert branch.xyz_map[0, 1] == pytest.approx(0.0, abs=1e-9)
    assert 19.5 < branch.xyz_map[0, 0] < 21.1


def test_a_ring_of_two_halves_is_joined_once() -> None:
    angle = np.linspace(0, np.pi, 40)
    half = np.column_stack([5 * np.cos(angle), 5 * np.sin(angle), 0 * angle])
    pieces = [piece_of(h, np.ones((40, 1)), np.arange(40), 0, k) for k, h in enumerate([half, half * (1, -1, 1)])]
    (ring,) = joined(pieces, 1.6, 1.5)
    assert np.linalg.norm(ring.xyz_map[0] - ring.xyz_map[-1]) < 0.05


@settings(max_examples=50, deadline=None)
@given(y0=NANOMETRES, y1=NANOMETRES, flipped=st.booleans())
def test_neighbours_cut_at_the_same_vertex(y0: float, y1: float, flipped: bool) -> None:
    line = piece((61.3, y0), (139.2, y1))
    other = line.reversed() if flipped else line
    west, east = clipped(line, CORE), clipped(other, (100.0, 0.0, 200.0, 100.0))

    def on_border(parts: list[Piece]) -> list[list[float]]:
        return [v.tolist() for part in parts for v in part.xyz_map[[0, -1]] if v[0] == 100.0]

    assert on_border(west) == on_border(east)
    for part in west:
        assert part.xyz_map[:, 0].max() <= 100.0 and part.xyz_map[:, 1].min() >= 0.0


def test_bends_keep_their_vertices_and_straights_lose_half() -> None:
    straight = thinned(piece((0, 0), (20, 0)))
    assert np.diff(straight.xyz_map[:, 0]).max() == pytest.approx(1.0)
    angle = np.arange(0, 1.5, 0.1)
    bend = piece_of(
        np.column_stack([5 * np.cos(angle), 5 * np.sin(angle), 0 * angle]), np.ones((15, 1)), np.arange(15), 0, 0
    )
    assert len(thinned(bend).xyz_map) == 15
