"""The batch smoother: all poses of a drive at once, from everything that measures motion or place.

A factor graph over poses on SO(3) x R^3, the slow GNSS error at every fix, gyro bias and the drive's calibration,
solved by Gauss-Newton on the sparse normal equations (Dellaert and Kaess, Factor Graphs for Robot Perception, 2017).
First with Huber weights, whose loss is convex, then with redescending ones, so that multipath ends with no influence
at all (graduated non-convexity in two steps; Yang et al., RA-L 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from mapforge.geometry.se3 import Float
from mapforge.localization.drive_state import POSE_SIZE, Calibration, DriveState, Layout
from mapforge.localization.sparse_system import Kernel, SparseSystem, factorised

CONVERGED_M = 1e-4
CONVERGED_GAIN = 1e-5
BACKTRACKING = (1.0, 0.5, 0.25, 0.1, 0.02)
COVARIANCE_NODES = 60
POSES_A_COVARIANCE = 20
MAX_COVARIANCE_NODES = 400
REDESCENDING_POWER = 4.0


class Measurement(Protocol):
    """Something measured: adds its whitened residuals and Jacobians at a state."""

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None: ...


@dataclass(frozen=True, eq=False)
class SmoothedPath:
    """state: the most likely one. sigma_xy_m, sigma_z_m, sigma_yaw_rad: (N,) of its poses. calibration_sigma:
    (len(Calibration),). norms: residuals of each kind of measurement in sigmas. converged: nothing more was to be
    gained.
    """

    state: DriveState
    sigma_xy_m: Float
    sigma_z_m: Float
    sigma_yaw_rad: Float
    calibration_sigma: Float
    norms: dict[str, Float]
    converged: bool

    @property
    def pose(self) -> Float:
        """(N, 4, 4) map_SE3_ego."""
        return self.state.pose


def smooth(
    state: DriveState,
    layout: Layout,
    measurements: Sequence[Measurement],
    powers: Sequence[float],
    kernel_sigmas: float,
    max_iterations: int,
) -> SmoothedPath:
    """Most likely state and its uncertainty.

    state: near enough to start from. Some measurement must say where the drive is. powers: of the kernels (see
    `Kernel`), one pass each.
    """
    for power in powers:
        state, system, converged = _minimised(state, layout, measurements, Kernel(kernel_sigmas, power), max_iterations)
    information, _ = system.normal_equations(layout.size)
    sigma, calibration_sigma = _sigmas(information, state.pose, layout)
    return SmoothedPath(state, sigma[:, 0], sigma[:, 1], sigma[:, 2], calibration_sigma, system.norms, converged)


def _minimised(
    state: DriveState, layout: Layout, measurements: Sequence[Measurement], kernel: Kernel, max_iterations: int
) -> tuple[DriveState, SparseSystem, bool]:
    """Gauss-Newton with backtracking: state, the system there, and whether it can hardly get better."""
    system = _linearise(state, layout, measurements, kernel)
    for _ in range(max_iterations):
        information, gradient = system.normal_equations(layout.size)
        delta = factorised(information).solve(gradient)
        for share in BACKTRACKING:
            trial = state.moved(share * delta, layout)
            trial_system = _linearise(trial, layout, measurements, kernel)
            if trial_system.cost <= system.cost:
                break
        else:
            return state, system, True
        gain, state, system = system.cost - trial_system.cost, trial, trial_system
        if np.abs(delta[: POSE_SIZE * layout.poses]).max() < CONVERGED_M or gain < CONVERGED_GAIN * system.cost:
            return state, system, True
    return state, system, False


def _linearise(state: DriveState, layout: Layout, measurements: Sequence[Measurement], kernel: Kernel) -> SparseSystem:
    system = SparseSystem()
    for measurement in measurements:
        measurement.add_to(system, state, layout, kernel)
    return system


def _sigmas(information: csc_matrix, pose: Float, layout: Layout) -> tuple[Float, Float]:
    """(N, 3) of horizontal position, height and yaw, and those of the calibration.

    Exact at some poses and interpolated in between: a full inverse would not fit.
    """
    factors = factorised(information)
    nodes = _covariance_nodes(len(pose))
    sigma = np.empty((len(nodes), 3))
    for k, node in enumerate(nodes):
        covariance = _marginal(factors, layout.size, layout.pose(node) + np.arange(POSE_SIZE))
        rotation = pose[node, :3, :3]
        turn, shift = (rotation @ part @ rotation.T for part in (covariance[:3, :3], covariance[3:, 3:]))
        variance = np.array([0.5 * (shift[0, 0] + shift[1, 1]), shift[2, 2], turn[2, 2]])
        sigma[k] = np.sqrt(np.maximum(variance, 0.0))
    everywhere = np.stack([np.interp(np.arange(len(pose)), nodes, column) for column in sigma.T], axis=1)
    numbers = layout.calibration(Calibration(0), 1)[0] + np.arange(len(Calibration))
    return everywhere, np.sqrt(np.maximum(np.diag(_marginal(factors, layout.size, numbers)), 0.0))


def _covariance_nodes(poses: int) -> NDArray[np.int64]:
    count = min(max(COVARIANCE_NODES, poses // POSES_A_COVARIANCE), MAX_COVARIANCE_NODES, poses)
    return np.unique(np.linspace(0, poses - 1, count).round().astype(np.int64))


def _marginal(factors, size: int, unknowns: NDArray[np.int64]) -> Float:  # type: ignore[no-untyped-def]
    right = np.zeros((size, len(unknowns)))
    right[unknowns, np.arange(len(unknowns))] = 1.0
    return np.asarray(factors.solve(right)[unknowns])
