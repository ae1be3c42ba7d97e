"""The noise found is the noise put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mapforge.localization.motion_measurements import GyroTurns, WheelSteps
from mapforge.localization.odometry_noise import measured_noise_m, measured_noise_rad

COUNT = 2000


def _steps(sigma_rad: float, sigma_m: float) -> np.ndarray:
    """Of 1 m each."""
    rng = np.random.default_rng(4)
    step = np.tile(np.eye(4), (COUNT, 1, 1))
    step[:, :3, :3] = Rotation.from_rotvec(sigma_rad * rng.standard_normal((COUNT, 3))).as_matrix()
    step[:, :3, 3] = (1.0, 0.0, 0.0) + sigma_m * rng.standard_normal((COUNT, 3)) * (1.0, 0.1, 0.1)
    return step


def _turns(bias_radps: float) -> GyroTurns:
    node = np.arange(COUNT)
    turn = np.full((COUNT, 3), 0.1 * bias_radps)
    return GyroTurns(node, turn, np.full(COUNT, 0.1), np.full((COUNT, 3), 1e-4), node // 300, 0.01, 1e-4)


def test_attitude_noise_is_found_whatever_the_gyro_bias() -> None:
    steps = _steps(3e-4, 0.01)
    for bias in (0.0, 0.01):
        found = measured_noise_rad(steps, np.ones(COUNT), _turns(bias))
        assert found == pytest.approx(3e-4, rel=0.2)


def test_noise_along_the_way_is_found_whatever_the_wheel_scale() -> None:
    steps = _steps(3e-4, 0.01)
    for scale in (1.0, 1.03):
        wheels = WheelSteps(np.arange(COUNT), np.full(COUNT, 1.0 / scale), np.full((COUNT, 3), 0.02))
        assert measured_noise_m(steps, np.linalg.norm(steps[:, :3, 3], axis=1), wheels) == pytest.approx(0.01, rel=0.2)


def test_nothing_to_compare_with_is_no_answer() -> None:
    steps = _steps(3e-4, 0.01)
    assert measured_noise_rad(steps, np.ones(COUNT), None) is None
    assert measured_noise_m(steps, np.ones(COUNT), None) is None
    few = WheelSteps(np.arange(20), np.ones(20), np.full((20, 3), 0.02))
    assert measured_noise_m(steps[:20], np.ones(20), few) is None
