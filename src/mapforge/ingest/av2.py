"""Argoverse 2 sensor logs: feather tables and JPEGs in folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mapforge.errors import ConfigurationError, DriveRefusedError, LogError
from mapforge.geometry.av2_cities import CITY_ORIGINS_LAT_LON_DEG, city_in_name
from mapforge.geometry.crs import projected_to_wgs84, utm_epsg, wgs84_to_projected
from mapforge.geometry.se3 import SE3
from mapforge.ingest.calibration import calibration_columns
from mapforge.ingest.checks import require_calibration, rotation_from_quaternion
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import RowsRecord, SweepRecord
from mapforge.ingest.ros_messages import encoded_image

LIDAR = "lidar"
_LIDAR_UNIT = "up_lidar"
_QUATERNION, _TRANSLATION = ("qw", "qx", "qy", "qz"), ("tx_m", "ty_m", "tz_m")
_CHUNK = 65536
_LARGEST_BYTES = 2**31
_POSE = dict.fromkeys((*_QUATERNION, *_TRANSLATION), pa.float64())
_SWEEP = {
    **dict.fromkeys(("x", "y", "z", "intensity"), pa.float32()),
    "laser_number": pa.int16(),
    "offset_ns": pa.int32(),
}


@dataclass(frozen=True)
class _Optics:
    intrinsics: tuple[float, float, float, float]
    distortion: tuple[float, ...]
    width_px: int
    height_px: int


class Av2Reader:
    """One log folder.

    city: used when no map file of the log names one. Raises ConfigurationError when neither does.
    """

    motion_compensated = True

    def __init__(self, path: Path, city: str | None, max_lever_m: float) -> None:
        self._path = path
        self._max_lever_m = max_lever_m
        lat, lon = CITY_ORIGINS_LAT_LON_DEG[_city(path, city)]
        self.epsg = utm_epsg(lon, lat)
        self._origin_m = wgs84_to_projected(self.epsg, np.array([[lon, lat, 0.0]]))[0]
        self._lon_lat = (lon, lat)

    def reference_lon_lat_deg(self) -> tuple[float, float] | None:
        """Where the car was first."""
        return self._lon_lat

    def records(self, quarantine: Quarantine) -> Iterator[SweepRecord | RowsRecord]:
        """See LogReader. Sweeps are in the ego frame and motion compensated already."""
        yield from self._poses()
        yield from self._calibration(quarantine)
        for path in _stamped(self._path / "sensors" / "lidar", ".feather", quarantine, "lidar"):
            sweep = _sweep(path, quarantine)
            if sweep is not None:
                yield sweep
        for folder in sorted(p for p in (self._path / "sensors" / "cameras").glob("*") if p.is_dir()):
            yield from _pictures(folder, quarantine)
        yield from self._objects()

    def _poses(self) -> Iterator[RowsRecord]:
        """City poses in absolute UTM; the city's axes are UTM's."""
        table = _read(self._path / "city_SE3_egovehicle.feather", {"timestamp_ns": pa.int64(), **_POSE})
        table = table.sort_by("timestamp_ns")
        columns: dict[str, Any] = {name: table[name].to_numpy() for name in table.column_names}
        columns["tx_m"] = columns["tx_m"] + self._origin_m[0]
        columns["ty_m"] = columns["ty_m"] + self._origin_m[1]
        if len(table):
            first = np.array([[columns["tx_m"][0], columns["ty_m"][0], 0.0]])
            lon, lat, _ = projected_to_wgs84(self.epsg, first)[0]
            self._lon_lat = (float(lon), float(lat))
        for start in range(0, len(table), _CHUNK):
            piece = {name: values[start : start + _CHUNK] for name, values in columns.items()}
            rows = len(piece["tx_m"])
            constant = {"frame": [f"EPSG:{self.epsg}"] * rows, "source": ["dataset"] * rows}
            yield RowsRecord("poses", "dataset", {**piece, **constant})

    def _calibration(self, quarantine: Quarantine) -> Iterator[RowsRecord]:
        """The lidar is two units turned against each other, stored as one sensor placed where the upper one is."""
        folder = self._path / "calibration"
        if not (folder / "egovehicle_SE3_sensor.feather").is_file():
            quarantine.note("the log has no calibration: its lidar is taken to be at the car's origin")
            return
        optics = _optics(folder / "intrinsics.feather")
        table = _read(folder / "egovehicle_SE3_sensor.feather", {"sensor_name": pa.string(), **_POSE})
        for row in sorted(table.to_pylist(), key=lambda row: row["sensor_name"]):
            name = row["sensor_name"]
            try:
                place = self._place(row)
            except DriveRefusedError as error:
                quarantine.add("calibration", f"sensor {name}")
                quarantine.note(str(error))
                continue
            model = "lidar" if "lidar" in name else "pinhole"
            if name == _LIDAR_UNIT:
                yield RowsRecord("calibration", LIDAR, calibration_columns(LIDAR, "lidar", place))
            yield RowsRecord("calibration", name, calibration_columns(name, model, place, optics.get(name)))

    def _place(self, row: dict[str, Any]) -> SE3:
        where = f"{self._path.name}: sensor '{row['sensor_name']}'"
        wxyz = np.array([row[name] for name in _QUATERNION])
        place = rotation_from_quaternion(wxyz, np.array([row[name] for name in _TRANSLATION]), where)
        require_calibration(place, row["sensor_name"], self._max_lever_m, self._path.name)
        return place

    def _objects(self) -> Iterator[RowsRecord]:
        path = self._path / "annotations.feather"
        if not path.is_file():
            return
        sizes = ("length_m", "width_m", "height_m")
        names = {"track_uuid": pa.string(), "category": pa.string()}
        wanted = {"timestamp_ns": pa.int64(), **names, **_POSE, **dict.fromkeys(sizes, pa.float64())}
        table = _read(path, wanted).sort_by("timestamp_ns").rename_columns({"track_uuid": "track_id"})
        for start in range(0, len(table), _CHUNK):
            piece = table.slice(start, _CHUNK)
            yield RowsRecord("objects", "objects", {n: piece[n].to_numpy() for n in piece.column_names})


def _city(path: Path, configured: str | None) -> str:
    """The city in the names of the log's map files, else the configured one."""
    names = sorted(p.name for p in (path / "map").glob("*")) if (path / "map").is_dir() else []
    found = {city for city in (city_in_name(name) for name in names) if city}
    if len(found) > 1:
        raise LogError(f"{path / 'map'} names several cities ({', '.join(sorted(found))}); keep one log's maps")
    city = next(iter(found), (configured or "").upper())
    if city not in CITY_ORIGINS_LAT_LON_DEG:
        given = f"region.city={configured} is none of them" if configured else "set region.city"
        raise ConfigurationError(
            f"{path}: no map file names the log's city; {given}: one of {', '.join(sorted(CITY_ORIGINS_LAT_LON_DEG))}"
        )
    return city


