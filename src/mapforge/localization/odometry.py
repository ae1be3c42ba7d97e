"""Relative motion of a drive: a path in a frame of its own, exact over metres and drifting over kilometres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.localization.inertial import TurnRates, measured


@dataclass(frozen=True, eq=False)
class OdometryPath:
    """`odom_SE3_ego` over time; the frame `odom` is nowhere in particular and need not be level.

    timestamps_ns: (N,) int64, strictly increasing. pose: (N, 4, 4) float64.
    lost: (N,) bool, the step that leads to this pose is a guess. source: how it was measured.
    """

    timestamps_ns: NDArray[np.int64]
    pose: Float
    lost: NDArray[np.bool_]
    source: str

    @property
    def length_m(self) -> float:
        return float(np.linalg.norm(np.diff(self.pose[:, :3, 3], axis=0), axis=1).sum())

    def steps(self) -> Float:
        """(N - 1, 4, 4): `ego_k_SE3_ego_k+1`."""
        return np.linalg.inv(self.pose[:-1]) @ self.pose[1:]

    def thinned(self, min_step_ns: int) -> OdometryPath:
        """Poses at least so far apart in time, and the last one."""
        slot = (self.timestamps_ns - self.timestamps_ns[0]) // min_step_ns
        keep = np.append(np.flatnonzero(np.diff(slot, prepend=-1)), len(slot) - 1)
        keep = np.unique(keep)
        return OdometryPath(self.timestamps_ns[keep], self.pose[keep], self.lost[keep], self.source)

    def trajectory(self) -> Trajectory:
        """The same path as an interpolator, in frame `odom`."""
        quaternion = Rotation.from_matrix(self.pose[:, :3, :3]).as_quat(canonical=True)[:, [3, 0, 1, 2]]
        return Trajectory(self.timestamps_ns, self.pose[:, :3, 3], quaternion, np.zeros(len(self.pose)))


def path_of_poses(poses: pa.Table) -> OdometryPath | None:
    """Poses the log gives in a local frame (wheel or visual odometry); None when there are fewer than two."""
    local = poses.filter(pa.array([frame == "local" for frame in poses["frame"].to_pylist()], pa.bool_()))
    columns = {name: local[name].to_numpy() for name in local.schema.names if name not in ("frame", "source")}
    times, first = np.unique(columns["timestamp_ns"], return_index=True)
    if len(times) < 2:
        return None
    quaternion = np.stack([columns[name][first] for name in ("qx", "qy", "qz", "qw")], axis=1)
    translation = np.stack([columns[name][first] for name in ("tx_m", "ty_m", "tz_m")], axis=1)
    pose = np.tile(np.eye(4), (len(times), 1, 1))
    pose[:, :3, :3] = Rotation.from_quat(quaternion).as_matrix()
    pose[:, :3, 3] = translation
    return OdometryPath(times, pose, np.zeros(len(times), dtype=bool), "log_odometry")


def path_of_wheels(vehicle: pa.Table, rates: TurnRates | None) -> OdometryPath | None:
    """Planar dead reckoning from wheel speed and yaw rate; None without them."""
    times, speed = measured(vehicle["timestamp_ns"].to_numpy(), vehicle["speed_mps"].to_numpy()[:, None])
    if rates is None or len(times) < 2:
        return None
    step_s = np.diff(times) * 1e-9
    yaw_rate = np.interp(times, rates.timestamps_ns, rates.rate_ego[:, 2])
    yaw = np.concatenate([[0.0], np.cumsum(0.5 * (yaw_rate[1:] + yaw_rate[:-1]) * step_s)])
    advance = 0.5 * (speed[1:, 0] + speed[:-1, 0]) * step_s
    middle = 0.5 * (yaw[1:] + yaw[:-1])
    pose = np.tile(np.eye(4), (len(times), 1, 1))
    pose[:, :3, :3] = Rotation.from_euler("z", yaw[:, None]).as_matrix()
    pose[1:, 0, 3] = np.cumsum(advance * np.cos(middle))
    pose[1:, 1, 3] = np.cumsum(advance * np.sin(middle))
    return OdometryPath(times, pose, np.zeros(len(times), dtype=bool), "wheels")
