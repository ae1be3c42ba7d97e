"""The batch smoother: all poses of a drive at once from odometry steps, fixes and up directions.

A factor graph over poses on SO(3) x R^3 and, at every fix, a slow GNSS error that follows a first-order
Gauss-Markov process; solved by Gauss-Newton on the sparse normal equations with Huber weights (Dellaert and
Kaess, Factor Graphs for Robot Perception, 2017). A perturbation turns a pose by exp(phi) on its right and shifts it by
R rho, so that unknowns are (phi, rho) of each pose, then the slow error of each fix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import UpDirections

CONVERGED_M = 1e-4
COVARIANCE_NODES = 60
WEAK_PRIOR_SIGMA = 1e4


@dataclass(frozen=True, eq=False)
class Steps:
    """Odometry between successive poses. pose: (N - 1, 4, 4). sigma_rad, sigma_m: (N - 1,)."""

    pose: Float
    sigma_rad: Float
    sigma_m: Float


@dataclass(frozen=True, eq=False)
class SlowError:
    """How much of a fix's error is slow. share: of its variance; correlation_s: how long it lasts."""

    share: float
    correlation_s: float


@dataclass(frozen=True, eq=False)
class Anchor:
    """A pose known from elsewhere. node: its index; pose: (4, 4); sigma_m, sigma_rad: of position and yaw."""

    node: int
    pose: Float
    sigma_m: float
    sigma_rad: float


@dataclass(frozen=True, eq=False)
class SmoothedPath:
    """pose: (N, 4, 4). sigma_xy_m, sigma_z_m: (N,). converged: the last step was below 0.1 mm."""

    pose: Float
    sigma_xy_m: Float
    sigma_z_m: Float
    converged: bool


@dataclass(eq=False)
class _System:
    """Rows of the weighted linear system under construction."""

    rows: list[NDArray[np.int64]]
    columns: list[NDArray[np.int64]]
    values: list[Float]
    residuals: list[Float]
    count: int = 0

    @classmethod
    def empty(cls) -> _System:
        return cls([], [], [], [])

    def add(self, residual: Float, blocks: list[tuple[NDArray[np.int64], Float]], huber: float | None = None) -> None:
        """residual: (K, D), whitened. blocks: first unknown (K,) and whitened Jacobian (K, D, C) of each variable."""
        size, width = residual.shape
        weight = np.ones(size)
        if huber is not None:
            norm = np.linalg.norm(residual, axis=1)
            weight = np.sqrt(np.minimum(1.0, huber / np.maximum(norm, 1e-12)))
        row = self.count + np.arange(size * width).reshape(size, width)
        for start, jacobian in blocks:
            depth = jacobian.shape[2]
            self.rows.append(np.broadcast_to(row[:, :, None], jacobian.shape).ravel())
            column = start[:, None, None] + np.arange(depth)
            self.columns.append(np.broadcast_to(column, jacobian.shape).ravel())
            self.values.append((jacobian * weight[:, None, None]).ravel())
        self.residuals.append((residual * weight[:, None]).ravel())
        self.count += size * width

    def normal_equations(self, unknowns: int) -> tuple[csc_matrix, Float]:
        entries = (np.concatenate(self.values), (np.concatenate(self.rows), np.concatenate(self.columns)))
        jacobian = coo_matrix(entries, shape=(self.count, unknowns)).tocsr()
        return csc_matrix(jacobian.T @ jacobian), -jacobian.T @ np.concatenate(self.residuals)


def smooth(
    timestamps_ns: NDArray[np.int64],
    initial_pose: Float,
    steps: Steps,
    fixes: Fixes,
    slow_error: SlowError,
    up: UpDirections,
    anchor: Anchor | None,
    huber_sigmas: float,
    max_iterations: int,
) -> SmoothedPath:
    """Most likely poses and their uncertainty.

    timestamps_ns: (N,) of the poses. initial_pose: (N, 4, 4) map_SE3_ego, near enough to start from. fixes must lie
    between the first and the last pose. anchor: needed where there are no fixes.
    """
    pose, bias = initial_pose.copy(), np.zeros((len(fixes), 3))
    unknowns = 6 * len(pose) + bias.size
    converged = False
    for _ in range(max_iterations):
        system = _linearise(timestamps_ns, pose, bias, steps, fixes, slow_error, up, anchor, huber_sigmas)
        information, gradient = system.normal_equations(unknowns)
        delta = _factorised(information).solve(gradient)
        pose = _moved(pose, delta[: 6 * len(pose)].reshape(-1, 6))
        bias = bias + delta[6 * len(pose) :].reshape(-1, 3)
        converged = bool(np.abs(delta).max() < CONVERGED_M)
        if converged:
            break
    system = _linearise(timestamps_ns, pose, bias, steps, fixes, slow_error, up, anchor, huber_sigmas)
    sigma_xy, sigma_z = _sigmas(system.normal_equations(unknowns)[0], pose)
    return SmoothedPath(pose, sigma_xy, sigma_z, converged)


