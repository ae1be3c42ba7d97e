"""Which rows may enter the store: finite, in range, in order of time, once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import DriveRefusedError
from mapforge.geometry.se3 import SE3
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import RowsRecord, SweepRecord

LATEST_NS = 4_102_444_800_000_000_000
"""1 January 2100: a later time stamp is garbage."""

_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "imu": {
        **dict.fromkeys(("ax_mps2", "ay_mps2", "az_mps2"), (-500.0, 500.0)),
        **dict.fromkeys(("gx_radps", "gy_radps", "gz_radps"), (-50.0, 50.0)),
    },
    "gnss": {"lat_deg": (-90.0, 90.0), "lon_deg": (-180.0, 180.0), "height_m": (-1000.0, 10000.0)},
    "vehicle": {
        "speed_mps": (-100.0, 100.0),
        "steering_angle_rad": (-15.0, 15.0),
        "yaw_rate_radps": (-10.0, 10.0),
        **{f"wheel_{wheel}_mps": (-100.0, 100.0) for wheel in ("fl", "fr", "rl", "rr")},
    },
    "radar": {
        **dict.fromkeys(("x_m", "y_m", "z_m"), (-1000.0, 1000.0)),
        "radial_velocity_mps": (-200.0, 200.0),
    },
    "poses": dict.fromkeys(("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz"), (-100000000.0, 100000000.0)),
    "objects": dict.fromkeys(("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz"), (-10000.0, 10000.0)),
}
_MAY_BE_NAN = {"vehicle"}
_SEVERAL_ROWS_A_TIME = {"radar", "objects"}


class OrderGuard:
    """Lets the rows of one stream pass while their time rises.

    A jump by more than `max_jump_ns` is held to be a damaged stamp until the next row confirms it, so that one bad
    stamp costs one row and not the rest of the drive; a true gap in the log costs its first row.
    """

    def __init__(self, max_jump_ns: int) -> None:
        self._max_jump_ns = max_jump_ns
        self._last_ns: int | None = None
        self._jumped_to_ns: int | None = None

    def verdict(self, timestamp_ns: int, may_repeat: bool = False) -> str:
        """Empty when the row may pass, else the reason why not."""
        if not 0 <= timestamp_ns < LATEST_NS:
            return "time out of range"
        last = self._last_ns
        if last is not None:
            if timestamp_ns == last:
                return "" if may_repeat else "duplicate time"
            if timestamp_ns < last:
                return "time goes backwards"
            if timestamp_ns - last > self._max_jump_ns and not self._confirms_jump(timestamp_ns):
                self._jumped_to_ns = timestamp_ns
                return "time jumps"
        self._last_ns, self._jumped_to_ns = timestamp_ns, None
        return ""

    def _confirms_jump(self, timestamp_ns: int) -> bool:
        return self._jumped_to_ns is not None and 0 < timestamp_ns - self._jumped_to_ns <= self._max_jump_ns


class Checks:
    """Applies all checks to a drive's records, in the order they come."""

    def __init__(
        self,
        quarantine: Quarantine,
        min_range_m: float,
        max_range_m: float,
        min_points_per_sweep: int,
        max_time_jump_s: float,
    ) -> None:
        self._quarantine = quarantine
        self._range_squared = min_range_m**2, max_range_m**2
        self._min_points = min_points_per_sweep
        self._max_jump_ns = int(max_time_jump_s * 1e9)
        self._guards: dict[tuple[str, str], OrderGuard] = {}

    def sweep(self, record: SweepRecord) -> dict[str, Any] | None:
        """The arguments of `DriveWriter.add_sweep`, good points only, ego frame; None for a bad sweep."""
        verdict = self._guard("lidar", record.sensor).verdict(record.timestamp_ns)
        if verdict:
            self._quarantine.add("lidar", f"sweep: {verdict}")
            return None
        columns = self._good_points(record)
        if columns["xyz"].shape[1] < self._min_points:
            self._quarantine.add("lidar", f"sweep: fewer than {self._min_points} good points")
            return None
        xyz = columns.pop("xyz")
        return {
            "timestamp_ns": record.timestamp_ns,
            "sensor": record.sensor,
            "xyz_ego": _to_ego(xyz, record.ego_SE3_sensor).T,
            **columns,
        }

    def rows(self, record: RowsRecord) -> dict[str, Any]:
        """The record's columns with good rows only."""
        good = np.ones(record.rows, dtype=bool)
        if "timestamp_ns" in record.columns:
            good &= self._in_order(record)
        good = self._in_range(record, good)
        if good.all():
            return record.columns
        kept = np.flatnonzero(good)
        return {name: _take(values, kept) for name, values in record.columns.items()}

    def _good_points(self, record: SweepRecord) -> dict[str, Any]:
        xyz = record.xyz_sensor
        low, high = self._range_squared
        squared = np.einsum("ij,ij->j", xyz, xyz)
        good = (squared >= low) & (squared <= high)
        optional = {"ring": record.ring, "offset_ns": record.offset_ns, "return_index": record.return_index}
        columns = {"xyz": xyz, "intensity": record.intensity, **optional}
        if good.all():
            return columns
        self._quarantine.add("lidar", "NaN or infinite point", int((~np.isfinite(squared)).sum()))
        self._quarantine.add("lidar", "point nearer than the minimum range", int((squared < low).sum()))
        self._quarantine.add("lidar", "point out of range", int(((squared > high) & np.isfinite(squared)).sum()))
        return {name: None if value is None else value[..., good] for name, value in columns.items()}

    def _in_order(self, record: RowsRecord) -> NDArray[np.bool_]:
        guard = self._guard(record.table, record.stream)
        repeat = record.table in _SEVERAL_ROWS_A_TIME
        verdicts = [guard.verdict(int(time), repeat) for time in record.columns["timestamp_ns"]]
        for verdict in verdicts:
            if verdict:
                self._quarantine.add(record.table, verdict)
        return np.array([not verdict for verdict in verdicts], dtype=bool)

    def _in_range(self, record: RowsRecord, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Only rows still `good` are judged, so that each bad row is counted once."""
        for name, (low, high) in _RANGES.get(record.table, {}).items():
            values = np.asarray(record.columns[name], dtype=np.float64)
            nan = np.isnan(values) & good
            if record.table not in _MAY_BE_NAN:
                self._quarantine.add(record.table, "NaN", int(nan.sum()))
                good = good & ~nan
            out = ((values < low) | (values > high)) & good
            self._quarantine.add(record.table, f"{name} out of range", int(out.sum()))
            good = good & ~out
        if record.table == "gnss":
            good = self._on_earth(record, good)
        if record.table in ("poses", "objects"):
            good = self._rotations(record, good)
        return good

    def _on_earth(self, record: RowsRecord, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Receivers without a fix report 0, 0."""
        zero = (np.asarray(record.columns["lat_deg"]) == 0) & (np.asarray(record.columns["lon_deg"]) == 0) & good
        self._quarantine.add("gnss", "position 0, 0", int(zero.sum()))
        return good & ~zero

    def _rotations(self, record: RowsRecord, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
        wxyz = np.stack([np.asarray(record.columns[name], dtype=np.float64) for name in ("qw", "qx", "qy", "qz")])
        bad = good & ~(np.abs(np.linalg.norm(wxyz, axis=0) - 1.0) < 0.01)
        self._quarantine.add(record.table, "quaternion of wrong length", int(bad.sum()))
        return good & ~bad

    def _guard(self, table: str, stream: str) -> OrderGuard:
        return self._guards.setdefault((table, stream), OrderGuard(self._max_jump_ns))


def require_calibration(ego_SE3_sensor: SE3, sensor: str, max_lever_m: float, where: str) -> None:
    """Raises DriveRefusedError when a transform cannot be a sensor's place on a car, naming sensor and value."""
    rotation, lever = ego_SE3_sensor.rotation, ego_SE3_sensor.translation_m
    if not (np.isfinite(rotation).all() and np.isfinite(lever).all()):
        raise DriveRefusedError(f"{where}: calibration of '{sensor}' is not finite; correct it in the log")
    error = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
    if error > 1e-3 or np.linalg.det(rotation) < 0:
        raise DriveRefusedError(
            f"{where}: calibration of '{sensor}' is no rotation (off by {error:.3g}, "
            f"determinant {np.linalg.det(rotation):.3g}); correct it in the log"
        )
    distance = float(np.linalg.norm(lever))
    if distance > max_lever_m:
        raise DriveRefusedError(
            f"{where}: calibration puts '{sensor}' {distance:.1f} m from the car's origin (limit ingest.max_lever_m = "
            f"{max_lever_m} m); correct it in the log or raise the limit"
        )


def rotation_from_quaternion(wxyz: NDArray[np.float64], translation_m: NDArray[np.float64], where: str) -> SE3:
    """A transform from a logged quaternion. Raises DriveRefusedError when its length is not 1."""
    norm = float(np.linalg.norm(wxyz))
    if not abs(norm - 1.0) < 0.01:
        raise DriveRefusedError(f"{where}: quaternion {np.round(wxyz, 4).tolist()} has length {norm:.4g}, not 1")
    return SE3.from_quaternion(wxyz, translation_m)


def _to_ego(xyz_sensor: NDArray[np.float32], ego_SE3_sensor: SE3 | None) -> NDArray[np.float32]:
    if ego_SE3_sensor is None:
        return xyz_sensor
    moved = ego_SE3_sensor.rotation.astype(np.float32) @ xyz_sensor
    moved += ego_SE3_sensor.translation_m.astype(np.float32)[:, None]
    return moved


def _take(values: Any, kept: NDArray[np.int64]) -> Any:
    return values[kept] if isinstance(values, np.ndarray) else [values[i] for i in kept]
