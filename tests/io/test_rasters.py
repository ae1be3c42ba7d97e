"""Rasters come back bit for bit, whatever their channels' types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mapforge.errors import ContractError, MissingInputError
from mapforge.geometry.grid import BevGrid
from mapforge.io.parquet import write_table
from mapforge.io.rasters import read_raster, write_raster
from mapforge.schemas.rasters import BevRaster

GRID = BevGrid(400.0, -200.0, 0.2, 7, 11)
KINDS = ("uint8", "int8", "uint16", "float16", "float32", "float64", "int64")


def make_raster() -> BevRaster:
    rng = np.random.default_rng(0)
    channels = {kind: (rng.normal(0, 50, GRID.shape)).astype(kind) for kind in KINDS}
    channels["float32"][0, 0] = np.nan
    return BevRaster(GRID, channels, {"fingerprint": "abc", "drive_id": "town, 1"})


def test_bit_for_bit(tmp_path: Path) -> None:
    raster = make_raster()
    write_raster(raster, tmp_path / "r.parquet", tmp_path / "tmp")
    back = read_raster(tmp_path / "r.parquet")
    assert back.grid == GRID and back.metadata == raster.metadata
    assert sorted(back.channels) == sorted(KINDS)
    for name, channel in raster.channels.items():
        assert back.channels[name].dtype == channel.dtype
        assert back.channels[name].tobytes() == channel.tobytes()


def test_order_and_layout_do_not_change_the_bytes(tmp_path: Path) -> None:
    raster = make_raster()
    reordered = {name: np.asfortranarray(raster.channels[name]) for name in reversed(raster.channels)}
    write_raster(raster, tmp_path / "a.parquet", tmp_path / "tmp")
    write_raster(BevRaster(GRID, reordered, raster.metadata), tmp_path / "b.parquet", tmp_path / "tmp")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_refuses_what_is_no_raster(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read_raster(tmp_path / "none.parquet")
    write_table(pa.table({"channel": ["a"], "data": [b""]}), tmp_path / "x.parquet", tmp_path / "tmp")
    with pytest.raises(ContractError, match="missing column 'dtype'"):
        read_raster(tmp_path / "x.parquet")
