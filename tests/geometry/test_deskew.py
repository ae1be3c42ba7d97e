"""The quadratic of a sweep's motion against each point's own pose."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.deskew import SweepMotion
from mapforge.geometry.trajectory import Trajectory


def _arc(yaw_rate_radps: float, speed_mps: float) -> Trajectory:
    seconds = np.arange(-0.2, 0.2, 0.0005)
    yaw = yaw_rate_radps * seconds
    radius_x = speed_mps * seconds * np.cos(yaw / 2)
    translation = np.column_stack([1e4 + radius_x, 2e4 + speed_mps * seconds * np.sin(yaw / 2), 300 + 0 * yaw])
    quaternion = np.column_stack([np.cos(yaw / 2), 0 * yaw, 0 * yaw, np.sin(yaw / 2)])
    times = np.round(seconds * 1e9).astype(np.int64) + 10**18
    return Trajectory(times, translation, quaternion, np.zeros(len(times)))


@given(st.floats(-1.0, 1.0), st.floats(0.0, 30.0), st.integers(-100_000_000, 0))
@settings(max_examples=20, deadline=None)
def test_every_point_lands_where_its_own_pose_puts_it(yaw_rate: float, speed: float, first_ns: int) -> None:
    trajectory = _arc(yaw_rate, speed)
    rng = np.random.default_rng(1)
    xyz = rng.uniform(-40, 40, (200, 3))
    offset = rng.integers(first_ns, first_ns + 100_000_000, 200)
    rotation, translation = trajectory.poses_at(10**18 + offset)
    expected = np.einsum("nij,nj->ni", rotation, xyz) + translation
    moved = SweepMotion.along(trajectory, 10**18, offset).transform(xyz, offset)
    assert np.abs(moved - expected).max() < 1e-3


def test_float32_stays_exact_relative_to_an_origin() -> None:
    trajectory = _arc(0.3, 15.0)
    xyz = np.random.default_rng(2).uniform(-40, 40, (100, 3))
    offset = np.linspace(-50e6, 50e6, 100).astype(np.int64)
    motion = SweepMotion.along(trajectory, 10**18, offset)
    origin = np.array([1e4, 2e4, 300.0])
    exact = motion.transform(xyz, offset) - origin
    single = motion.transform(xyz.astype(np.float32), offset, origin)
    assert single.dtype == np.float32
    assert np.abs(single - exact).max() < 2e-5


def test_an_instant_is_one_pose() -> None:
    trajectory = _arc(0.5, 10.0)
    xyz = np.eye(3)
    moved = SweepMotion.along(trajectory, 10**18, np.zeros(3, np.int64)).transform(xyz, np.zeros(3, np.int64))
    assert np.allclose(moved, trajectory.pose_at(10**18).transform(xyz))