def _linearise(
    timestamps_ns: NDArray[np.int64],
    pose: Float,
    bias: Float,
    steps: Steps,
    fixes: Fixes,
    slow_error: SlowError,
    up: UpDirections,
    anchor: Anchor | None,
    huber_sigmas: float,
) -> _System:
    system = _System.empty()
    _add_steps(system, pose, steps, huber_sigmas)
    _add_up(system, pose, up, huber_sigmas)
    _add_weak_prior(system, pose)
    if anchor is not None:
        _add_anchor(system, pose, anchor)
    if len(fixes):
        _add_fixes(system, timestamps_ns, pose, bias, fixes, slow_error, huber_sigmas)
        _add_slow_error(system, 6 * len(pose), bias, fixes, slow_error)
    return system


def _add_steps(system: _System, pose: Float, steps: Steps, huber: float) -> None:
    a, b = pose[:-1], pose[1:]
    a_R_b = np.einsum("nji,njk->nik", a[:, :3, :3], b[:, :3, :3])
    offset = np.einsum("nji,nj->ni", a[:, :3, :3], b[:, :3, 3] - a[:, :3, 3])
    turn = Rotation.from_matrix(np.einsum("nji,njk->nik", steps.pose[:, :3, :3], a_R_b)).as_rotvec()
    weight = 1.0 / np.repeat(np.stack([steps.sigma_rad, steps.sigma_m], axis=1), 3, axis=1)
    eye = np.broadcast_to(np.eye(3), a_R_b.shape)
    first, second = np.zeros((len(a), 6, 6)), np.zeros((len(a), 6, 6))
    first[:, :3, :3] = -np.swapaxes(a_R_b, 1, 2)
    first[:, 3:, :3] = _cross_matrices(offset)
    first[:, 3:, 3:] = -eye
    second[:, :3, :3] = eye
    second[:, 3:, 3:] = a_R_b
    index = 6 * np.arange(len(a))
    residual = np.concatenate([turn, offset - steps.pose[:, :3, 3]], axis=1) * weight
    system.add(residual, [(index, first * weight[:, :, None]), (index + 6, second * weight[:, :, None])], huber)


def _add_up(system: _System, pose: Float, up: UpDirections, huber: float) -> None:
    """The map's z axis seen from the ego frame should be the measured up."""
    predicted = pose[up.nodes, 2, :3]
    jacobian = np.zeros((len(up.nodes), 3, 6))
    jacobian[:, :, :3] = _cross_matrices(predicted)
    residual = (predicted - up.up_ego) / up.sigma_rad
    system.add(residual, [(6 * up.nodes, jacobian / up.sigma_rad)], huber)


def _add_weak_prior(system: _System, pose: Float) -> None:
    """Keeps the system solvable where nothing measures a direction (a straight drive's roll)."""
    index = 6 * np.arange(len(pose))
    jacobian = np.broadcast_to(np.eye(6) / WEAK_PRIOR_SIGMA, (len(pose), 6, 6))
    system.add(np.zeros((len(pose), 6)), [(index, jacobian)])


def _add_anchor(system: _System, pose: Float, anchor: Anchor) -> None:
    """Position and yaw of one pose; its tilt stays free."""
    here = pose[anchor.node]
    jacobian = np.zeros((1, 4, 6))
    jacobian[0, :3, 3:] = here[:3, :3] / anchor.sigma_m
    jacobian[0, 3, :3] = here[2, :3] / anchor.sigma_rad
    turn = Rotation.from_matrix(here[:3, :3] @ anchor.pose[:3, :3].T).as_rotvec()[2]
    residual = np.append((here[:3, 3] - anchor.pose[:3, 3]) / anchor.sigma_m, turn / anchor.sigma_rad)
    system.add(residual[None], [(np.array([6 * anchor.node]), jacobian)])


