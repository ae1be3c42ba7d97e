"""Dashes become one line, and nothing else does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import COLOURS, MARKING_TYPES
from mapforge.vectorization.dashes import joined_pieces
from mapforge.vectorization.line_nodes import LineNodes
from mapforge.vectorization.linking import Chain

STEP_M, DASH_GAP_M, GAP_M = 0.3, 13.0, 4.5
NOWHERE = shapely.Polygon()


def pieces(runs: list[NDArray[np.float64]], marking: str = "dashed") -> tuple[LineNodes, list[Chain]]:
    """Nodes and chains of runs of points (N, 2)."""
    xy = np.concatenate(runs)
    count = len(xy)
    votes, colour = np.zeros((count, len(MARKING_TYPES))), np.zeros((count, len(COLOURS)))
    votes[:, MARKING_TYPES.index(marking)], colour[:, 1] = 1.0, 1.0
    direction = np.concatenate([np.gradient(run, axis=0) for run in runs])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    fields = (np.full(count, value) for value in (0.8, 0.02, 6.0))
    nodes = LineNodes(np.column_stack([xy, np.zeros(count)]), direction, *fields, votes, colour, np.zeros(count))
    starts = np.cumsum([0, *(len(run) for run in runs)])
    return nodes, [Chain(np.arange(a, b), False) for a, b in pairwise(starts)]


def join(nodes: LineNodes, chains: list[Chain], pauses: shapely.Geometry = NOWHERE) -> tuple[LineNodes, list[Chain]]:
    return joined_pieces(nodes, chains, DASH_GAP_M, GAP_M, pauses)


def arc(radius_m: float, dash_m: float, gap_m: float, dashes: int) -> list[NDArray[np.float64]]:
    runs = []
    for k in range(dashes):
        s = k * (dash_m + gap_m) + np.arange(0.0, dash_m, STEP_M)
        runs.append(np.column_stack([radius_m * np.sin(s / radius_m), radius_m * (1 - np.cos(s / radius_m))]))
    return runs


@pytest.mark.parametrize(("dash_m", "gap_m"), [(3.0, 9.0), (6.0, 12.0), (1.5, 1.5), (3.0, 3.0)])
@pytest.mark.parametrize("radius_m", [1e6, 300.0, 120.0])
def test_dashes_become_one_line_on_the_curve(radius_m: float, dash_m: float, gap_m: float) -> None:
    rng = np.random.default_rng(1)
    runs = [run + rng.normal(0, 0.01, run.shape) for run in arc(radius_m, dash_m, gap_m, 7)]
    order = rng.permutation(len(runs))
    nodes, chains = join(*pieces([runs[k][:: rng.choice([-1, 1])] for k in order]))
    (line,) = chains
    xy = nodes.xyz_map[line.nodes, :2]
    assert np.linalg.norm(np.diff(xy, axis=0), axis=1).max() < 1.2
    assert np.abs(np.hypot(xy[:, 0], xy[:, 1] - radius_m) - radius_m).max() < (0.12 if radius_m > 200 else 0.25)


def test_solid_lines_that_pause_stay_apart() -> None:
    """As before and behind a crossing."""
    assert len(join(*pieces(arc(1e6, 20.0, 6.0, 2), "solid"))[1]) == 2


@pytest.mark.parametrize(("gap_m", "count"), [(4.0, 1), (5.0, 2)])
def test_other_pieces_are_joined_over_what_a_shadow_hides(gap_m: float, count: int) -> None:
    assert len(join(*pieces(arc(1e6, 20.0, gap_m, 2), "solid"))[1]) == count


def test_no_piece_is_joined_to_one_beside_it() -> None:
    first, second = arc(1e6, 20.0, 4.0, 2)
    assert len(join(*pieces([first, second + [0.0, 0.6]], "solid"))[1]) == 2


def test_dashes_pause_at_a_crossing() -> None:
    nodes, chains = join(*pieces(arc(1e6, 3.0, 9.0, 6)), shapely.box(29.0, -4.0, 32.0, 4.0))
    assert sorted(round(float(np.ptp(nodes.xyz_map[chain.nodes, 0]))) for chain in chains) == [27, 27]


def test_two_arrows_in_a_lane_are_no_line() -> None:
    assert len(join(*pieces(arc(1e6, 4.8, 10.0, 2)))[1]) == 2
    assert len(join(*pieces(arc(1e6, 9.0, 10.0, 2)))[1]) == 1


def test_a_gap_that_is_too_long_stays_open() -> None:
    assert len(join(*pieces(arc(1e6, 6.0, DASH_GAP_M + 1.0, 3)))[1]) == 3


@pytest.mark.parametrize(("missed", "lines"), [((9,), 1), ((4, 12), 1), ((6, 7, 8, 9), 2)])
def test_a_line_ends_where_its_rhythm_breaks(missed: tuple[int, ...], lines: int) -> None:
    """Dashes of 2 m every 5 m: one missed here and there is bridged, four in a row are a pause."""
    runs = [run for k, run in enumerate(arc(1e6, 2.0, 3.0, 20)) if k not in missed]
    found = joined_pieces(*pieces(runs), 28.0, GAP_M, NOWHERE)[1]
    assert len(found) == lines


def test_two_dashes_behind_a_pause_are_still_part_of_a_line() -> None:
    """Not two arrows: their line goes on before the pause."""
    runs = [run for k, run in enumerate(arc(1e6, 2.0, 3.0, 20)) if k not in (14, 15, 16, 17)]
    nodes, found = joined_pieces(*pieces(runs), 28.0, GAP_M, NOWHERE)
    assert sorted(round(float(np.ptp(nodes.xyz_map[chain.nodes, 0]))) for chain in found) == [7, 67]


def test_dashes_of_neighbouring_lanes_stay_in_their_lane() -> None:
    left = [run + [4.0, 3.5] for run in arc(1e6, 3.0, 9.0, 6)]
    nodes, chains = join(*pieces(arc(1e6, 3.0, 9.0, 6) + left))
    assert len(chains) == 2
    assert all(np.ptp(nodes.xyz_map[chain.nodes, 1]) < 0.05 for chain in chains)


def test_a_ring_of_dashes_is_left_open_once() -> None:
    angle = [np.arange(k, k + 0.4, 0.02) for k in np.arange(0, 2 * np.pi - 0.3, np.pi / 4)]
    runs = [np.column_stack([20 * np.cos(a), 20 * np.sin(a)]) for a in angle]
    _, chains = join(*pieces(runs))
    assert len(chains) <= len(runs)
    assert sorted(np.concatenate([c.nodes[c.nodes < sum(map(len, runs))] for c in chains])) == list(
        range(sum(map(len, runs)))
    )
