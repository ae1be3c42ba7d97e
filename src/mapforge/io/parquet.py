"""Parquet as MapForge writes it: zstd, same table in, same bytes out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mapforge.errors import ContractError, MissingInputError
from mapforge.io.atomic import atomic_file
from mapforge.schemas.table import check_table

COMPRESSION = "zstd"
COMPRESSION_LEVEL = 3


def write_table(table: pa.Table, target: Path, tmp: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes a table atomically, with `metadata` in the file footer."""
    if metadata:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    with atomic_file(target, tmp) as path:
        pq.write_table(table, path, compression=COMPRESSION, compression_level=COMPRESSION_LEVEL)


def read_table(path: Path, schema: pa.Schema | None = None) -> pa.Table:
    """Reads a table and, given a schema, checks it.

    Raises MissingInputError when the file is not there, ContractError when it is torn or has other columns.
    """
    if not path.exists():
        raise MissingInputError(f"{path} is missing; run the stage that writes it again")
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise ContractError(f"{path} is no readable Parquet file: {error}; delete it and run again") from error
    if schema is not None:
        check_table(table.replace_schema_metadata(None), schema, str(path))
    return table


def read_metadata(path: Path) -> dict[str, str]:
    """The key-value metadata of a file's footer, without reading its columns."""
    raw = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in raw.items() if key != b"ARROW:schema"}