def _add_fixes(
    system: _System,
    timestamps_ns: NDArray[np.int64],
    pose: Float,
    bias: Float,
    fixes: Fixes,
    slow_error: SlowError,
    huber: float,
) -> None:
    """A fix lies between two poses; the antenna moves linearly from one to the other."""
    before = np.clip(np.searchsorted(timestamps_ns, fixes.timestamps_ns, side="right") - 1, 0, len(pose) - 2)
    span = timestamps_ns[before + 1] - timestamps_ns[before]
    share = (fixes.timestamps_ns - timestamps_ns[before]) / span
    weight = 1.0 / (fixes.sigma_m * np.sqrt(1.0 - slow_error.share))
    lever = _cross_matrices(fixes.lever_ego_m[None])[0]
    predicted = bias - fixes.xyz_map
    blocks: list[tuple[NDArray[np.int64], Float]] = []
    for node, part in ((before, 1.0 - share), (before + 1, share)):
        rotation = pose[node, :3, :3]
        predicted = predicted + part[:, None] * (rotation @ fixes.lever_ego_m + pose[node, :3, 3])
        jacobian = np.concatenate([-rotation @ lever, rotation], axis=2) * part[:, None, None]
        blocks.append((6 * node, jacobian * weight[:, :, None]))
    eye = np.broadcast_to(np.eye(3), (len(fixes), 3, 3))
    blocks.append((6 * len(pose) + 3 * np.arange(len(fixes)), eye * weight[:, :, None]))
    system.add(predicted * weight, blocks, huber)


def _add_slow_error(system: _System, start: int, bias: Float, fixes: Fixes, slow_error: SlowError) -> None:
    """Gauss-Markov: b_k+1 = f b_k + noise with variance (1 - f^2) sigma^2; the first has the stationary variance."""
    sigma = np.maximum(fixes.sigma_m * np.sqrt(slow_error.share), 1e-4)
    index = start + 3 * np.arange(len(bias))
    eye = np.broadcast_to(np.eye(3), (len(bias), 3, 3))
    system.add(bias[:1] / sigma[:1], [(index[:1], eye[:1] / sigma[:1, :, None])])
    keep = np.exp(-np.diff(fixes.timestamps_ns) * 1e-9 / slow_error.correlation_s)[:, None]
    noise = sigma[1:] * np.sqrt(np.maximum(1.0 - keep * keep, 1e-6))
    blocks = [(index[:-1], -eye[1:] * (keep / noise)[:, :, None]), (index[1:], eye[1:] / noise[:, :, None])]
    system.add((bias[1:] - keep * bias[:-1]) / noise, blocks)


def _factorised(information: csc_matrix):  # type: ignore[no-untyped-def]  # SuperLU has no public type
    return splu(information, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def _moved(pose: Float, delta: Float) -> Float:
    moved = pose.copy()
    moved[:, :3, :3] = pose[:, :3, :3] @ Rotation.from_rotvec(delta[:, :3]).as_matrix()
    moved[:, :3, 3] = pose[:, :3, 3] + np.einsum("nij,nj->ni", pose[:, :3, :3], delta[:, 3:])
    return moved


def _sigmas(information: csc_matrix, pose: Float) -> tuple[Float, Float]:
    """Marginal uncertainty of some poses, interpolated in between: a full inverse would not fit."""
    nodes = np.unique(np.linspace(0, len(pose) - 1, COVARIANCE_NODES).round().astype(np.int64))
    factors = _factorised(information)
    sigma = np.empty((len(nodes), 2))
    for k, node in enumerate(nodes):
        right = np.zeros((information.shape[0], 3))
        right[6 * node + 3 + np.arange(3), np.arange(3)] = 1.0
        rotation = pose[node, :3, :3]
        covariance = rotation @ factors.solve(right)[6 * node + 3 : 6 * node + 6] @ rotation.T
        sigma[k] = np.sqrt(max(0.5 * (covariance[0, 0] + covariance[1, 1]), 0.0)), np.sqrt(max(covariance[2, 2], 0.0))
    everywhere = np.arange(len(pose))
    return np.interp(everywhere, nodes, sigma[:, 0]), np.interp(everywhere, nodes, sigma[:, 1])


def _cross_matrices(v: Float) -> Float:
    """(N, 3) to (N, 3, 3) with cross_matrices(v) @ w = v x w."""
    zero = np.zeros(len(v))
    x, y, z = v.T
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
