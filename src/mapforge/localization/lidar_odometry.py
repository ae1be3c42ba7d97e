"""Lidar odometry: each sweep is registered to a local map of the sweeps before it.

Distribution-to-distribution registration against Gaussian voxels (VGICP, Koide et al., ICRA 2021; small_gicp), with
the constant-velocity motion model and the compensation of the sweep's own motion of KISS-ICP (Vizzo et al.,
RA-L 2023). One thread, so that the same sweeps give the same path.

Of all returns in a voxel the first one measured stands for them: that costs a sort of keys, and only what is left has
to be moved in double precision (a mean a voxel is no more accurate and takes a third longer).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import small_gicp
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import Sweep
from mapforge.localization.odometry import OdometryPath

ROTATION_EPSILON_RAD = 2e-4
TRANSLATION_EPSILON_M = 1e-3
LRU_CLEAR_SWEEPS = 10
BOOTSTRAP_SWEEPS = 4
NEIGHBOURS = 10
KEY_BITS = 21


@dataclass(frozen=True)
class Registration:
    """How a sweep is registered to the local map; the fields are those of LidarOdometryConfig.

    threads: with more than one, sums come in any order and paths differ in their last digits.
    """

    downsampling_m: float = 0.5
    map_voxel_m: float = 1.0
    min_range_m: float = 2.5
    max_range_m: float = 60.0
    max_correspondence_m: float = 1.0
    max_iterations: int = 20
    map_memory_sweeps: int = 100
    min_inliers: int = 200
    threads: int = 1


def register_sweeps(
    sweeps: Iterable[Sweep],
    prediction: OdometryPath | None,
    motion_compensated: bool,
    registration: Registration,
) -> OdometryPath:
    """Path of the ego frame over sweeps in order of time; a second sweep at the same time is passed over.

    prediction: another odometry (wheels); where it covers a step, it starts the registration. Elsewhere the last step
    is repeated. The first few sweeps are registered twice, since their speed is known only after the first time.
    """
    stream = iter(sweeps)
    head = list(islice(stream, BOOTSTRAP_SWEEPS))
    predicted = None if prediction is None else prediction.trajectory()
    scout = _Registrar(registration, predicted, motion_compensated)
    scout.follow(iter(head))
    registrar = _Registrar(registration, predicted, motion_compensated, scout.velocity())
    registrar.follow(chain(head, stream))
    return registrar.path()


@dataclass(eq=False)
class _Registrar:
    """The local map and the path so far. velocity_per_ns: (6,) rotation vector and translation before any is known."""

    registration: Registration
    prediction: Trajectory | None
    motion_compensated: bool
    first_velocity_per_ns: Float = field(default_factory=lambda: np.zeros(6))
    times: list[int] = field(default_factory=list)
    poses: list[Float] = field(default_factory=list)
    lost: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.local_map = small_gicp.GaussianVoxelMap(self.registration.map_voxel_m)
        self.local_map.set_lru(horizon=self.registration.map_memory_sweeps, clear_cycle=LRU_CLEAR_SWEEPS)

    def follow(self, sweeps: Iterator[Sweep]) -> None:
        for sweep in sweeps:
            if not self.times or sweep.timestamp_ns > self.times[-1]:
                self._add(sweep)

    def path(self) -> OdometryPath:
        poses = np.array(self.poses).reshape(-1, 4, 4)
        return OdometryPath(np.array(self.times, dtype=np.int64), poses, np.array(self.lost, dtype=bool), "lidar")

    def velocity(self) -> Float:
        """(6,) rotation vector and translation per nanosecond of the last step, in the ego frame."""
        if len(self.poses) < 2:
            return self.first_velocity_per_ns
        return _twist(np.linalg.inv(self.poses[-2]) @ self.poses[-1]) / (self.times[-1] - self.times[-2])

    def _add(self, sweep: Sweep) -> None:
        velocity = self._predicted_velocity(sweep.timestamp_ns)
        pose = np.eye(4)
        if self.poses:
            pose = self.poses[-1] @ _step(velocity * (sweep.timestamp_ns - self.times[-1]))
        cloud = small_gicp.PointCloud(self._points(sweep, velocity))
        small_gicp.estimate_covariances(cloud, num_neighbors=NEIGHBOURS, num_threads=self.registration.threads)
        registered = self._align(cloud, pose) if self.poses else pose
        self.lost.append(registered is None)
        self.poses.append(pose if registered is None else registered)
        self.times.append(sweep.timestamp_ns)
        self.local_map.insert(cloud, self.poses[-1])

    def _align(self, cloud: small_gicp.PointCloud, guess: Float) -> Float | None:
        """Pose of the cloud in the local map, None when too little of it was found there."""
        result = small_gicp.align(
            self.local_map,
            cloud,
            init_T_target_source=guess,
            max_correspondence_distance=self.registration.max_correspondence_m,
            num_threads=self.registration.threads,
            max_iterations=self.registration.max_iterations,
            rotation_epsilon=ROTATION_EPSILON_RAD,
            translation_epsilon=TRANSLATION_EPSILON_M,
        )
        if result.num_inliers < self.registration.min_inliers or not np.isfinite(result.T_target_source).all():
            return None
        pose = np.array(result.T_target_source, dtype=np.float64)
        pose[:3, :3] = Rotation.from_matrix(pose[:3, :3]).as_matrix()  # or rounding piles up over a long drive
        return pose

    def _predicted_velocity(self, now_ns: int) -> Float:
        if self.prediction is None or not self.times:
            return self.velocity()
        if not self.prediction.covers(np.array([self.times[-1], now_ns])).all():
            return self.velocity()
        last, now = self.prediction.pose_at(self.times[-1]), self.prediction.pose_at(now_ns)
        return _twist((last.inverse() @ now).matrix()) / (now_ns - self.times[-1])

    def _points(self, sweep: Sweep, velocity_per_ns: Float) -> Float:
        """(M, 3) float64 thinned returns in range, brought to the ego frame at the sweep time (to second order)."""
        near, far = self.registration.min_range_m, self.registration.max_range_m
        squared = np.einsum("ni,ni->n", sweep.xyz_ego, sweep.xyz_ego)
        keep = np.flatnonzero((squared > near * near) & (squared < far * far))
        keep = keep[_first_in_voxel(sweep.xyz_ego[keep], self.registration.downsampling_m)]
        xyz = sweep.xyz_ego[keep].astype(np.float64)
        if self.motion_compensated:
            return xyz
        offset_ns = sweep.offset_ns[keep].astype(np.float64)[:, None]
        turn = _cross_matrix(velocity_per_ns[:3]).T
        turned = offset_ns * (xyz @ turn)
        return xyz + turned + 0.5 * offset_ns * (turned @ turn) + offset_ns * velocity_per_ns[3:]


def _first_in_voxel(xyz: NDArray[np.float32], edge_m: float) -> NDArray[np.int64]:
    """(M,) rows of the first point of every voxel, by voxel."""
    index = np.floor(xyz * np.float32(1.0 / edge_m)).astype(np.int64) + (1 << (KEY_BITS - 1))
    key = (index[:, 0] << 2 * KEY_BITS) | (index[:, 1] << KEY_BITS) | index[:, 2]
    return np.asarray(np.unique(key, return_index=True)[1])


def _twist(step: Float) -> Float:
    return np.concatenate([Rotation.from_matrix(step[:3, :3]).as_rotvec(), step[:3, 3]])


def _step(twist: Float) -> Float:
    step = np.eye(4)
    step[:3, :3] = Rotation.from_rotvec(twist[:3]).as_matrix()
    step[:3, 3] = twist[3:]
    return step


def _cross_matrix(w: Float) -> Float:
    return np.array([[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]])
