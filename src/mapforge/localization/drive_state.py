"""What the smoother solves for: every pose, slow errors of the fixes, gyro bias, and the drive's calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float

POSE_SIZE = 6


class Calibration(IntEnum):
    """Numbers that hold for a whole drive, each zero where log and calibration are right.

    travel: direction in which the car moves, seen in the ego frame as the lidar (else the inertial unit) holds it;
    not zero when that sensor is mounted otherwise than its calibration says. axle: where the ego origin sits against
    the point that does not slip sideways. tilt: of the accelerometer's up. lever: of the GNSS antenna, against its
    calibration. clock: what must be added to the times of the fixes.
    """

    distance_scale = 0
    travel_yaw_rad = 1
    travel_pitch_rad = 2
    axle_x_m = 3
    axle_y_m = 4
    tilt_pitch_rad = 5
    tilt_roll_rad = 6
    lever_x_m = 7
    lever_y_m = 8
    lever_z_m = 9
    gnss_clock_s = 10


@dataclass(frozen=True)
class Layout:
    """Where each unknown stands: poses (turn, shift), slow errors of every group of fixes, gyro biases, calibration."""

    poses: int
    fixes: tuple[int, ...]
    gyro_knots: int

    def pose(self, node: NDArray[np.int64]) -> NDArray[np.int64]:
        return POSE_SIZE * node

    def slow_error(self, group: int) -> int:
        return POSE_SIZE * self.poses + 3 * sum(self.fixes[:group])

    def gyro_bias(self, knot: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.slow_error(len(self.fixes)) + 3 * knot

    def calibration(self, first: Calibration, rows: int) -> NDArray[np.int64]:
        return np.full(rows, self._calibration_start + first.value)

    @property
    def _calibration_start(self) -> int:
        return self.slow_error(len(self.fixes)) + 3 * self.gyro_knots

    @property
    def size(self) -> int:
        return self._calibration_start + len(Calibration)


@dataclass(frozen=True, eq=False)
class DriveState:
    """pose: (N, 4, 4) map_SE3_ego. slow_error_m: (M, 3) of each group of fixes. gyro_bias_radps: (K, 3).
    calibration: (len(Calibration),).
    """

    pose: Float
    slow_error_m: tuple[Float, ...]
    gyro_bias_radps: Float
    calibration: Float

    @classmethod
    def at(cls, pose: Float, layout: Layout) -> DriveState:
        """The poses, and zero everywhere else."""
        slow = tuple(np.zeros((count, 3)) for count in layout.fixes)
        return cls(pose, slow, np.zeros((layout.gyro_knots, 3)), np.zeros(len(Calibration)))

    def moved(self, delta: Float, layout: Layout) -> DriveState:
        """A turn exp(phi) on the right of each pose and a shift by R rho; all else is added."""
        split = np.split(delta, np.cumsum([POSE_SIZE * layout.poses, *(3 * n for n in layout.fixes)]))
        step, rest = split[0].reshape(-1, POSE_SIZE), split[-1]
        pose = self.pose.copy()
        pose[:, :3, :3] = self.pose[:, :3, :3] @ Rotation.from_rotvec(step[:, :3]).as_matrix()
        pose[:, :3, 3] += np.einsum("nij,nj->ni", self.pose[:, :3, :3], step[:, 3:])
        return replace(
            self,
            pose=pose,
            slow_error_m=tuple(old + part.reshape(-1, 3) for old, part in zip(self.slow_error_m, split[1:-1])),
            gyro_bias_radps=self.gyro_bias_radps + rest[: 3 * layout.gyro_knots].reshape(-1, 3),
            calibration=self.calibration + rest[3 * layout.gyro_knots :],
        )
