"""Writes a drive into the store: streaming, in parts, with a manifest, and not visible before it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mapforge.errors import ContractError
from mapforge.io.atomic import atomic_folder
from mapforge.io.drive_store import MANIFEST_NAME
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.workspace import Workspace
from mapforge.schemas.drive import DRIVE_TABLES, DriveManifest, StoredFile

PART_BYTES = 256 * 2**20
CHUNK_ROWS = 16384
CHUNK_BYTES = 8 * 2**20

# Chosen by measurement on real sweeps (benchmarks/ingest.py): splitting a coordinate's bytes lets zstd see its
# constant ones; offsets grow evenly, so their differences are small; the other columns hold few distinct values.
_CODEC = {"compression": "zstd", "compression_level": 1}
_LIDAR_ENCODING = {
    "use_dictionary": ["timestamp_ns", "sensor", "intensity", "ring", "return_index"],
    "dictionary_pagesize_limit": 128 * 1024,
    "column_encoding": {
        "x_m": "BYTE_STREAM_SPLIT",
        "y_m": "BYTE_STREAM_SPLIT",
        "z_m": "BYTE_STREAM_SPLIT",
        "offset_ns": "DELTA_BINARY_PACKED",
    },
}


class DriveWriter:
    """Fills `workspace.drive(drive_id)`; the folder appears when the `with` block ends after `finish`.

        with DriveWriter(workspace, drive_id) as writer:
            writer.add_sweep(...)
            writer.add_rows("imu", {...})
            manifest = writer.finish(source_format=..., ...)

    Leaving the block without `finish`, or by an error, leaves nothing behind.
    """

    def __init__(self, workspace: Workspace, drive_id: str, part_bytes: int = PART_BYTES) -> None:
        self.drive_id = drive_id
        self._target = workspace.drive(drive_id)
        self._tmp = workspace.tmp
        self._part_bytes = part_bytes
        self._stack = ExitStack()
        self._tables: dict[str, _TableParts] = {}
        self._sensors: set[str] = set()
        self._span_ns: tuple[int, int] | None = None
        self._finished = False

    def __enter__(self) -> Self:
        self._folder = self._stack.enter_context(atomic_folder(self._target, self._tmp))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self._tables.values():
            table.abandon()
        if error is None and not self._finished:
            error = ContractError(f"drive {self.drive_id} was left unfinished; call finish() before leaving the block")
            self._stack.__exit__(type(error), error, None)
            raise error
        self._stack.__exit__(kind, error, trace)

    def add_sweep(
        self,
        timestamp_ns: int,
        sensor: str,
        xyz_ego: NDArray[np.floating],
        intensity: NDArray[np.floating],
        ring: NDArray[np.integer] | None = None,
        offset_ns: NDArray[np.integer] | None = None,
        return_index: NDArray[np.integer] | None = None,
    ) -> None:
        """Writes one sweep as one row group.

        xyz_ego: (N, 3) metres, ego frame at `timestamp_ns`. intensity: (N,) 0..1. ring: -1 when not given.
        offset_ns: time of each point minus `timestamp_ns`, 0 when not given. return_index: 0 when not given.
        """
        rows = len(xyz_ego)
        constant = pa.array(np.zeros(rows, dtype=np.int16))
        columns = {
            "timestamp_ns": np.full(rows, timestamp_ns, dtype=np.int64),
            "sensor": pa.DictionaryArray.from_arrays(constant, pa.array([sensor])),
            **{name: np.ascontiguousarray(xyz_ego[:, i], dtype=np.float32) for i, name in enumerate(_XYZ)},
            "intensity": np.ascontiguousarray(intensity, dtype=np.float32),
            "ring": _or_constant(ring, rows, -1, np.int16),
            "offset_ns": _or_constant(offset_ns, rows, 0, np.int32),
            "return_index": _or_constant(return_index, rows, 0, np.uint8),
        }
        self._note([sensor], timestamp_ns, timestamp_ns)
        self._table("lidar").write(pa.table(columns, schema=stored_schema("lidar")))

    def add_rows(self, table: str, columns: Mapping[str, Any]) -> None:
        """Adds rows (column name -> sequence or array) to any table but lidar; written chunk by chunk.

        Raises ContractError when columns do not fit the table's contract.
        """
        schema = DRIVE_TABLES[table]
        if set(columns) != set(schema.names):
            raise ContractError(f"rows of {table}: columns {sorted(columns)}, the contract asks for {schema.names}")
        rows = pa.table({name: _as_array(columns[name], schema.field(name).type) for name in schema.names})
        if rows.num_rows == 0:
            return
        if "timestamp_ns" in schema.names and table != "objects":
            times = rows["timestamp_ns"].to_numpy()
            self._note([], int(times.min()), int(times.max()))
        if "sensor" in schema.names and table != "calibration":
            self._note(rows["sensor"].unique().to_pylist(), None, None)
        self._table(table).add(rows.cast(stored_schema(table)))

    def finish(
        self,
        source_format: str,
        source_sha256: str,
        quarantined: Mapping[str, int] | None = None,
        reference_lon_lat_deg: tuple[float, float] | None = None,
        motion_compensated: bool = False,
        warnings: tuple[str, ...] = (),
        fingerprint: str = "",
    ) -> DriveManifest:
        """Closes all tables, hashes them and writes the manifest; returns it."""
        files = [file for name in sorted(self._tables) for file in self._tables[name].close()]
        start_ns, end_ns = self._span_ns or (0, 0)
        manifest = DriveManifest(
            drive_id=self.drive_id,
            source_format=source_format,
            source_sha256=source_sha256,
            start_ns=start_ns,
            end_ns=end_ns,
            sensors=tuple(sorted(self._sensors)),
            files=tuple(files),
            quarantined=dict(sorted((quarantined or {}).items())),
            reference_lon_lat_deg=reference_lon_lat_deg,
            motion_compensated=motion_compensated,
            warnings=warnings,
            fingerprint=fingerprint,
        )
        (self._folder / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
        self._finished = True
        return manifest

    def _table(self, name: str) -> _TableParts:
        if name not in self._tables:
            self._tables[name] = _TableParts(name, self._folder, self._part_bytes)
        return self._tables[name]

    def _note(self, sensors: list[str], start_ns: int | None, end_ns: int | None) -> None:
        self._sensors.update(sensors)
        if start_ns is not None and end_ns is not None:
            low, high = self._span_ns or (start_ns, end_ns)
            self._span_ns = min(low, start_ns), max(high, end_ns)


_XYZ = ("x_m", "y_m", "z_m")


class _TableParts:
    """One table's files: buffers rows to chunks, starts a new part when one is full."""

    def __init__(self, name: str, folder: Path, part_bytes: int) -> None:
        self.name = name
        self._folder = folder
        self._part_bytes = part_bytes
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._sink: Any = None
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[int] = []

    def add(self, rows: pa.Table) -> None:
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        self._waiting_bytes += rows.nbytes
        if self._waiting_rows >= CHUNK_ROWS or self._waiting_bytes >= CHUNK_BYTES:
            self._write_waiting()

    def write(self, rows: pa.Table) -> None:
        """One row group."""
        if self._writer is None:
            self._open()
        assert self._writer is not None
        self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
        self._rows[-1] += rows.num_rows
        if self._sink.tell() >= self._part_bytes:
            self._close_part()

    def close(self) -> list[StoredFile]:
        """Writes what waits and returns the files, named by how many there are."""
        self._write_waiting()
        self._close_part()
        paths = [self._path(part) for part in range(len(self._rows))]
        if len(paths) == 1:
            paths = [paths[0].rename(self._folder / f"{self.name}.parquet")]
        return [
            StoredFile(path.name, sha256_of_file(path), path.stat().st_size, rows)
            for path, rows in zip(paths, self._rows)
        ]

    def abandon(self) -> None:
        """Closes what an error left open."""
        self._close_part()

    def _write_waiting(self) -> None:
        if self._waiting:
            waiting, self._waiting, self._waiting_rows, self._waiting_bytes = self._waiting, [], 0, 0
            self.write(pa.concat_tables(waiting).unify_dictionaries().combine_chunks())

    def _open(self) -> None:
        schema = stored_schema(self.name)
        names = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        encoding: dict[str, Any] = _LIDAR_ENCODING if self.name == "lidar" else {"use_dictionary": names}
        self._sink = pa.OSFile(str(self._path(len(self._rows))), "wb")
        self._writer = pq.ParquetWriter(
            self._sink,
            schema,
            write_statistics=["timestamp_ns", "sensor"],
            **_CODEC,
            **encoding,
        )
        self._rows.append(0)

    def _close_part(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._sink.close()
            self._writer = None

    def _path(self, part: int) -> Path:
        return self._folder / f"{self.name}-{part:04d}.parquet"


@cache
def stored_schema(table: str) -> pa.Schema:
    """The table's contract as it is written: lidar columns are declared free of nulls, which saves a fifth of the
    time to write them."""
    schema = DRIVE_TABLES[table]
    return pa.schema([field.with_nullable(False) for field in schema]) if table == "lidar" else schema


def _or_constant(values: NDArray[Any] | None, rows: int, constant: int, kind: Any) -> NDArray[Any]:
    return np.full(rows, constant, dtype=kind) if values is None else np.ascontiguousarray(values, dtype=kind)


def _as_array(values: Any, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, type=kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, type=kind)
