"""The BEV grid: cells, centres and bounds agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TileId

grids = st.builds(
    BevGrid,
    st.integers(-5000, 5000).map(float),
    st.integers(-5000, 5000).map(float),
    st.sampled_from([0.05, 0.1, 0.2, 1.0]),
    st.integers(1, 2000),
    st.integers(1, 2000),
)


@given(grids, st.data())
def test_a_cells_centre_lies_in_it(grid: BevGrid, data: st.DataObject) -> None:
    rows = np.array([data.draw(st.integers(0, grid.rows - 1))])
    columns = np.array([data.draw(st.integers(0, grid.columns - 1))])
    centre = grid.centres_of(rows, columns)
    assert [a.tolist() for a in grid.cells_of(centre)] == [rows.tolist(), columns.tolist()]
    xmin, ymin, xmax, ymax = grid.bounds_m
    assert xmin < centre[0, 0] < xmax and ymin < centre[0, 1] < ymax


@given(grids, st.floats(-20_000, 20_000), st.floats(-20_000, 20_000))
def test_inside_the_grid_is_inside_its_bounds(grid: BevGrid, x: float, y: float) -> None:
    xmin, ymin, xmax, ymax = grid.bounds_m
    margin = 1e-6
    inside = bool(grid.contains(*grid.cells_of(np.array([[x, y]])))[0])
    if xmin + margin < x < xmax - margin and ymin + margin < y < ymax - margin:
        assert inside
    if x < xmin - margin or x > xmax + margin or y < ymin - margin or y > ymax + margin:
        assert not inside


@pytest.mark.parametrize(("resolution_m", "halo_m", "side"), [(0.1, 0.0, 1000), (0.1, 20.0, 1400), (0.2, 20.0, 700)])
def test_the_grid_of_a_tile(resolution_m: float, halo_m: float, side: int) -> None:
    frame = MapFrame(32617, (586_000.0, 4_475_000.0))
    grid = BevGrid.of_tile(TileId(32617, 5864, 44752), frame, resolution_m, halo_m)
    assert grid.shape == (side, side)
    assert grid.bounds_m == pytest.approx((400 - halo_m, 200 - halo_m, 500 + halo_m, 300 + halo_m))
    assert BevGrid(**grid.as_dict()) == grid


def test_cells_of_neighbouring_tiles_are_one_lattice() -> None:
    frame = MapFrame(32617, (586_000.0, 4_475_000.0))
    west, east = (BevGrid.of_tile(TileId(32617, c, 44752), frame, 0.2, 20.0) for c in (5864, 5865))
    points = np.random.default_rng(0).uniform((481, 181), (519, 319), (500, 2))
    (rows_w, columns_w), (rows_e, columns_e) = west.cells_of(points), east.cells_of(points)
    np.testing.assert_array_equal(rows_w, rows_e)
    np.testing.assert_array_equal(columns_w - columns_e, 500)
