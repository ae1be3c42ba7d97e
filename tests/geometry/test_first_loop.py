"""Self-crossings of polylines, against shapely."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mapforge.fusion.pieces import piece_of, unlooped
from mapforge.geometry.polylines import first_loop

points = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=12, unique=True)


@given(points)
def test_a_line_without_a_loop_is_simple_and_the_other_way_round(vertices):
    rng = np.random.default_rng(len(vertices))  # off the lattice: no three points in line
    line = np.array(vertices, dtype=float) + rng.uniform(-0.3, 0.3, (len(vertices), 2))
    assert (first_loop(line) is None) == shapely.is_simple(shapely.LineString(line))


def test_the_shortest_loop_comes_first():
    line = np.array([[0, 0], [10, 0], [10, 5], [9, 5], [9, -1], [20, -1], [20, 9], [1, 9], [1, -5]], dtype=float)
    assert first_loop(line) == (0, 3)


def test_a_closed_ring_has_no_loop():
    ring = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], dtype=float)
    assert first_loop(ring) is None


def test_small_loops_of_a_fused_line_are_cut_out_and_large_ones_stay():
    small = np.array([[0, 0, 1], [2, 0, 1], [2.5, 0.5, 1], [2, 0.5, 1], [2.2, -0.5, 1], [6, 0, 1]], dtype=float)
    piece = piece_of(small, np.zeros((6, 5)), np.arange(6), 0, 0)
    clean = unlooped(piece, 6.0)
    assert shapely.is_simple(shapely.LineString(clean.xyz_map[:, :2]))
    assert len(clean.values) == len(clean.keep) == len(clean.xyz_map)
    assert np.array_equal(clean.xyz_map[[0, -1]], small[[0, -1]])
    large = piece_of(small * [10, 10, 1], np.zeros((6, 5)), np.arange(6), 0, 0)
    assert len(unlooped(large, 6.0).xyz_map) == 6
