"""A made-up street driven through by a car whose lidar, GNSS and IMU are known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.workspace import Workspace

LON_DEG, LAT_DEG = 8.4, 49.0
START_NS = 1_700_000_000_000_000_000
SWEEP_NS = 100_000_000
LEVER_M = np.array([0.3, -0.2, 1.6])


@dataclass(frozen=True, eq=False)
class Street:
    """frame, world points (N, 3) map frame, and the true path; sweeps start at start_ns, one every sweep_ns."""

    frame: MapFrame
    points: np.ndarray
    truth: Trajectory
    start_ns: int = START_NS
    sweep_ns: int = SWEEP_NS
    origin_lon_lat_deg: tuple[float, float] = (LON_DEG, LAT_DEG)

    def write_drive(self, workspace: Workspace, drive_id: str, **options: Any) -> None:
        write_drive(workspace, self, drive_id, **options)

    def true_poses(self, frame: str, source: str) -> dict[str, Any]:
        return true_poses(self, frame, source)


@pytest.fixture(scope="session")
def street() -> Street:
    """Ground, two rows of houses with gaps, and poles; the car bends left at 8 m/s and climbs gently."""
    rng = np.random.default_rng(5)
    ground = np.column_stack([rng.uniform(-40, 90, 30_000), rng.uniform(-30, 60, 30_000), np.zeros(30_000)])
    x = rng.uniform(-40, 90, 20_000)
    x = x[np.sin(x * 0.5) > -0.7]
    side = rng.integers(0, 2, len(x))
    depth = np.where(np.sin(x * 1.1) > 0, 9.0, 11.0)
    walls = np.column_stack([x, np.where(side, depth + 8, -depth), rng.uniform(0, 6, len(x))])
    poles = np.repeat(rng.uniform((-40, -8, 0), (90, 14, 0), (60, 3)), 80, axis=0)
    poles = (
        poles
        + rng.normal(0, 0.05, poles.shape)
        + np.column_stack([np.zeros((len(poles), 2)), rng.uniform(0, 5, len(poles))])
    )
    points = np.concatenate([ground, walls, poles])
    points[:, 2] += 0.02 * points[:, 0]
    seconds = np.arange(-0.3, 5.3, 0.01)
    station = 8.0 * seconds
    yaw = 0.012 * np.clip(station, 0, None) * 0.6
    xy = np.cumsum(np.column_stack([np.cos(yaw), np.sin(yaw)]) * 0.08, axis=0)
    translation = np.column_stack([xy, 0.02 * xy[:, 0]])
    quaternion = np.column_stack([np.cos(yaw / 2), np.zeros_like(yaw), np.zeros_like(yaw), np.sin(yaw / 2)])
    offset = np.array([350.0, 450.0, 100.0])
    times = START_NS + np.round(seconds * 1e9).astype(np.int64)
    truth = Trajectory(times, translation + offset, quaternion, np.zeros(len(times)))
    return Street(MapFrame.at(LON_DEG, LAT_DEG), points + offset, truth)


def write_drive(
    workspace: Workspace,
    street: Street,
    drive_id: str,
    sweeps: int = 50,
    step_ns: int = SWEEP_NS,
    gnss_bias_m: tuple[float, float, float] | None = None,
    poses: dict[str, Any] | None = None,
) -> None:
    """Sweeps with the car's motion in them; GNSS with a bias (none when None); an IMU at rest in the ego frame."""
    rng = np.random.default_rng(8)
    with DriveWriter(workspace, drive_id) as writer:
        for k in range(sweeps):
            now = START_NS + k * step_ns
            chosen = street.points[rng.random(len(street.points)) < 0.4]
            offset = rng.integers(-50_000_000, 50_000_000, len(chosen)).astype(np.int32)
            rotation, translation = street.truth.poses_at(now + offset.astype(np.int64))
            xyz = np.einsum("nji,nj->ni", rotation, chosen - translation) + rng.normal(0, 0.01, chosen.shape)
            near = np.linalg.norm(xyz, axis=1) < 45
            writer.add_sweep(now, "lidar_top", xyz[near], np.full(near.sum(), 0.2), offset_ns=offset[near])
        end_ns = START_NS + sweeps * step_ns
        if gnss_bias_m is not None:
            times = np.arange(START_NS, end_ns, 200_000_000)
            rotation, translation = street.truth.poses_at(times)
            antenna = rotation @ LEVER_M + translation + gnss_bias_m + rng.normal(0, 0.05, (len(times), 3))
            lon, lat, height = street.frame.to_wgs84(antenna).T
            covariance = [list(np.diag([0.04, 0.04, 0.16]).ravel())] * len(times)
            status = np.zeros(len(times), np.int8)
            columns = {"timestamp_ns": times, "lon_deg": lon, "lat_deg": lat, "height_m": height}
            writer.add_rows("gnss", {**columns, "cov_enu_m2": covariance, "fix_type": status})
            writer.add_rows("calibration", _antenna())
        if poses is not None:
            writer.add_rows("poses", poses)
        writer.finish(source_format="test", source_sha256="0" * 64)


def true_poses(street: Street, frame: str, source: str) -> dict[str, Any]:
    """The truth as a poses table."""
    xyz = street.frame.to_projected(street.truth.translation_m)
    quaternion = street.truth.quaternion_wxyz
    return {
        "timestamp_ns": street.truth.timestamps_ns,
        **dict(zip(("tx_m", "ty_m", "tz_m"), xyz.T)),
        **dict(zip(("qw", "qx", "qy", "qz"), quaternion.T)),
        "frame": [frame] * len(xyz),
        "source": [source] * len(xyz),
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _antenna() -> dict[str, Any]:
    return {
        "sensor": ["gnss"],
        **{name: [value] for name, value in zip(("tx_m", "ty_m", "tz_m"), LEVER_M)},
        **dict(zip(("qw", "qx", "qy", "qz"), ([1.0], [0.0], [0.0], [0.0]))),
        "intrinsics": [[]],
        "distortion": [[]],
        "model": ["gnss"],
        "width_px": [0],
        "height_px": [0],
    }
