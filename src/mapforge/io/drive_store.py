"""Reads a drive of the store: sweeps, frames and tables, touching only the row groups that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mapforge.errors import ContractError, MissingInputError
from mapforge.geometry.se3 import SE3
from mapforge.io.drive_frames import NOTE, TABLE, frames_are_removed, is_frame_file
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.parquet import MAX_TABLE_BYTES, least_bytes, reading
from mapforge.schemas.drive import DRIVE_TABLES, DriveManifest, StoredFile
from mapforge.schemas.table import check_table

MANIFEST_NAME = "manifest.json"
MIN_NS, MAX_NS = -(2**63), 2**63 - 1

MAX_GROUP_BYTES = 512 * 2**20
"""A row group that unpacks to more is refused."""
_REMEDY = "ingest the log again"
_QUATERNION, _TRANSLATION = ("qw", "qx", "qy", "qz"), ("tx_m", "ty_m", "tz_m")
_SWEEP_COLUMNS = ["x_m", "y_m", "z_m", "intensity", "ring", "offset_ns"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """One turn of one lidar.

    timestamp_ns: reference time. sensor: its name in `calibration()`.
    xyz_ego: (N, 3) float32, metres, ego frame at `timestamp_ns` (moving-car skew still in it unless the manifest
    says motion_compensated). intensity: (N,) float32, 0..1. ring: (N,) int16, -1 unknown.
    offset_ns: (N,) int32, time of each point minus `timestamp_ns`.
    """

    timestamp_ns: int
    sensor: str
    xyz_ego: NDArray[np.float32]
    intensity: NDArray[np.float32]
    ring: NDArray[np.int16]
    offset_ns: NDArray[np.int32]


@dataclass(frozen=True)
class CameraFrame:
    """One picture. image: the encoded bytes; encoding: jpeg or png."""

    timestamp_ns: int
    sensor: str
    image: bytes
    encoding: str
    width_px: int
    height_px: int


@dataclass(frozen=True)
class SensorCalibration:
    """Where a sensor sits and, of a camera, how it projects.

    ego_SE3_sensor: sensor frame to ego frame (cameras: x right, y down, z forward).
    intrinsics: fx, fy, cx, cy in pixels, empty for others. distortion: plumb-bob k1, k2, p1, p2, k3 (as many as given).
    model: pinhole, lidar, radar, gnss or imu. width_px, height_px: 0 for others than cameras.
    """

    ego_SE3_sensor: SE3
    intrinsics: tuple[float, ...]
    distortion: tuple[float, ...]
    model: str
    width_px: int
    height_px: int


@dataclass(frozen=True, eq=False)
class SweepIndex:
    """Every sweep of a drive in order of time (then sensor), from footers alone.

    timestamps_ns: (S,) int64. sensors: S names. rows: (S,) int64 points. parts, row_groups: (S,) where each lies.
    """

    timestamps_ns: NDArray[np.int64]
    sensors: tuple[str, ...]
    rows: NDArray[np.int64]
    parts: NDArray[np.int64]
    row_groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.timestamps_ns)


@dataclass(frozen=True)
class _RowGroup:
    """A row group and what its footer says of it."""

    part: int
    index: int
    start_ns: int
    end_ns: int
    sensor: str
    rows: int


class DriveReader:
    """One drive folder (`workspace.drive(drive_id)`).

    Raises MissingInputError when there is no manifest, ContractError when manifest or tables do not fit the contract.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, list[pq.ParquetFile]] = {}
        self._groups: dict[str, list[_RowGroup]] = {}

    @cached_property
    def manifest(self) -> DriveManifest:
        path = self.folder / MANIFEST_NAME
        if not path.exists():
            raise MissingInputError(f"{path} is missing: there is no such drive; ingest its log")
        return DriveManifest.from_json(path.read_bytes(), str(path))

    def files_kept(self) -> list[StoredFile]:
        """Files of the manifest, less camera frames that were removed on purpose."""
        without = frames_are_removed(self.folder)
        return [stored for stored in self.manifest.files if not (without and is_frame_file(stored.name))]

    def verify(self, full: bool = False) -> None:
        """Raises ContractError when a file's size (with `full`: its sha256) is not what the manifest says."""
        for stored in self.files_kept():
            path = self.folder / stored.name
            if not path.exists() or path.stat().st_size != stored.size_bytes:
                raise ContractError(f"{path} is missing or not {stored.size_bytes} bytes long; ingest the log again")
            if full and sha256_of_file(path) != stored.sha256:
                raise ContractError(f"{path} is not what its manifest hashed ({stored.sha256[:12]}); ingest again")

    def table(self, name: str, start_ns: int = MIN_NS, end_ns: int = MAX_NS) -> pa.Table:
        """Rows of a table in [start_ns, end_ns], in order of time; empty with the right columns when it has none."""
        schema = DRIVE_TABLES[name]
        groups = [g for g in self._row_groups(name) if g.start_ns <= end_ns and g.end_ns >= start_ns]
        if least_bytes(schema, sum(g.rows for g in groups)) > MAX_TABLE_BYTES:
            raise ContractError(f"table {name} of {self.folder} is too large to read at once; read a window of it")
        with reading(self.folder / f"{name}.parquet", _REMEDY):
            pieces = [self._parts(name)[g.part].read_row_group(g.index, use_threads=False) for g in groups]
            if not pieces:
                return schema.empty_table()
            table = pa.concat_tables(pieces).replace_schema_metadata(None).unify_dictionaries().cast(schema)
        if "timestamp_ns" in schema.names and table["timestamp_ns"].null_count:
            raise ContractError(f"table {name} of {self.folder} has rows without a time; {_REMEDY}")
        return table if "timestamp_ns" not in schema.names else _in_window(table, start_ns, end_ns)

    @cached_property
    def _index(self) -> SweepIndex:
        groups = sorted(self._row_groups("lidar"), key=lambda g: (g.start_ns, g.sensor))
        columns = np.array([(g.start_ns, g.rows, g.part, g.index) for g in groups], dtype=np.int64).reshape(-1, 4)
        return SweepIndex(columns[:, 0], tuple(g.sensor for g in groups), columns[:, 1], columns[:, 2], columns[:, 3])

    def sweep_index(self) -> SweepIndex:
        """All sweeps, read from the footers' statistics only."""
        return self._index

    def sweep(self, i: int) -> Sweep:
        """Sweep `i` of `sweep_index()`; reads that row group and the needed columns only."""
        index = self._index
        part = self._parts("lidar")[int(index.parts[i])]
        with reading(self.folder / "lidar.parquet", _REMEDY):
            table = part.read_row_group(int(index.row_groups[i]), columns=_SWEEP_COLUMNS, use_threads=False)
        if any(table[name].null_count for name in _SWEEP_COLUMNS):
            raise ContractError(f"sweep {i} of {self.folder} has empty values; {_REMEDY}")
        x, y, z, intensity, ring, offset = (table[name].to_numpy() for name in _SWEEP_COLUMNS)
        xyz = np.empty((table.num_rows, 3), dtype=np.float32)
        xyz[:, 0], xyz[:, 1], xyz[:, 2] = x, y, z
        return Sweep(int(index.timestamps_ns[i]), index.sensors[i], xyz, intensity, ring, offset)

    def sweeps(self, start_ns: int = MIN_NS, end_ns: int = MAX_NS, sensor: str | None = None) -> Iterator[Sweep]:
        """Sweeps with timestamp in [start_ns, end_ns], in order of time; of one sensor when named."""
        times = self._index.timestamps_ns
        first, last = np.searchsorted(times, start_ns), np.searchsorted(times, end_ns, side="right")
        for i in range(int(first), int(last)):
            if sensor is None or self._index.sensors[i] == sensor:
                yield self.sweep(i)

    def camera_frames(
        self, start_ns: int = MIN_NS, end_ns: int = MAX_NS, sensor: str | None = None
    ) -> Iterator[CameraFrame]:
        """Frames with timestamp in [start_ns, end_ns], chunk by chunk in order of time within a sensor."""
        for group in self._row_groups("camera"):
            if group.start_ns > end_ns or group.end_ns < start_ns:
                continue
            with reading(self.folder / "camera.parquet", _REMEDY):
                table = self._parts("camera")[group.part].read_row_group(group.index, use_threads=False)
            if any(table[name].null_count for name in table.column_names):
                raise ContractError(f"a camera frame of {self.folder} has empty values; {_REMEDY}")
            for row in range(table.num_rows):
                frame = _frame(table, row)
                if start_ns <= frame.timestamp_ns <= end_ns and sensor in (None, frame.sensor):
                    yield frame

    def calibration(self) -> dict[str, SensorCalibration]:
        """By sensor name; a sensor without a row was not calibrated in the log."""
        rows = self.table("calibration").to_pylist()
        try:
            return {str(row["sensor"]): _calibration(row) for row in rows}
        except (TypeError, ValueError) as error:
            raise ContractError(f"the calibration of {self.folder} is damaged: {error}; {_REMEDY}") from error

    def _parts(self, name: str) -> list[pq.ParquetFile]:
        """The table's files, opened once and checked against the contract."""
        if name not in self._files:
            if name == TABLE and frames_are_removed(self.folder):
                raise MissingInputError(
                    f"the camera frames of {self.folder} were removed once they had been used "
                    f"(ingest.privacy.keep_frames is false); to make rasters or signs anew delete {NOTE} there and run "
                    "again with the drive's log"
                )
            names = [
                f.name for f in self.manifest.files if f.name == f"{name}.parquet" or f.name.startswith(f"{name}-")
            ]
            self._files[name] = [_open(self.folder / part, DRIVE_TABLES[name]) for part in sorted(names)]
        return self._files[name]

    def _row_groups(self, name: str) -> list[_RowGroup]:
        if name not in self._groups:
            self._groups[name] = [
                _row_group(part, file.metadata.row_group(i), i)
                for part, file in enumerate(self._parts(name))
                for i in range(file.num_row_groups)
            ]
        return self._groups[name]


