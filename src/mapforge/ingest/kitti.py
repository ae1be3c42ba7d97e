"""KITTI raw drives: text, float32 dumps and pictures in folders.

The ego frame is the IMU/GNSS frame (x forward, y left, z up) when calib_imu_to_velo.txt is there, so that oxts poses
are the car's; else the velodyne's. A sweep's time is when the scanner faced forward; it turns clockwise from behind
in one period and is not motion compensated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import LogError
from mapforge.geometry.se3 import SE3
from mapforge.ingest.calibration import calibration_columns
from mapforge.ingest.checks import require_calibration
from mapforge.ingest.kitti_oxts import OXTS_FIELDS, oxts_rows
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import RowsRecord, SweepRecord
from mapforge.ingest.ros_messages import encoded_image

LIDAR = "velodyne"
_RINGS = 64
_ELEVATION_DEG = (-24.9, 2.0)
_LARGEST_SWEEP_BYTES = 64 * 2**20
_PERIOD_NS = 100_000_000
_PLAUSIBLE_PERIOD_NS = (50_000_000, 250_000_000)


@dataclass(frozen=True)
class _Optics:
    intrinsics: tuple[float, float, float, float]
    distortion: tuple[float, ...]
    width_px: int
    height_px: int


class KittiReader:
    """One drive folder (`.../2011_09_26_drive_0001_sync`); calibration is looked for beside it.

    Raises LogError when a time file is damaged, DriveRefusedError when the calibration is wrong.
    """

    motion_compensated = False

    def __init__(self, path: Path, max_lever_m: float) -> None:
        self._path = path
        self._max_lever_m = max_lever_m
        self._lon_lat: tuple[float, float] | None = None

    def reference_lon_lat_deg(self) -> tuple[float, float] | None:
        """The first oxts position."""
        return self._lon_lat

    def records(self, quarantine: Quarantine) -> Iterator[SweepRecord | RowsRecord]:
        """See LogReader."""
        ego_SE3_velo = self._ego_SE3_velo(quarantine)
        yield RowsRecord("calibration", LIDAR, calibration_columns(LIDAR, "lidar", ego_SE3_velo))
        yield from self._oxts(quarantine)
        yield from self._sweeps(ego_SE3_velo, quarantine)
        cameras = self._cameras(ego_SE3_velo)
        for folder in sorted(self._path.glob("image_0[0-9]")):
            yield from self._pictures(folder, cameras, quarantine)

    def _ego_SE3_velo(self, quarantine: Quarantine) -> SE3:
        path = self._path.parent / "calib_imu_to_velo.txt"
        if not path.is_file():
            quarantine.note("no calib_imu_to_velo.txt beside the drive: the car's frame is the velodyne's")
            return SE3.identity()
        ego_SE3_velo = _transform(path).inverse()
        require_calibration(ego_SE3_velo, LIDAR, self._max_lever_m, str(path))
        return ego_SE3_velo

    def _sweeps(self, ego_SE3_velo: SE3, quarantine: Quarantine) -> Iterator[SweepRecord]:
        folder = self._path / "velodyne_points"
        files = _timed_files(folder, (".bin",), quarantine, "lidar")
        period_ns = _period_ns([time for _, time in files])
        for path, time in files:
            if path.stat().st_size > _LARGEST_SWEEP_BYTES:
                quarantine.add("lidar", "sweep: file is too large to be one")
                continue
            raw = np.fromfile(path, dtype="<f4")
            if len(raw) % 4:
                quarantine.add("lidar", "sweep: file is no whole number of points")
                continue
            xyz, intensity = _columns(raw.reshape(-1, 4))
            azimuth = np.arctan2(xyz[1], xyz[0])
            yield SweepRecord(
                timestamp_ns=time,
                sensor=LIDAR,
                xyz_sensor=xyz,
                ego_SE3_sensor=ego_SE3_velo,
                intensity=np.clip(intensity, 0.0, 1.0),
                ring=ring_of(azimuth, xyz),
                offset_ns=np.round(azimuth * (-period_ns / (2 * np.pi))).astype(np.int32),
            )

    def _oxts(self, quarantine: Quarantine) -> Iterator[RowsRecord]:
        folder = self._path / "oxts"
        if not folder.is_dir():
            return
        files = _timed_files(folder, (".txt",), quarantine, "gnss")
        values = np.full((len(files), OXTS_FIELDS), np.nan)
        for row, (path, _) in enumerate(files):
            numbers = _numbers(path.read_text(encoding="ascii", errors="replace").split())
            if len(numbers) >= OXTS_FIELDS:
                values[row] = numbers[:OXTS_FIELDS]
        whole = np.isfinite(values[:, :2]).all(axis=1)
        quarantine.add("gnss", "oxts file damaged", int((~whole).sum()))
        if whole.any():
            first = values[whole][0]
            self._lon_lat = (float(first[1]), float(first[0]))
            yield from oxts_rows(np.array([time for _, time in files], dtype=np.int64)[whole], values[whole])

    def _cameras(self, ego_SE3_velo: SE3) -> dict[str, tuple[SE3, _Optics]]:
        """Rectified cameras: P_rect = K [I | t] after R_rect_00, so a camera is the first one moved by -t."""
        files = self._path.parent / "calib_velo_to_cam.txt", self._path.parent / "calib_cam_to_cam.txt"
        if not all(path.is_file() for path in files):
            return {}
        rows = _rows(files[1])
        rectified_SE3_velo = SE3(_matrix(rows, "R_rect_00", 3, 3), np.zeros(3)) @ _transform(files[0])
        cameras = {}
        for number in (name.removeprefix("P_rect_") for name in sorted(rows) if name.startswith("P_rect_")):
            projection = _matrix(rows, f"P_rect_{number}", 3, 4)
            shift = np.linalg.solve(projection[:, :3], projection[:, 3]).astype(np.float64)
            cam_SE3_velo = SE3(np.eye(3), shift) @ rectified_SE3_velo
            width, height = (int(v) for v in _numbers(rows.get(f"S_rect_{number}", ["0", "0"])))
            fx, fy, cx, cy = projection[0, 0], projection[1, 1], projection[0, 2], projection[1, 2]
            optics = _Optics((float(fx), float(fy), float(cx), float(cy)), (), width, height)
            place = ego_SE3_velo @ cam_SE3_velo.inverse()
            require_calibration(place, f"image_{number}", self._max_lever_m, str(files[1]))
            cameras[f"image_{number}"] = (place, optics)
        return cameras

    def _pictures(
        self, folder: Path, cameras: dict[str, tuple[SE3, _Optics]], quarantine: Quarantine
    ) -> Iterator[RowsRecord]:
        files = _timed_files(folder, (".png", ".jpg", ".jpeg"), quarantine, "camera")
        sensor = folder.name.replace("image_", "cam_")
        if files and folder.name in cameras:
            place, optics = cameras[folder.name]
            yield RowsRecord("calibration", sensor, calibration_columns(sensor, "pinhole", place, optics))
        elif files:
            quarantine.note(f"no calibration for {folder.name}: its pictures cannot be placed")
        for path, time in files:
            try:
                row = {"timestamp_ns": time, "sensor": sensor, **encoded_image(path.read_bytes())}
            except LogError:
                quarantine.add("camera", "picture unreadable")
                continue
            yield RowsRecord("camera", sensor, {name: [value] for name, value in row.items()})


def ring_of(azimuth: NDArray[np.float32], xyz: NDArray[np.float32]) -> NDArray[np.int16]:
    """(N,) ring of each point, 0 the topmost.

    The dumps hold one ring after the other, each from straight ahead round to there again: a ring ends where the
    azimuth goes from negative to positive. Where that does not give about 64 rings (other scanner, other order), the
    elevation's bin is taken instead.
    """
    wraps = (azimuth[:-1] < 0) & (azimuth[1:] >= 0) & (azimuth[1:] - azimuth[:-1] < math.pi)
    ring = np.concatenate([[0], np.cumsum(wraps)])[: len(azimuth)]
    if len(ring) and _RINGS // 2 < ring[-1] <= _RINGS:
        return np.minimum(ring, _RINGS - 1).astype(np.int16)
    low, high = _ELEVATION_DEG
    elevation = np.degrees(np.arctan2(xyz[2], np.hypot(xyz[0], xyz[1])))
    return np.clip((high - elevation) / (high - low) * (_RINGS - 1) + 0.5, 0, _RINGS - 1).astype(np.int16)


def _columns(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    xyz = np.ascontiguousarray(points[:, :3].T)
    return xyz, np.nan_to_num(points[:, 3])


def _timed_files(folder: Path, suffixes: tuple[str, ...], quarantine: Quarantine, table: str) -> list[tuple[Path, int]]:
    """Files of `folder/data` named by their number, in order of it, with the time of that line of timestamps.txt.

    Where there are as many lines as files, the n-th line is the n-th file's, so that numbers may have gaps.
    """
    paths = [p for p in (folder / "data").glob("*") if p.suffix.lower() in suffixes]
    numbered = sorted((p for p in paths if p.stem.isdigit()), key=lambda p: int(p.stem))
    quarantine.add(table, "file not named by its number", len(paths) - len(numbered))
    times = folder / "timestamps.txt"
    if not times.is_file():
        raise LogError(f"{times} is missing: the drive's {table} has no times")
    lines = times.read_text(encoding="ascii", errors="replace").splitlines()
    lines_of = enumerate(numbered) if len(lines) == len(numbered) else ((int(p.stem), p) for p in numbered)
    found = [(path, _nanoseconds(lines[i], times)) for i, path in lines_of if i < len(lines) and lines[i].strip()]
    quarantine.add(table, "file without a line in timestamps.txt", len(numbered) - len(found))
    return found


def _nanoseconds(line: str, path: Path) -> int:
    """`2011-09-26 13:02:25.964389445`, taken as UTC."""
    try:
        whole, _, fraction = line.strip().partition(".")
        seconds = int(datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
        return seconds * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))
    except ValueError as error:
        raise LogError(f"{path}: '{line}' is no time") from error


def _period_ns(times: list[int]) -> float:
    """One turn of the scanner: the usual step between sweeps, 0.1 s where they are thinned out."""
    if len(times) < 2:
        return _PERIOD_NS
    step = float(np.median(np.diff(times)))
    low, high = _PLAUSIBLE_PERIOD_NS
    return step if low <= step <= high else _PERIOD_NS


def _rows(path: Path) -> dict[str, list[str]]:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    return {name.strip(): rest.split() for name, _, rest in (line.partition(":") for line in lines)}


def _transform(path: Path) -> SE3:
    """R and T of a calibration file."""
    rows = _rows(path)
    try:
        return SE3(_matrix(rows, "R", 3, 3), _matrix(rows, "T", 3, 1)[:, 0])
    except LogError as error:
        raise LogError(f"{path}: {error}") from error


def _matrix(rows: dict[str, list[str]], name: str, height: int, width: int) -> NDArray[np.float64]:
    numbers = _numbers(rows.get(name, []))
    if len(numbers) != height * width:
        raise LogError(f"row '{name}' holds {len(numbers)} numbers, not {height * width}")
    return np.array(numbers).reshape(height, width)


def _numbers(words: list[str]) -> list[float]:
    """The words as numbers, none when one is not."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return []
