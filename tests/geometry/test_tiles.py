"""Tile names, bounds and the tiles near a path, against a plain search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.errors import ConfigurationError, CrsMismatchError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TILE_SIZE_M, TileId, tiles_near

FRAME = MapFrame(32617, (586_000.0, 4_475_000.0))
tiles = st.builds(TileId, st.just(32617), st.integers(-10, 9000), st.integers(-10, 99_000))


@given(tiles)
def test_name_round_trip(tile: TileId) -> None:
    assert TileId.parse(str(tile)) == tile


@pytest.mark.parametrize("text", ["", "32617/1", "a/b/c", "32617/1/2/3", "32617/1.5/2", "../1/2"])
def test_what_is_no_tile(text: str) -> None:
    with pytest.raises(ConfigurationError, match="32617/5864/44752"):
        TileId.parse(text)


@given(tiles)
def test_neighbours_touch_and_are_mutual(tile: TileId) -> None:
    around = tile.neighbours()
    assert len(set(around)) == 8 and tile not in around
    x0, y0, x1, y1 = tile.bounds_projected()
    for other in around:
        a0, b0, a1, b1 = other.bounds_projected()
        assert tile in other.neighbours()
        assert a0 <= x1 and a1 >= x0 and b0 <= y1 and b1 >= y0


@given(tiles, st.floats(0, 50))
def test_bounds(tile: TileId, halo_m: float) -> None:
    xmin, ymin, xmax, ymax = tile.bounds_map(FRAME, halo_m)
    assert xmax - xmin == pytest.approx(TILE_SIZE_M + 2 * halo_m)
    centre = np.array([[(xmin + xmax) / 2, (ymin + ymax) / 2]]) + FRAME.origin_m
    assert np.floor(centre / TILE_SIZE_M).astype(int).tolist() == [[tile.column, tile.row]]


def test_bounds_in_another_crs_raise() -> None:
    with pytest.raises(CrsMismatchError, match="tile 32618/1/2"):
        TileId(32618, 1, 2).bounds_map(FRAME)


centimetres = st.integers(-30_000, 30_000).map(lambda i: i / 100)


@given(st.lists(st.tuples(centimetres, centimetres), min_size=1, max_size=8), st.sampled_from([0.0, 0.25, 20.0, 137.5]))
def test_tiles_near_a_path_against_a_plain_search(points: list[tuple[float, float]], reach_m: float) -> None:
    xy = np.array(points)
    found = tiles_near(xy, FRAME, reach_m)
    columns, rows = (range(round(o / TILE_SIZE_M) - 6, round(o / TILE_SIZE_M) + 7) for o in FRAME.origin_m)
    expected = []
    for tile in (TileId(32617, column, row) for column in columns for row in rows):
        x0, y0, x1, y1 = tile.bounds_map(FRAME)
        near = (xy[:, 0] + reach_m >= x0) & (xy[:, 0] - reach_m < x1)
        near &= (xy[:, 1] + reach_m >= y0) & (xy[:, 1] - reach_m < y1)
        if near.any():
            expected.append(tile)
    assert found == sorted(expected)