def _open(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    if not path.exists():
        raise MissingInputError(f"{path} is missing although its manifest names it; ingest the log again")
    with reading(path, _REMEDY):
        file = pq.ParquetFile(path)
    check_table(file.schema_arrow.empty_table().replace_schema_metadata(None), schema, str(path))
    groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
    if any(max(g.total_byte_size, least_bytes(schema, g.num_rows)) > MAX_GROUP_BYTES for g in groups):
        raise ContractError(f"{path} has row groups larger than {MAX_GROUP_BYTES >> 20} MB; {_REMEDY}")
    return file


def _row_group(part: int, metadata: pq.RowGroupMetaData, index: int) -> _RowGroup:
    """What the statistics of the first two columns say; a table without time counts as timeless."""
    columns = {metadata.column(i).path_in_schema: metadata.column(i).statistics for i in (0, 1)}
    time, sensor = columns.get("timestamp_ns"), columns.get("sensor")
    span = (int(time.min), int(time.max)) if time is not None and time.has_min_max else (MIN_NS, MAX_NS)
    name = str(sensor.min) if sensor is not None and sensor.has_min_max else ""
    return _RowGroup(part, index, *span, name, metadata.num_rows)


def _in_window(table: pa.Table, start_ns: int, end_ns: int) -> pa.Table:
    times = table["timestamp_ns"].to_numpy()
    inside = (times >= start_ns) & (times <= end_ns)
    if not inside.all():
        table, times = table.filter(pa.array(inside)), times[inside]
    if np.any(np.diff(times) < 0):
        table = table.take(np.argsort(times, kind="stable"))
    return table


def _calibration(row: dict[str, Any]) -> SensorCalibration:
    """Raises TypeError or ValueError on a row that is none."""
    wxyz, translation_m = ([float(row[name]) for name in names] for names in (_QUATERNION, _TRANSLATION))
    return SensorCalibration(
        SE3.from_quaternion(np.array(wxyz), np.array(translation_m)),
        tuple(row["intrinsics"] or ()),
        tuple(row["distortion"] or ()),
        row["model"],
        row["width_px"] or 0,
        row["height_px"] or 0,
    )


def _frame(table: pa.Table, row: int) -> CameraFrame:
    values = {name: table[name][row].as_py() for name in table.schema.names}
    return CameraFrame(**values)
