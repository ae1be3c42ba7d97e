"""Poses between poses: smooth enough to take the motion out of a sweep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory

MIN_SPLINE_POSES = 4
CHUNK_POSES = 2000
OVERLAP_POSES = 20


def trajectory_of(
    timestamps_ns: NDArray[np.int64], pose: Float, sigma_xy_m: Float, rate_hz: float, margin_ns: int
) -> tuple[Trajectory, NDArray[np.float64]]:
    """Cubic splines through the poses, sampled at the poses and at least at `rate_hz` in between.

    pose: (N, 4, 4). margin_ns: the path is continued this far beyond both ends at constant velocity, since the points
    of the first and last sweep are measured there. Returns the trajectory and its times as fractions of the pose
    index (for interpolating what else belongs to the poses).
    """
    times, index = _dense_times(timestamps_ns, rate_hz)
    translation, quaternion = _interpolated(timestamps_ns, pose, times)
    sigma = np.interp(times, timestamps_ns, sigma_xy_m)
    translation, quaternion = _continued(times, translation, quaternion, margin_ns)
    times = np.concatenate([[times[0] - margin_ns], times, [times[-1] + margin_ns]])
    index = np.concatenate([index[:1], index, index[-1:]])
    return Trajectory(times, translation, quaternion, np.concatenate([sigma[:1], sigma, sigma[-1:]])), index


def _dense_times(timestamps_ns: NDArray[np.int64], rate_hz: float) -> tuple[NDArray[np.int64], Float]:
    step_ns = np.diff(timestamps_ns)
    pieces = np.maximum(np.ceil(step_ns * 1e-9 * rate_hz - 1e-6).astype(np.int64), 1)
    first = np.repeat(np.arange(len(step_ns)), pieces)
    part = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = part / pieces[first]
    times = timestamps_ns[first] + np.round(share * step_ns[first]).astype(np.int64)
    return np.append(times, timestamps_ns[-1]), np.append(first + share, len(timestamps_ns) - 1.0)


def _interpolated(timestamps_ns: NDArray[np.int64], pose: Float, times_ns: NDArray[np.int64]) -> tuple[Float, Float]:
    if len(pose) < MIN_SPLINE_POSES:
        quaternion = Rotation.from_matrix(pose[:, :3, :3]).as_quat(canonical=True)[:, [3, 0, 1, 2]]
        linear = Trajectory(timestamps_ns, pose[:, :3, 3], quaternion, np.zeros(len(pose)))
        rotation, translation = linear.poses_at(times_ns)
        return translation, Rotation.from_matrix(rotation).as_quat(canonical=True)[:, [3, 0, 1, 2]]
    knots, seconds = ((t - timestamps_ns[0]) * 1e-9 for t in (timestamps_ns, times_ns))
    translation = CubicSpline(knots, pose[:, :3, 3])(seconds)
    return translation, _spline_rotations(knots, pose[:, :3, :3], seconds)


def _spline_rotations(knots_s: Float, rotation: Float, seconds: Float) -> Float:
    """(M, 4) quaternions; in overlapping chunks, since the spline's solver slows down on long paths."""
    quaternion = np.empty((len(seconds), 4))
    for start in range(0, len(knots_s) - 1, CHUNK_POSES):
        stop = min(start + CHUNK_POSES, len(knots_s) - 1)
        low, high = max(start - OVERLAP_POSES, 0), min(stop + OVERLAP_POSES, len(knots_s) - 1)
        spline = RotationSpline(knots_s[low : high + 1], Rotation.from_matrix(rotation[low : high + 1]))
        inside = (seconds >= knots_s[start]) & (seconds <= knots_s[stop])
        quaternion[inside] = spline(seconds[inside]).as_quat(canonical=True)[:, [3, 0, 1, 2]]
    return quaternion


def _continued(
    times_ns: NDArray[np.int64], translation: Float, quaternion: Float, margin_ns: int
) -> tuple[Float, Float]:
    """One pose more at either end, at the velocity of the last step there."""
    rotation = Rotation.from_quat(quaternion[:, [1, 2, 3, 0]])
    ends = []
    for end, inner in ((0, 1), (len(times_ns) - 1, len(times_ns) - 2)):
        share = margin_ns / abs(int(times_ns[end] - times_ns[inner]))
        turn = (rotation[inner].inv() * rotation[end]).as_rotvec() * share
        turned = (rotation[end] * Rotation.from_rotvec(turn)).as_quat(canonical=True)[[3, 0, 1, 2]]
        ends.append((translation[end] + (translation[end] - translation[inner]) * share, turned))
    translation = np.concatenate([ends[0][0][None], translation, ends[1][0][None]])
    return translation, np.concatenate([ends[0][1][None], quaternion, ends[1][1][None]])
