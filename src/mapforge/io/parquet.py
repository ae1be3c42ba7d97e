"""Parquet as MapForge writes it: zstd, same table in, same bytes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mapforge.errors import ContractError, MissingInputError
from mapforge.io.atomic import atomic_file
from mapforge.schemas.table import check_table

COMPRESSION = "zstd"
COMPRESSION_LEVEL = 3
MAX_TABLE_BYTES = 2 * 2**30
"""A table that unpacks to more is refused: MapForge writes none, and a small file can claim any size."""
_REMEDY = "delete it and run again"


def write_table(table: pa.Table, target: Path, tmp: Path, metadata: dict[str, str] | None = None) -> None:
    """Writes a table atomically, with `metadata` in the file footer."""
    if metadata:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    with atomic_file(target, tmp) as path:
        pq.write_table(table, path, compression=COMPRESSION, compression_level=COMPRESSION_LEVEL)


def read_table(path: Path, schema: pa.Schema | None = None) -> pa.Table:
    """Reads a table and, given a schema, checks it.

    Raises MissingInputError when the file is not there, ContractError when it is torn, has other columns or unpacks to
    more than MAX_TABLE_BYTES.
    """
    if not path.exists():
        raise MissingInputError(f"{path} is missing; run the stage that writes it again")
    with reading(path, _REMEDY):
        table = _read_bounded(pq.ParquetFile(path), path)
    if schema is not None:
        check_table(table.replace_schema_metadata(None), schema, str(path))
    return table


def read_metadata(path: Path) -> dict[str, str]:
    """The key-value metadata of a file's footer, without reading its columns.

    Raises MissingInputError when the file is not there, ContractError when its footer is torn.
    """
    if not path.exists():
        raise MissingInputError(f"{path} is missing; run the stage that writes it again")
    with reading(path, _REMEDY):
        raw = pq.read_schema(path).metadata or {}
        return {key.decode(): value.decode() for key, value in raw.items() if key != b"ARROW:schema"}


@contextmanager
def reading(path: Path, remedy: str) -> Iterator[None]:
    """Turns whatever Arrow says of a damaged file into a ContractError that names it."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        reason = str(error)[:300] or "it asks for more memory than there is"
        raise ContractError(f"{path} is no readable Parquet file: {reason}; {remedy}") from error


def least_bytes(schema: pa.Schema, rows: int) -> int:
    """What so many rows take in memory at the least: texts, bytes and lists count by their places only."""
    return sum(_width(field.type) for field in schema) * rows


def _read_bounded(file: pq.ParquetFile, path: Path) -> pa.Table:
    """The table, batch by batch where its size cannot be told from the number of rows."""
    rows = file.metadata.num_rows
    too_large = f"{path} unpacks to more than {MAX_TABLE_BYTES / 2**30:.0f} GiB: it is damaged or hostile; {_REMEDY}"
    if least_bytes(file.schema_arrow, rows) > MAX_TABLE_BYTES:
        raise ContractError(too_large)
    groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
    largest = max((group.total_byte_size for group in groups), default=0)
    if largest * rows <= MAX_TABLE_BYTES:  # even if every row held the largest value
        return file.read()
    batches, size = [], 0
    for batch in file.iter_batches(max(1, min(65_536, MAX_TABLE_BYTES // max(1, largest))), use_threads=False):
        size += batch.nbytes
        if size > MAX_TABLE_BYTES:
            raise ContractError(too_large)
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


def _width(kind: pa.DataType) -> int:
    """Bytes a value, of a nested type those of its places."""
    if pa.types.is_struct(kind):
        return sum(_width(kind.field(i).type) for i in range(kind.num_fields))
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size) * _width(kind.value_type)
    if pa.types.is_dictionary(kind):
        return _width(kind.index_type)
    return max(1, kind.bit_width // 8) if pa.types.is_primitive(kind) else 4
