"""The batch smoother: all poses of a drive at once, from everything that measures motion or place.

A factor graph over poses on SO(3) x R^3, the slow GNSS error at every fix, gyro bias and the drive's calibration,
solved by Gauss-Newton on the sparse normal equations (Dellaert and Kaess, Factor Graphs for Robot Perception, 2017).
First with Huber weights, whose loss is convex, then with redescending ones, so that multipath ends with no influence
at all (graduated non-convexity in two steps; Yang et al., RA-L 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import SuperLU

from mapforge.geometry.se3 import Float
from mapforge.localization.drive_state import POSE_SIZE, Calibration, DriveState, Layout
from mapforge.localization.sparse_system import Kernel, SparseSystem, factorised

CONVERGED_M = 1e-4
CONVERGED_GAIN, NEARLY_CONVERGED_GAIN = 1e-5, 1e-2
BACKTRACKING = (1.0, 0.5, 0.25, 0.1, 0.02)
COVARIANCE_NODES = 60
POSES_A_COVARIANCE = 20
MAX_COVARIANCE_NODES = 400
REDESCENDING_POWER = 4.0


class Measurement(Protocol):
    """Something measured: adds its whitened residuals and Jacobians at a state."""

    def add_to(self, system: SparseSystem, state: DriveState, layout: Layout, kernel: Kernel) -> None: ...


@dataclass(frozen=True, eq=False)
class Solution:
    """state: the most likely one. information: inverse covariance of all unknowns there. norms: residuals of each kind
    of measurement in sigmas. converged: nothing more was to be gained.
    """

    state: DriveState
    layout: Layout
    information: csc_matrix
    norms: dict[str, Float]
    converged: bool

    @property
    def pose(self) -> Float:
        """(N, 4, 4) map_SE3_ego."""
        return self.state.pose

    @cached_property
    def _factors(self) -> SuperLU:
        return factorised(self.information)

    def calibration_sigma(self) -> Float:
        """(len(Calibration),)."""
        unknowns = self.layout.calibration(Calibration(0), 1)[0] + np.arange(len(Calibration))
        return np.sqrt(np.maximum(np.diag(self._marginal(unknowns)), 0.0))

    def pose_sigma(self) -> PoseSigma:
        """Exact at some poses and interpolated in between: a full inverse would not fit."""
        nodes = _covariance_nodes(len(self.pose))
        sigma = np.empty((len(nodes), 3))
        for k, node in enumerate(nodes):
            covariance = self._marginal(self.layout.pose(node) + np.arange(POSE_SIZE))
            rotation = self.pose[node, :3, :3]
            turn, shift = (rotation @ part @ rotation.T for part in (covariance[:3, :3], covariance[3:, 3:]))
            variance = np.array([0.5 * (shift[0, 0] + shift[1, 1]), shift[2, 2], turn[2, 2]])
            sigma[k] = np.sqrt(np.maximum(variance, 0.0))
        everywhere = np.arange(len(self.pose))
        return PoseSigma(*(np.interp(everywhere, nodes, column) for column in sigma.T))

    def _marginal(self, unknowns: NDArray[np.int64]) -> Float:
        right = np.zeros((self.layout.size, len(unknowns)))
        right[unknowns, np.arange(len(unknowns))] = 1.0
        return np.asarray(self._factors.solve(right)[unknowns])


@dataclass(frozen=True, eq=False)
class PoseSigma:
    """(N,) one-sigma of horizontal position (an axis), height and heading of each pose."""

    xy_m: Float
    z_m: Float
    yaw_rad: Float


def smooth(
    state: DriveState,
    layout: Layout,
    measurements: Sequence[Measurement],
    powers: Sequence[float],
    kernel_sigmas: float,
    max_iterations: int,
) -> Solution:
    """Most likely state and its uncertainty.

    state: near enough to start from. Some measurement must say where the drive is. powers: of the kernels (see
    `Kernel`), one pass each.
    """
    for power in powers:
        kernel = Kernel(kernel_sigmas, power)
        gain = CONVERGED_GAIN if power == powers[-1] else NEARLY_CONVERGED_GAIN
        state, system, converged = _minimised(state, layout, measurements, kernel, max_iterations, gain)
    return Solution(state, layout, system.normal_equations(layout.size)[0], system.norms, converged)


def _minimised(
    state: DriveState,
    layout: Layout,
    measurements: Sequence[Measurement],
    kernel: Kernel,
    max_iterations: int,
    enough_gain: float,
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
        if np.abs(delta[: POSE_SIZE * layout.poses]).max() < CONVERGED_M or gain < enough_gain * system.cost:
            return state, system, True
    return state, system, False


def _linearise(state: DriveState, layout: Layout, measurements: Sequence[Measurement], kernel: Kernel) -> SparseSystem:
    system = SparseSystem()
    for measurement in measurements:
        measurement.add_to(system, state, layout, kernel)
    return system


def _covariance_nodes(poses: int) -> NDArray[np.int64]:
    count = min(max(COVARIANCE_NODES, poses // POSES_A_COVARIANCE), MAX_COVARIANCE_NODES, poses)
    return np.unique(np.linspace(0, poses - 1, count).round().astype(np.int64))
