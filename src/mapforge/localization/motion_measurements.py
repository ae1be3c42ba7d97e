"""What is measured of the motion from one pose to the next: lidar odometry, turn rates, wheels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.localization.drive_state import Calibration, DriveState, Layout
from mapforge.localization.sparse_system import Kernel, SparseSystem


@dataclass(frozen=True, eq=False)
class OdometrySteps:
    """pose: (N - 1, 4, 4) between successive poses. sigma_rad, sigma_m: (N - 1,). scaled: its metres may all be too
    long by the drive's distance scale (wheels), which those of a lidar are not.
    """

    pose: Float
    sigma_rad: Float
    sigma_m: Float
    scaled: bool = False

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        a, b = state.pose[:-1], state.pose[1:]
        a_R_b = relative_rotation(a, b)
        offset = np.einsum("nji,nj->ni", a[:, :3, :3], b[:, :3, 3] - a[:, :3, 3])
        turn = Rotation.from_matrix(relative_rotation(self.pose, a_R_b)).as_rotvec()
        weight = 1.0 / np.repeat(np.stack([self.sigma_rad, self.sigma_m], axis=1), 3, axis=1)
        eye = np.broadcast_to(np.eye(3), a_R_b.shape)
        first, second = np.zeros((len(a), 6, 6)), np.zeros((len(a), 6, 6))
        first[:, :3, :3] = -np.swapaxes(a_R_b, 1, 2)
        first[:, 3:, :3] = cross_matrices(offset)
        first[:, 3:, 3:] = -eye
        second[:, :3, :3] = eye
        second[:, 3:, 3:] = a_R_b
        scale = state.calibration[Calibration.distance_scale] if self.scaled else 0.0
        residual = np.concatenate([turn, offset - (1.0 + scale) * self.pose[:, :3, 3]], axis=1) * weight
        node = np.arange(len(a))
        blocks = [
            (layout.pose(node), first * weight[:, :, None]),
            (layout.pose(node + 1), second * weight[:, :, None]),
        ]
        if self.scaled:
            longer = np.concatenate([np.zeros((len(a), 3)), -self.pose[:, :3, 3]], axis=1) * weight
            blocks.append((layout.calibration(Calibration.distance_scale, len(a)), longer[:, :, None]))
        system.add("odometry", residual, blocks, kernel)


@dataclass(frozen=True, eq=False)
class GyroTurns:
    """Turn rates integrated from pose `node` to the next.

    node: (K,). turn_rad, sigma_rad: (K, 3) rotation vectors. span_s: (K,). knot: (K,) which gyro bias holds.
    bias_sigma_radps: of the first bias; bias_walk_radps: how much it changes from one knot to the next.
    """

    node: NDArray[np.int64]
    turn_rad: Float
    span_s: Float
    sigma_rad: Float
    knot: NDArray[np.int64]
    bias_sigma_radps: float
    bias_walk_radps: float

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        a_R_b = relative_rotation(state.pose[self.node], state.pose[self.node + 1])
        expected = Rotation.from_rotvec(self.turn_rad - self.span_s[:, None] * state.gyro_bias_radps[self.knot])
        weight = 1.0 / self.sigma_rad[:, :, None]
        eye = np.broadcast_to(np.eye(3), a_R_b.shape)
        residual = (expected.inv() * Rotation.from_matrix(a_R_b)).as_rotvec() / self.sigma_rad
        blocks = [
            (layout.pose(self.node), -np.swapaxes(a_R_b, 1, 2) * weight),
            (layout.pose(self.node + 1), eye * weight),
            (layout.gyro_bias(self.knot), eye * self.span_s[:, None, None] * weight),
        ]
        system.add("gyro", residual, blocks, kernel)
        self._add_bias(system, state.gyro_bias_radps, layout)

    def _add_bias(self, system: SparseSystem, bias: Float, layout: Layout) -> None:
        knot = np.arange(len(bias))
        eye = np.broadcast_to(np.eye(3), (len(bias), 3, 3))
        first, walk = 1.0 / self.bias_sigma_radps, 1.0 / self.bias_walk_radps
        system.add("gyro bias", bias[:1] * first, [(layout.gyro_bias(knot[:1]), eye[:1] * first)])
        blocks = [(layout.gyro_bias(knot[:-1]), -eye[1:] * walk), (layout.gyro_bias(knot[1:]), eye[1:] * walk)]
        system.add("gyro bias walk", np.diff(bias, axis=0) * walk, blocks)


@dataclass(frozen=True, eq=False)
class WheelSteps:
    """Wheels roll forward and do not slip sideways, from pose `node` to the next.

    node: (K,). distance_m: (K,) signed. sigma_m: (K, 3) forward, left, up.
    """

    node: NDArray[np.int64]
    distance_m: Float
    sigma_m: Float

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        """The way between two poses, in the mean of their attitudes, against the rolled distance."""
        a, b = state.pose[self.node], state.pose[self.node + 1]
        a_R_b = relative_rotation(a, b)
        way = b[:, :3, 3] - a[:, :3, 3]
        way_a, way_b = (np.einsum("nji,nj->ni", pose[:, :3, :3], way) for pose in (a, b))
        yaw = 0.5 * (a_R_b[:, 1, 0] - a_R_b[:, 0, 1])
        scale, travel_yaw, travel_pitch, axle_x, axle_y = state.calibration[: Calibration.axle_y_m + 1]
        d = self.distance_m
        expected = np.stack(
            [(1.0 + scale) * d - axle_y * yaw, travel_yaw * d + axle_x * yaw, -travel_pitch * d], axis=1
        )
        weight = 1.0 / self.sigma_m
        eye = np.broadcast_to(np.eye(3), a_R_b.shape)
        b_R_a = np.swapaxes(a_R_b, 1, 2)
        first = 0.5 * np.concatenate([cross_matrices(way_a), -eye - b_R_a], axis=2)
        second = 0.5 * np.concatenate([cross_matrices(way_b), eye + a_R_b], axis=2)
        zero = np.zeros(len(d))
        numbers = -np.array([[d, zero, zero, zero, -yaw], [zero, d, zero, yaw, zero], [zero, zero, -d, zero, zero]])
        blocks = [
            (layout.pose(self.node), first * weight[:, :, None]),
            (layout.pose(self.node + 1), second * weight[:, :, None]),
            (
                layout.calibration(Calibration.distance_scale, len(d)),
                np.moveaxis(numbers, 2, 0) * weight[:, :, None],
            ),
        ]
        system.add("wheels", (0.5 * (way_a + way_b) - expected) * weight, blocks, kernel)


def relative_rotation(a: Float, b: Float) -> Float:
    """(N, 3, 3) `a_R_b` of poses or rotations."""
    return np.asarray(np.einsum("nji,njk->nik", a[:, :3, :3], b[:, :3, :3]))


def cross_matrices(v: Float) -> Float:
    """(N, 3) to (N, 3, 3) with cross_matrices(v) @ w = v x w."""
    zero = np.zeros(len(v))
    x, y, z = v.T
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
