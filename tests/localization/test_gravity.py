"""Up from an accelerometer in a car that brakes, and from the belief in level roads."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.localization.gravity import up_directions
from mapforge.localization.odometry import OdometryPath
from mapforge.schemas.drive import IMU

PITCH_RAD = 0.05


def _path() -> OdometryPath:
    """Ten seconds, from rest at 2 m/s^2, in a frame level with the road."""
    seconds = np.arange(0, 10.0, 0.1)
    pose = np.tile(np.eye(4), (len(seconds), 1, 1))
    pose[:, 0, 3] = seconds**2
    return OdometryPath(np.round(seconds * 1e9).astype(np.int64), pose, np.zeros(len(seconds), bool), "lidar")


def _imu() -> object:
    """The road climbs: up leans back by PITCH_RAD; the car accelerates at 2 m/s^2."""
    times = np.arange(0, 10 * 10**9, 10**7)
    zero = np.zeros(len(times))
    force = 9.81 * np.sin(PITCH_RAD) + 2.0 + zero, zero, 9.81 * np.cos(PITCH_RAD) + zero
    return IMU.empty_table().from_arrays([times, *force, zero, zero, zero], schema=IMU)


def test_acceleration_of_the_car_is_taken_out() -> None:
    up = up_directions(_path(), _imu(), np.eye(3), 0.03, 0.05, 10.0)
    inner = up.up_ego[1:-1]
    assert len(up.nodes) >= 8 and up.sigma_rad == 0.03
    assert np.arctan2(inner[:, 0], inner[:, 2]) == pytest.approx(PITCH_RAD, abs=0.01)


def test_mounting_of_the_imu_is_taken_out() -> None:
    swapped = _imu().select([0, 2, 1, 3, 4, 5, 6]).rename_columns(IMU.names)  # its x is the ego's y
    ego_R_imu = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    up = up_directions(_path(), swapped, ego_R_imu, 0.03, 0.05, 10.0)
    assert np.arctan2(up.up_ego[2, 0], up.up_ego[2, 2]) == pytest.approx(PITCH_RAD, abs=0.01)


def test_without_imu_roads_are_level() -> None:
    up = up_directions(_path(), IMU.empty_table(), np.eye(3), 0.03, 0.05, 10.0)
    assert up.sigma_rad == 0.05 and np.all(up.up_ego == (0.0, 0.0, 1.0))
    assert len(up.nodes) == 10
