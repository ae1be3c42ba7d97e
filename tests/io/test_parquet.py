"""Parquet as MapForge writes it: same in, same out, same bytes; torn files are named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from mapforge.errors import ContractError, MissingInputError
from mapforge.io.parquet import read_metadata, read_table, write_table

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.list_(pa.float32()))])
TABLE = pa.Table.from_pydict({"a": [1, 2], "b": [[0.5], []]}, schema=SCHEMA)


def test_round_trip_with_metadata(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(TABLE, path, tmp_path / "tmp", {"fingerprint": "f"})
    assert read_table(path, SCHEMA).replace_schema_metadata(None).equals(TABLE)
    assert read_metadata(path) == {"fingerprint": "f"}
    write_table(TABLE, tmp_path / "again.parquet", tmp_path / "tmp", {"fingerprint": "f"})
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(MissingInputError, match=r"t\.parquet is missing"):
        read_table(path)
    write_table(TABLE, path, tmp_path / "tmp")
    with pytest.raises(
        ContractError, match=r"t\.parquet: missing column 'c'; unexpected column 'b'; column 'a' is int64"
    ):
        read_table(path, pa.schema([("a", pa.int32()), ("c", pa.int64())]))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ContractError, match=r"t\.parquet is no readable Parquet file"):
        read_table(path)
