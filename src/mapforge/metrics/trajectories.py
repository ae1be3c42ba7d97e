"""How true a trajectory is: absolute, relative, and between drives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from mapforge.geometry.trajectory import Trajectory

Float = NDArray[np.float64]


def position_errors(truth: Trajectory, estimate: Trajectory) -> tuple[Float, Float]:
    """(N, 3) estimate minus truth at the estimate's times inside the truth's span, and (N, 3) the true positions."""
    covered = truth.covers(estimate.timestamps_ns)
    _, true_xyz = truth.poses_at(estimate.timestamps_ns[covered])
    return estimate.translation_m[covered] - true_xyz, true_xyz


def absolute_errors(truth: Trajectory, estimate: Trajectory, aligned: bool = False) -> dict[str, float]:
    """ATE: rmse, median and maximum of the horizontal position error, rmse of the height error.

    aligned: after the best rigid move in the plane (what odometry alone can be asked for).
    """
    error, true_xyz = position_errors(truth, estimate)
    if not len(error):
        return dict.fromkeys(("ate_rmse_m", "ate_median_m", "ate_max_m", "ate_height_rmse_m"), float("nan"))
    if aligned:
        error = _align(true_xyz + error, true_xyz) - true_xyz
    horizontal = np.linalg.norm(error[:, :2], axis=1)
    return {
        "ate_rmse_m": float(np.sqrt(np.mean(horizontal**2))),
        "ate_median_m": float(np.median(horizontal)),
        "ate_max_m": float(horizontal.max()),
        "ate_height_rmse_m": float(np.sqrt(np.mean(error[:, 2] ** 2))),
    }


def relative_errors(truth: Trajectory, estimate: Trajectory, distance_m: float = 100.0) -> dict[str, float]:
    """RPE: median error of the motion over `distance_m` of true path: metres a metre, radians a metre."""
    times = estimate.timestamps_ns[truth.covers(estimate.timestamps_ns)]
    if len(times) < 2:
        return {"rpe_m_per_m": float("nan"), "rpe_rad_per_m": float("nan")}
    true_rotation, true_xyz = truth.poses_at(times)
    rotation, xyz = estimate.poses_at(times)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(true_xyz[:, :2], axis=0), axis=1))])
    start = np.flatnonzero(along + distance_m <= along[-1])
    if not len(start):
        return {"rpe_m_per_m": float("nan"), "rpe_rad_per_m": float("nan")}
    end = np.searchsorted(along, along[start] + distance_m)
    end = np.minimum(end, len(along) - 1)
    true_step = np.einsum("nji,nj->ni", true_rotation[start], true_xyz[end] - true_xyz[start])
    step = np.einsum("nji,nj->ni", rotation[start], xyz[end] - xyz[start])
    true_turn = np.einsum("nji,njk->nik", true_rotation[start], true_rotation[end])
    turn = np.einsum("nji,njk->nik", rotation[start], rotation[end])
    angle = Rotation.from_matrix(np.einsum("nji,njk->nik", true_turn, turn)).magnitude()
    return {
        "rpe_m_per_m": float(np.median(np.linalg.norm(step - true_step, axis=1)) / distance_m),
        "rpe_rad_per_m": float(np.median(angle) / distance_m),
    }


def disagreement(
    truth_a: Trajectory, estimate_a: Trajectory, truth_b: Trajectory, estimate_b: Trajectory, reach_m: float = 10.0
) -> Float:
    """(K,) horizontal difference of two drives' position errors where their true paths pass within `reach_m`.

    It is what blurs a map of both, whatever bias they share.
    """
    error_a, xyz_a = position_errors(truth_a, estimate_a)
    error_b, xyz_b = position_errors(truth_b, estimate_b)
    if not len(xyz_a) or not len(xyz_b):
        return np.zeros(0)
    distance, nearest = (np.asarray(array) for array in cKDTree(xyz_b[:, :2]).query(xyz_a[:, :2]))
    near = distance <= reach_m
    return np.asarray(np.linalg.norm((error_a[near] - error_b[nearest[near]])[:, :2], axis=1))


def _align(xyz: Float, target: Float) -> Float:
    """The points moved rigidly in the plane, and by one height, onto the target (Umeyama 1991, no scale)."""
    centre, target_centre = xyz.mean(axis=0), target.mean(axis=0)
    a, b = (xyz - centre)[:, :2], (target - target_centre)[:, :2]
    yaw = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return np.column_stack([a @ turn.T, (xyz - centre)[:, 2]]) + target_centre
