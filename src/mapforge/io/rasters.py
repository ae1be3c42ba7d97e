"""Rasters and observations at rest: a Parquet file with one row a channel, so that a channel can be read alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from mapforge.errors import ContractError
from mapforge.geometry.grid import BevGrid
from mapforge.io.json_text import parse_object
from mapforge.io.parquet import read_metadata, read_table, write_table
from mapforge.schemas.rasters import BevRaster

_REMEDY = "delete it and run again"
RASTER = pa.schema([("channel", pa.string()), ("dtype", pa.string()), ("data", pa.large_binary())])


def write_raster(raster: BevRaster, target: Path, tmp: Path) -> None:
    """Writes every channel, sorted by name; atomic."""
    names = sorted(raster.channels)
    arrays = [np.ascontiguousarray(raster.channels[name]) for name in names]
    table = pa.Table.from_pydict(
        {
            "channel": names,
            "dtype": [array.dtype.str for array in arrays],
            "data": [array.tobytes() for array in arrays],
        },
        schema=RASTER,
    )
    write_table(table, target, tmp, {"grid": json.dumps(raster.grid.as_dict()), **raster.metadata})


def read_raster(path: Path) -> BevRaster:
    """Reads a raster back, bit for bit. Raises MissingInputError or ContractError."""
    table = read_table(path, RASTER)
    metadata = read_metadata(path)
    raw = parse_object(metadata.pop("grid", ""), f"the grid of {path}", _REMEDY)
    try:
        grid = BevGrid(raw["x0_m"], raw["y0_m"], raw["resolution_m"], int(raw["rows"]), int(raw["columns"]))
        channels = {
            name: np.frombuffer(data.as_buffer(), dtype=_number(kind)).reshape(grid.shape)
            for name, kind, data in zip(table["channel"].to_pylist(), table["dtype"].to_pylist(), table["data"])
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ContractError(f"{path} is no raster: {str(error)[:200]}; {_REMEDY}") from error
    return BevRaster(grid, channels, metadata)


def _number(kind: str) -> np.dtype:
    """Of plain numbers only: an object or a record is never read from a file."""
    found = np.dtype(kind)
    if found.kind not in "iufb":
        raise ValueError(f"a channel of type '{kind}'")
    return found
