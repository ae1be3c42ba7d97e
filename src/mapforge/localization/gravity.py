"""Which way is up: the accelerometer less the car's own acceleration; without one, the belief in level roads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float
from mapforge.localization.odometry import OdometryPath

SPACING_NS = 1_000_000_000
MIN_SAMPLES = 10
GRAVITY_MPS2 = 9.81
MAX_GRAVITY_ERROR_MPS2 = 1.5


@dataclass(frozen=True, eq=False)
class UpDirections:
    """nodes: (K,) indices of poses. up_ego: (K, 3) unit vectors that point up there. sigma_rad: of each."""

    nodes: NDArray[np.int64]
    up_ego: Float
    sigma_rad: float


def up_directions(
    path: OdometryPath,
    imu: pa.Table,
    ego_R_imu: Float,
    gravity_sigma_rad: float,
    level_sigma_rad: float,
    level_spacing_m: float,
) -> UpDirections:
    """From the IMU where it has enough samples, else the ego z axis every `level_spacing_m`."""
    measured = _measured_up(path, imu, ego_R_imu, gravity_sigma_rad)
    return measured if measured is not None else _level(path, level_sigma_rad, level_spacing_m)


def _measured_up(path: OdometryPath, imu: pa.Table, ego_R_imu: Float, sigma_rad: float) -> UpDirections | None:
    """Mean specific force over each second, minus the change of the path's velocity over that second."""
    times = imu["timestamp_ns"].to_numpy()
    force = np.stack([imu[name].to_numpy() for name in ("ax_mps2", "ay_mps2", "az_mps2")], axis=1) @ ego_R_imu.T
    edges = np.arange(path.timestamps_ns[0], path.timestamps_ns[-1] - SPACING_NS + 1, SPACING_NS)
    first, last = np.searchsorted(times, edges), np.searchsorted(times, edges + SPACING_NS)
    enough = last - first >= MIN_SAMPLES
    if not enough.any():
        return None
    edges, first, last = edges[enough], first[enough], last[enough]
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(force, axis=0)])
    mean_ego = (sums[last] - sums[first]) / (last - first)[:, None]
    nodes = np.searchsorted(path.timestamps_ns, edges + SPACING_NS // 2).clip(0, len(path.pose) - 1)
    rotation = path.pose[nodes, :3, :3]
    velocity_change = _velocity(path, edges + SPACING_NS) - _velocity(path, edges)
    up = mean_ego - np.einsum("nji,nj->ni", rotation, velocity_change / (SPACING_NS * 1e-9))
    size = np.linalg.norm(up, axis=1)
    good = np.abs(size - GRAVITY_MPS2) < MAX_GRAVITY_ERROR_MPS2
    return UpDirections(nodes[good], up[good] / size[good, None], sigma_rad) if good.any() else None


def _velocity(path: OdometryPath, times_ns: NDArray[np.int64]) -> Float:
    """(K, 3) m/s in the path's frame, over a quarter of a second either side."""
    half_ns = SPACING_NS // 4
    span = [np.clip(times_ns + sign * half_ns, path.timestamps_ns[0], path.timestamps_ns[-1]) for sign in (-1, 1)]
    trajectory = path.trajectory()
    before, after = (trajectory.poses_at(times)[1] for times in span)
    return (after - before) / ((span[1] - span[0]) * 1e-9)[:, None]


def _level(path: OdometryPath, sigma_rad: float, spacing_m: float) -> UpDirections:
    station = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path.pose[:, :3, 3], axis=0), axis=1))])
    nodes = np.unique(np.searchsorted(station, np.arange(0.0, station[-1] + 1e-9, spacing_m)))
    return UpDirections(nodes, np.tile([0.0, 0.0, 1.0], (len(nodes), 1)), sigma_rad)
