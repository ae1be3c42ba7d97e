"""The car's own odometry, and poses between poses."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.transform import Rotation

from mapforge.localization.inertial import turn_rates
from mapforge.localization.log_poses import faults_of_poses
from mapforge.localization.odometry import path_of_poses, path_of_wheels
from mapforge.localization.resampling import trajectory_of
from mapforge.schemas.drive import IMU, POSES, VEHICLE

SECOND = 10**9


def _vehicle(speed_mps: float, yaw_rate_radps: float) -> pa.Table:
    times = np.arange(0, 10 * SECOND + 1, SECOND // 50)
    columns = {name: np.full(len(times), np.nan) for name in VEHICLE.names[1:]}
    columns |= {"speed_mps": np.full(len(times), speed_mps), "yaw_rate_radps": np.full(len(times), yaw_rate_radps)}
    return pa.table({"timestamp_ns": times, **columns}, schema=VEHICLE)


def test_wheels_drive_a_circle() -> None:
    vehicle = _vehicle(10.0, 2 * np.pi / 10)
    path = path_of_wheels(vehicle, turn_rates(IMU.empty_table(), vehicle, np.eye(3), 2.8))
    assert path is not None
    assert np.linalg.norm(path.pose[-1, :3, 3]) < 0.05
    assert path.length_m == pytest.approx(100.0, abs=0.1)
    assert path_of_wheels(VEHICLE.empty_table(), None) is None


def test_local_poses_are_a_path_and_georeferenced_ones_are_not() -> None:
    row = {"tx_m": [0.0, 1.0], "ty_m": [0.0, 0.0], "tz_m": [0.0, 0.0], "qw": [1.0, 1.0]}
    zeros = {name: [0.0, 0.0] for name in ("qx", "qy", "qz")}
    for frame, known in (("local", True), ("EPSG:32632", False)):
        names = {"frame": [frame] * 2, "source": ["odometry"] * 2}
        table = pa.table({"timestamp_ns": [0, SECOND], **row, **zeros}).cast(pa.schema(list(POSES)[:8]))
        for name, values in names.items():
            table = table.append_column(
                POSES.field(name), pa.array(values).dictionary_encode().cast(POSES.field(name).type)
            )
        assert (path_of_poses(table) is not None) is known


def test_splines_pass_through_the_poses_and_go_on_beyond_them() -> None:
    seconds = np.arange(0, 3.0, 0.1)
    pose = np.tile(np.eye(4), (len(seconds), 1, 1))
    pose[:, :3, :3] = Rotation.from_euler("z", 0.3 * seconds[:, None]).as_matrix()
    pose[:, 0, 3], pose[:, 1, 3] = 8 * seconds, seconds**2
    times = np.round(seconds * 1e9).astype(np.int64)
    found, index = trajectory_of(times, pose, np.linspace(0, 1, len(times)), 20.0, 120_000_000)
    assert np.diff(found.timestamps_ns[1:-1]).max() <= 50_000_000
    assert np.abs(found.poses_at(times)[1] - pose[:, :3, 3]).max() < 1e-9
    assert index[[0, -1]].tolist() == [0.0, len(times) - 1.0]
    middle = found.pose_at(1_550_000_000)
    assert np.allclose(middle.translation_m, (12.4, 1.55**2, 0.0), atol=1e-4)
    assert Rotation.from_matrix(middle.rotation).as_rotvec()[2] == pytest.approx(0.465, abs=1e-5)
    beyond = found.pose_at(int(times[-1]) + 100_000_000)
    assert np.allclose(beyond.translation_m[0], 8 * 3.0, atol=0.02)


def test_two_poses_are_enough() -> None:
    pose = np.tile(np.eye(4), (2, 1, 1))
    pose[1, 0, 3] = 1.0
    found, _ = trajectory_of(np.array([0, SECOND]), pose, np.zeros(2), 20.0, SECOND // 10)
    assert found.pose_at(SECOND // 2).translation_m[0] == pytest.approx(0.5)


def test_faults_of_poses_name_what_is_wrong() -> None:
    times = np.arange(10, dtype=np.int64) * SECOND // 10
    steady = np.column_stack([np.arange(10.0), np.zeros(10), np.zeros(10)])
    assert faults_of_poses(times, steady, times[2:8], 1.0, 70.0, 0.9) == []
    jump = steady + np.where(np.arange(10) == 5, 100.0, 0.0)[:, None]
    assert "jump" in faults_of_poses(times, jump, times, 1.0, 70.0, 0.9)[0]
    assert (
        "gap of 9.1 s"
        in faults_of_poses(
            np.append(times, 10 * SECOND),
            np.vstack([steady, steady[-1:]]),
            np.append(times, 9 * SECOND),
            1.0,
            70.0,
            0.5,
        )[0]
    )
    assert "cover" in faults_of_poses(times, steady, times + 5 * SECOND, 1.0, 70.0, 0.9)[0]
    assert "0 georeferenced" in faults_of_poses(times[:0], steady[:0], times, 1.0, 70.0, 0.9)[0]
