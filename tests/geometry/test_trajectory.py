"""Trajectories: interpolation against a plain computation, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mapforge.geometry.trajectory import Trajectory

START_NS = 1_700_000_000_000_000_000


def make(seed: int = 0, poses: int = 6) -> Trajectory:
    rng = np.random.default_rng(seed)
    times = START_NS + np.cumsum(rng.integers(1_000_000, 200_000_000, poses))
    quaternions = Rotation.from_euler("zyx", np.cumsum(rng.normal(0, 0.2, (poses, 3)), axis=0)).as_quat()
    translation = np.cumsum(rng.normal(0, 2.0, (poses, 3)), axis=0)
    return Trajectory(times, translation, quaternions[:, [3, 0, 1, 2]], np.full(poses, 0.05))


@given(st.integers(0, 100))
def test_poses_at_knots_are_the_knots(seed: int) -> None:
    path = make(seed)
    rotations, translations = path.poses_at(path.timestamps_ns)
    np.testing.assert_allclose(translations, path.translation_m, atol=1e-9)
    expected = Rotation.from_quat(path.quaternion_wxyz[:, [1, 2, 3, 0]]).as_matrix()
    np.testing.assert_allclose(rotations, expected, atol=1e-9)


@given(st.integers(0, 100), st.floats(0.0, 1.0))
def test_between_two_poses_it_is_linear_in_place_and_in_turn(seed: int, share: float) -> None:
    path = make(seed, 2)
    time_ns = path.start_ns + round(share * (path.end_ns - path.start_ns))
    share = (time_ns - path.start_ns) / (path.end_ns - path.start_ns)
    pose = path.pose_at(time_ns)
    a, b = (Rotation.from_quat(q[[1, 2, 3, 0]]) for q in path.quaternion_wxyz)
    expected = a * Rotation.from_rotvec(share * (a.inv() * b).as_rotvec())
    np.testing.assert_allclose(pose.rotation, expected.as_matrix(), atol=1e-6)
    np.testing.assert_allclose(
        pose.translation_m, (1 - share) * path.translation_m[0] + share * path.translation_m[1], atol=1e-6
    )


def test_no_extrapolation() -> None:
    path = make()
    outside = np.array([path.start_ns - 10**9, path.start_ns, path.end_ns, path.end_ns + 1])
    assert path.covers(outside).tolist() == [False, True, True, False]
    _, translations = path.poses_at(outside)
    np.testing.assert_array_equal(translations[[0, 3]], path.translation_m[[0, -1]])


def test_nanoseconds_are_not_lost_to_floats() -> None:
    """At 1.7e18 ns a float64 steps by 256 ns; at 1 km/s that would be 0.25 mm, so time is taken relative first."""
    times = np.array([START_NS, START_NS + 1000])
    path = Trajectory(times, np.array([[0.0, 0, 0], [1.0, 0, 0]]), np.array([[1.0, 0, 0, 0]] * 2), np.zeros(2))
    assert path.pose_at(START_NS + 1).translation_m[0] == pytest.approx(0.001, rel=1e-6)


def test_length_is_horizontal() -> None:
    path = Trajectory(
        np.array([0, 1, 2]), np.array([[0.0, 0, 0], [3, 4, 7], [3, 5, 0]]), np.array([[1.0, 0, 0, 0]] * 3), np.zeros(3)
    )
    assert path.length_m == 6.0


@pytest.mark.parametrize("times", [[5], [5, 5], [6, 5]])
def test_times_must_rise(times: list[int]) -> None:
    count = len(times)
    with pytest.raises(ValueError, match="increasing"):
        Trajectory(np.array(times), np.zeros((count, 3)), np.tile([1.0, 0, 0, 0], (count, 1)), np.zeros(count))
