"""Trajectory errors with a known error put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mapforge.geometry.trajectory import Trajectory
from mapforge.metrics.trajectories import absolute_errors, disagreement, relative_errors


def drive(offset: tuple[float, float] = (0.0, 0.0), yaw: float = 0.0, scale: float = 1.0) -> Trajectory:
    """300 m along x at 10 m/s, moved, turned about its start, stretched."""
    seconds = np.arange(0.0, 30.0, 0.1)
    x = 10.0 * seconds * scale
    xyz = np.column_stack([np.cos(yaw) * x + offset[0], np.sin(yaw) * x + offset[1], np.zeros(len(x))])
    quaternion = np.tile(Rotation.from_euler("z", yaw).as_quat()[[3, 0, 1, 2]], (len(x), 1))
    return Trajectory((seconds * 1e9).astype(np.int64), xyz, quaternion, np.full(len(x), 0.1))


def test_a_constant_offset_is_the_ate_and_alignment_removes_it() -> None:
    moved = drive(offset=(0.3, 0.4))
    assert absolute_errors(drive(), moved)["ate_rmse_m"] == pytest.approx(0.5)
    assert absolute_errors(drive(), moved, aligned=True)["ate_rmse_m"] == pytest.approx(0.0, abs=1e-9)
    assert absolute_errors(drive(), drive(yaw=0.1), aligned=True)["ate_max_m"] == pytest.approx(0.0, abs=1e-9)


def test_relative_error_sees_scale_not_offset() -> None:
    assert relative_errors(drive(), drive(offset=(5.0, 5.0)))["rpe_m_per_m"] == pytest.approx(0.0, abs=1e-9)
    assert relative_errors(drive(), drive(scale=1.02))["rpe_m_per_m"] == pytest.approx(0.02, rel=1e-3)
    assert np.isnan(relative_errors(drive(), drive(), distance_m=1e4)["rpe_m_per_m"])


def test_drives_that_share_a_bias_agree() -> None:
    same = disagreement(drive(), drive(offset=(1.0, 1.0)), drive(), drive(offset=(1.0, 1.0)))
    assert np.median(same) == pytest.approx(0.0, abs=1e-9)
    apart = disagreement(drive(), drive(offset=(0.0, 0.2)), drive(), drive(offset=(0.0, -0.1)))
    assert np.median(apart) == pytest.approx(0.3)
    elsewhere = drive(offset=(0.0, 100.0))
    assert len(disagreement(drive(), drive(), elsewhere, elsewhere)) == 0