def _sweep(path: Path, quarantine: Quarantine) -> SweepRecord | None:
    try:
        table = _read(path, _SWEEP)
    except LogError as error:
        quarantine.add("lidar", "sweep file unreadable")
        quarantine.note(str(error))
        return None
    xyz = np.empty((3, len(table)), dtype=np.float32)
    for row, name in enumerate("xyz"):
        xyz[row] = table[name].to_numpy()
    return SweepRecord(
        timestamp_ns=int(path.stem),
        sensor=LIDAR,
        xyz_sensor=xyz,
        ego_SE3_sensor=None,
        intensity=table["intensity"].to_numpy() * np.float32(1 / 255),
        ring=table["laser_number"].to_numpy(),
        offset_ns=table["offset_ns"].to_numpy(),
    )


def _pictures(folder: Path, quarantine: Quarantine) -> Iterator[RowsRecord]:
    for path in _stamped(folder, ".jpg", quarantine, "camera"):
        try:
            row = {"timestamp_ns": int(path.stem), "sensor": folder.name, **encoded_image(path.read_bytes())}
        except LogError:
            quarantine.add("camera", "picture unreadable")
            continue
        yield RowsRecord("camera", folder.name, {name: [value] for name, value in row.items()})


def _stamped(folder: Path, suffix: str, quarantine: Quarantine, table: str) -> list[Path]:
    """Files named by their time, in order of time."""
    paths = [p for p in folder.glob(f"*{suffix}") if p.is_file()]
    good = [p for p in paths if p.stem.isdigit()]
    quarantine.add(table, "file not named by its time", len(paths) - len(good))
    return sorted(good, key=lambda p: int(p.stem))


def _optics(path: Path) -> dict[str, _Optics]:
    if not path.is_file():
        return {}
    numbers = dict.fromkeys(("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "k3"), pa.float64())
    names = {"sensor_name": pa.string(), **numbers, "width_px": pa.int32(), "height_px": pa.int32()}
    return {
        row["sensor_name"]: _Optics(
            (row["fx_px"], row["fy_px"], row["cx_px"], row["cy_px"]),
            (row["k1"], row["k2"], 0.0, 0.0, row["k3"]),
            row["width_px"],
            row["height_px"],
        )
        for row in _read(path, names).to_pylist()
    }


def _read(path: Path, columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Columns of a feather file, of these types. Raises LogError when it is damaged, or lacks one or its values."""
    if path.stat().st_size > _LARGEST_BYTES:
        raise LogError(f"{path} is larger than {_LARGEST_BYTES >> 20} MB: it is not an AV2 file of this kind")
    try:
        with pa.memory_map(str(path)) as source:
            stored = pa.ipc.open_file(source)
            missing = [name for name in columns if name not in stored.schema.names]
            if missing:
                raise LogError(f"{path} has no column {', '.join(missing)}; it is not an AV2 file of this kind")
            table = stored.read_all().select(list(columns)).cast(pa.schema(list(columns.items())))
            table.validate(full=True)
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        raise LogError(f"{path} cannot be read as feather: {str(error)[:300]}") from error
    empty = [name for name in columns if table[name].null_count]
    if empty:
        raise LogError(f"{path} has empty values in {', '.join(empty)}")
    return table
