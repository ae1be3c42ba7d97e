"""What is measured of single poses: where they are, which way is up, how they are turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.localization.drive_state import Calibration, DriveState, Layout
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import UpDirections
from mapforge.localization.motion_measurements import cross_matrices
from mapforge.localization.sparse_system import Block, Kernel, SparseSystem

WEAK_PRIOR_SIGMA = 1e4
VELOCITY_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class SlowError:
    """How much of a fix's error is slow. share: of its variance; correlation_s: how long it lasts."""

    share: float
    correlation_s: float


@dataclass(frozen=True, eq=False)
class FixedPlaces:
    """Fixes of one receiver (or the log's poses), each with a slow error: a first-order Gauss-Markov process.

    timestamps_ns: (N,) of the poses. group: number of these fixes in the layout. calibrated: lever arm and clock of
    the drive's calibration apply (the receiver's, not those of the log's poses).
    """

    timestamps_ns: NDArray[np.int64]
    fixes: Fixes
    slow_error: SlowError
    group: int
    calibrated: bool

    @property
    def name(self) -> str:
        return "gnss" if self.calibrated else "log poses"

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        """A fix lies between two poses; the antenna moves linearly from one to the other."""
        fixes, bias = self.fixes, state.slow_error_m[self.group]
        lever, clock_s = fixes.lever_ego_m, 0.0
        if self.calibrated:
            lever = lever + state.calibration[Calibration.lever_x_m : Calibration.lever_z_m + 1]
            clock_s = state.calibration[Calibration.gnss_clock_s]
        before, share = self._between(clock_s)
        weight = 1.0 / (fixes.sigma_m * np.sqrt(1.0 - self.slow_error.share))
        cross = cross_matrices(lever[None])[0]
        antenna, turned = [], np.zeros((len(fixes), 3, 3))
        blocks: list[Block] = []
        for node, part in ((before, 1.0 - share), (before + 1, share)):
            rotation = state.pose[node, :3, :3]
            antenna.append(rotation @ lever + state.pose[node, :3, 3])
            turned += part[:, None, None] * rotation
            jacobian = np.concatenate([-rotation @ cross, rotation], axis=2) * part[:, None, None]
            blocks.append((layout.pose(node), jacobian * weight[:, :, None]))
        predicted = antenna[0] + share[:, None] * (antenna[1] - antenna[0])
        index = layout.slow_error(self.group) + 3 * np.arange(len(fixes))
        blocks.append((index, np.eye(3) * weight[:, :, None]))
        if self.calibrated:
            speed = self._velocity(state.pose)[before]
            numbers = np.concatenate([turned, speed[:, :, None]], axis=2) * weight[:, :, None]
            blocks.append((layout.calibration(Calibration.lever_x_m, len(fixes)), numbers))
        system.add(self.name, (predicted + bias - fixes.xyz_map) * weight, blocks, kernel)
        self._add_slow_error(system, bias, index)

    def _between(self, clock_s: float) -> tuple[NDArray[np.int64], Float]:
        """Pose before each fix, and its share of the way to the next (a little outside 0..1 at the ends)."""
        times = self.fixes.timestamps_ns + round(clock_s * 1e9)
        before = np.clip(np.searchsorted(self.timestamps_ns, times, "right") - 1, 0, len(self.timestamps_ns) - 2)
        span = self.timestamps_ns[before + 1] - self.timestamps_ns[before]
        return before.astype(np.int64), np.asarray((times - self.timestamps_ns[before]) / span, dtype=np.float64)

    def _velocity(self, pose: Float) -> Float:
        """(N, 3) m/s over a second either side: the jitter of single steps would pass for a signal of the clock."""
        last = len(self.timestamps_ns) - 1
        low = np.maximum(np.searchsorted(self.timestamps_ns, self.timestamps_ns - VELOCITY_NS), 0)
        high = np.minimum(np.searchsorted(self.timestamps_ns, self.timestamps_ns + VELOCITY_NS), last)
        span_s = (self.timestamps_ns[high] - self.timestamps_ns[low])[:, None] * 1e-9
        return np.asarray((pose[high, :3, 3] - pose[low, :3, 3]) / span_s)

    def _add_slow_error(self, system: SparseSystem, bias: Float, index: NDArray[np.int64]) -> None:
        """b_k+1 = f b_k + noise, both such that every fix keeps its stated variance though that changes on the way."""
        sigma = np.maximum(self.fixes.sigma_m * np.sqrt(self.slow_error.share), 1e-4)
        eye = np.broadcast_to(np.eye(3), (len(bias), 3, 3))
        system.add(f"{self.name} bias", bias[:1] / sigma[:1], [(index[:1], eye[:1] / sigma[:1, :, None])])
        elapsed_s = np.diff(self.fixes.timestamps_ns)[:, None] * 1e-9
        keep = np.exp(-elapsed_s / self.slow_error.correlation_s) * np.minimum(1.0, sigma[1:] / sigma[:-1])
        noise = np.sqrt(np.maximum(sigma[1:] ** 2 - (keep * sigma[:-1]) ** 2, (1e-3 * sigma[1:]) ** 2))
        blocks = [(index[:-1], -eye[1:] * (keep / noise)[:, :, None]), (index[1:], eye[1:] / noise[:, :, None])]
        system.add(f"{self.name} bias walk", (bias[1:] - keep * bias[:-1]) / noise, blocks)


