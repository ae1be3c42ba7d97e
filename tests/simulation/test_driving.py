import numpy as np
import pytest

from mapforge.geometry.grid import BevGrid
from mapforge.geometry.se3 import SE3
from mapforge.simulation.driving import STEP_M, DrivenPath, poses, smooth_path, speed_over
from mapforge.simulation.world import Heightfield


def plane(slope_x: float, slope_y: float) -> Heightfield:
    grid = BevGrid(-20.0, -60.0, 1.0, 120, 340)
    rows, columns = np.indices(grid.shape)
    xy = grid.centres_of(rows.ravel(), columns.ravel())
    z = xy @ np.array([slope_x, slope_y])
    return Heightfield(grid, z.reshape(grid.shape).astype(np.float32))


def straight(length_m: float) -> np.ndarray:
    return smooth_path(np.array([[0.0, 0.0], [length_m, 0.0]]))


def test_speed_respects_limits_bends_and_accelerations() -> None:
    angle = np.linspace(0, np.pi / 2, 60)
    bend = np.stack([100 + 8 * np.sin(angle), 8 - 8 * np.cos(angle)], axis=1)
    xy = smooth_path(np.vstack([[[0.0, 0.0]], bend, [[108.0, 100.0]]]))
    speed = speed_over(xy, np.full(len(xy), 12.0), [])
    assert speed.max() <= 12.0 + 1e-9
    assert 3.5 < speed[np.abs(np.linalg.norm(xy - [105.6, 2.3], axis=1)).argmin()] < 5.5
    rise = np.diff(speed**2) / (2 * STEP_M)
    assert rise.min() > -2.25 and rise.max() < 1.85


def test_a_stop_stands_still_for_its_time() -> None:
    xy = straight(150.0)
    wait = np.zeros(len(xy))
    wait[160] = 3.0
    path = DrivenPath(xy, speed_over(xy, np.full(len(xy), 10.0), [160]), wait)
    translation, _ = poses(path, plane(0, 0), 20.0)
    speed = np.linalg.norm(np.diff(translation[:, :2], axis=0), axis=1) * 100
    still = np.flatnonzero(speed < 0.05)
    assert 150 <= len(still) <= 420
    assert translation[still[0], 0] == pytest.approx(xy[160, 0], abs=0.3)
    acceleration = np.diff(speed) * 100
    assert np.abs(acceleration).max() < 6.0


def test_attitude_follows_the_ground() -> None:
    xy = straight(100.0)
    path = DrivenPath(xy, np.full(len(xy), 10.0), np.zeros(len(xy)))
    translation, quaternion = poses(path, plane(0.05, 0.02), 5.0)
    pose = SE3.from_quaternion(quaternion[250], translation[250])
    assert translation[250, 2] == pytest.approx(0.05 * translation[250, 0], abs=1e-3)
    ahead, left = pose.rotation[:, 0], pose.rotation[:, 1]
    assert ahead[2] / np.hypot(*ahead[:2]) == pytest.approx(0.05, abs=1e-3)
    assert left[2] / np.hypot(*left[:2]) == pytest.approx(0.02, abs=1e-3)


def test_poses_move_at_their_speed_without_jumps() -> None:
    angle = np.linspace(0, np.pi, 200)
    xy = smooth_path(np.stack([30 * np.sin(angle), 30 - 30 * np.cos(angle)], axis=1))
    path = DrivenPath(xy, np.full(len(xy), 6.0), np.zeros(len(xy)))
    translation, quaternion = poses(path, plane(0, 0), 10.0)
    velocity = np.diff(translation, axis=0) * 100
    assert np.allclose(np.linalg.norm(velocity, axis=1), 6.0, atol=0.05)
    assert np.abs(np.diff(velocity, axis=0) * 100).max() < 2.0  # 6^2 / 30 = 1.2 towards the centre
    heading = 2 * np.arctan2(quaternion[:, 3], quaternion[:, 0])
    assert np.abs(np.unwrap(heading)[1:] - np.unwrap(np.arctan2(velocity[:, 1], velocity[:, 0]))).max() < 0.01
