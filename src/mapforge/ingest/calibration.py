"""Rows of the calibration table."""

from __future__ import annotations

from typing import Any, Protocol

from mapforge.geometry.se3 import SE3


class Optics(Protocol):
    """What a camera's row needs beyond its place."""

    @property
    def intrinsics(self) -> tuple[float, float, float, float]: ...
    @property
    def distortion(self) -> tuple[float, ...]: ...
    @property
    def width_px(self) -> int: ...
    @property
    def height_px(self) -> int: ...


def calibration_columns(sensor: str, model: str, ego_SE3_sensor: SE3, optics: Optics | None = None) -> dict[str, Any]:
    """One row. model: pinhole, lidar, radar, gnss or imu."""
    return {
        "sensor": [sensor],
        **{name: [float(v)] for name, v in zip(("tx_m", "ty_m", "tz_m"), ego_SE3_sensor.translation_m)},
        **{name: [float(v)] for name, v in zip(("qw", "qx", "qy", "qz"), ego_SE3_sensor.quaternion_wxyz())},
        "intrinsics": [list(optics.intrinsics) if optics else []],
        "distortion": [list(optics.distortion) if optics else []],
        "model": [model],
        "width_px": [optics.width_px if optics else 0],
        "height_px": [optics.height_px if optics else 0],
    }
