"""Tiles that wait on disk come back as they were."""

from __future__ import annotations

from pathlib import Path

import torch

from mapforge.geometry.tiles import TileId
from mapforge.rasterization.open_tiles import OpenTiles

TILES = [TileId(32632, column, 7) for column in range(4)]


def test_spilled_sums_come_back(tmp_path: Path) -> None:
    tiles = OpenTiles(9, True, torch.device("cpu"), 2, tmp_path)
    for k, tile in enumerate(TILES):
        sums = tiles.touch(tile)
        sums.surface.hits[k] += k + 1
        sums.colour_sum[2, k] = 200
    assert len(list(tmp_path.iterdir())) == 2
    for k, tile in enumerate(TILES):
        sums = tiles.pop(tile)
        assert sums is not None
        assert sums.surface.hits.tolist() == [k + 1 if c == k else 0 for c in range(9)]
        assert int(sums.colour_sum[2, k]) == 200
        assert torch.isinf(sums.surface.height_min).all()
    assert not list(tmp_path.iterdir())
    assert tiles.pop(TILES[0]) is None


def test_no_cameras_no_colour(tmp_path: Path) -> None:
    sums = OpenTiles(9, False, torch.device("cpu"), 2, tmp_path).touch(TILES[0])
    assert sums.colour_sum.numel() == 0 and sums.colour_hits.numel() == 0