@dataclass(frozen=True, eq=False)
class Verticals:
    """The map's z axis seen from the ego frame should be the measured up, but for the accelerometer's tilt."""

    up: UpDirections

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        predicted = state.pose[self.up.nodes, 2, :3]
        tilt = np.append(state.calibration[[Calibration.tilt_pitch_rad, Calibration.tilt_roll_rad]], 0.0)
        count = len(self.up.nodes)
        blocks: list[Block] = [(layout.pose(self.up.nodes), self._turning(predicted))]
        numbers = np.broadcast_to(np.eye(3)[:, :2] / self.up.sigma_rad, (count, 3, 2))
        blocks.append((layout.calibration(Calibration.tilt_pitch_rad, count), numbers))
        system.add("gravity", (predicted + tilt - self.up.up_ego) / self.up.sigma_rad, blocks, kernel)

    def _turning(self, predicted: Float) -> Float:
        jacobian = np.zeros((len(predicted), 3, 6))
        jacobian[:, :, :3] = cross_matrices(predicted) / self.up.sigma_rad
        return jacobian


@dataclass(frozen=True, eq=False)
class Attitudes:
    """map_R_ego as the log's own poses state it. node: (K,). rotation: (K, 3, 3). sigma_rad: of each."""

    node: NDArray[np.int64]
    rotation: Float
    sigma_rad: float

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        stated_R_found = np.einsum("nji,njk->nik", self.rotation, state.pose[self.node, :3, :3])
        jacobian = np.broadcast_to(np.eye(3, 6) / self.sigma_rad, (len(self.node), 3, 6))
        residual = Rotation.from_matrix(stated_R_found).as_rotvec() / self.sigma_rad
        system.add("log attitude", residual, [(layout.pose(self.node), jacobian)], kernel)


@dataclass(frozen=True, eq=False)
class Anchor:
    """A pose known from elsewhere. node: its index; pose: (4, 4); sigma_m, sigma_rad: of position and yaw."""

    node: int
    pose: Float
    sigma_m: float
    sigma_rad: float

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        """Position and yaw of the pose; its tilt stays free."""
        here = state.pose[self.node]
        jacobian = np.zeros((1, 4, 6))
        jacobian[0, :3, 3:] = here[:3, :3] / self.sigma_m
        jacobian[0, 3, :3] = here[2, :3] / self.sigma_rad
        turn = Rotation.from_matrix(here[:3, :3] @ self.pose[:3, :3].T).as_rotvec()[2]
        residual = np.append((here[:3, 3] - self.pose[:3, 3]) / self.sigma_m, turn / self.sigma_rad)
        system.add("anchor", residual[None], [(layout.pose(np.array([self.node])), jacobian)])


@dataclass(frozen=True, eq=False)
class Priors:
    """What is believed before anything is measured. calibration_sigma: (len(Calibration),)."""

    calibration_sigma: Float

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None:
        """Calibration near zero; poses anywhere, so that what nothing measures (a straight drive's roll) stays put."""
        node = np.arange(len(state.pose))
        weak = np.broadcast_to(np.eye(6) / WEAK_PRIOR_SIGMA, (len(node), 6, 6))
        system.add("anywhere", np.zeros((len(node), 6)), [(layout.pose(node), weak)])
        weight = np.diag(1.0 / self.calibration_sigma)
        start = layout.calibration(Calibration(0), 1)
        system.add("calibration", (state.calibration / self.calibration_sigma)[None], [(start, weight[None])])
