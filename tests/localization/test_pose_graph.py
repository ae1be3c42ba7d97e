"""The smoother on paths small enough to know the answer."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mapforge.localization.drive_state import Calibration, DriveState, Layout
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import UpDirections
from mapforge.localization.motion_measurements import OdometrySteps
from mapforge.localization.place_measurements import Anchor, FixedPlaces, Priors, SlowError, Verticals
from mapforge.localization.pose_graph import Measurement, Solution, smooth

COUNT = 41
TIMES = np.arange(COUNT, dtype=np.int64) * 100_000_000


def _truth() -> np.ndarray:
    """Poses 1 m apart on a gentle bend that climbs."""
    pose = np.tile(np.eye(4), (COUNT, 1, 1))
    yaw = 0.3 + 0.01 * np.arange(COUNT)
    pose[:, :3, :3] = Rotation.from_euler("zy", np.column_stack([yaw, np.full(COUNT, -0.03)])).as_matrix()
    for k in range(1, COUNT):
        pose[k, :3, 3] = pose[k - 1, :3, 3] + pose[k - 1, :3, 0]
    return pose


def _fixes(pose: np.ndarray, lever_m: np.ndarray, sigma_m: float, error_m: np.ndarray) -> Fixes:
    antenna = pose[:, :3, :3] @ lever_m + pose[:, :3, 3] + error_m
    return Fixes(TIMES[::2], antenna[::2], np.full((len(TIMES[::2]), 3), sigma_m), lever_m)


def _smooth(
    initial: np.ndarray,
    fixes: Fixes,
    anchor: Anchor | None = None,
    share: float = 0.0,
    calibration_sigma: float = 1e-6,
) -> Solution:
    truth = _truth()
    sigma = np.full(COUNT - 1, 1.0)
    nodes = np.array([0, 20, 40])
    measurements: list[Measurement] = [
        OdometrySteps(np.linalg.inv(truth[:-1]) @ truth[1:], sigma * 1e-3, sigma * 0.01),
        Verticals(UpDirections(nodes, truth[nodes, 2, :3], 0.01)),
        Priors(np.full(len(Calibration), calibration_sigma)),
    ]
    if anchor is not None:
        measurements.append(anchor)
    if len(fixes):
        measurements.append(FixedPlaces(TIMES, fixes, SlowError(share, 60.0), 0, calibrated=True))
    layout = Layout(COUNT, (len(fixes),) if len(fixes) else (), 0)
    return smooth(DriveState.at(initial, layout), layout, measurements, (1.0, 4.0), 2.0, 20)


def _disturbed(truth: np.ndarray) -> np.ndarray:
    pose = truth.copy()
    turn = Rotation.from_euler("zyx", (0.2, 0.02, -0.02)).as_matrix()
    pose[:, :3, :3] = turn @ pose[:, :3, :3]
    pose[:, :3, 3] = pose[:, :3, 3] @ turn.T + (3.0, -2.0, 1.0)
    return pose


def test_recovers_the_truth_from_a_disturbed_start_with_a_lever_arm() -> None:
    truth, lever = _truth(), np.array([0.5, -0.3, 1.6])
    found = _smooth(_disturbed(truth), _fixes(truth, lever, 0.1, np.zeros(3)))
    assert found.converged
    assert np.abs(found.pose - truth).max() < 1e-4


def test_multipath_does_not_pull_the_path() -> None:
    truth = _truth()
    error = np.zeros((COUNT, 3))
    error[16:22] = (15.0, -20.0, 5.0)
    found = _smooth(_disturbed(truth), _fixes(truth, np.zeros(3), 0.1, error))
    assert np.linalg.norm(found.pose[:, :2, 3] - truth[:, :2, 3], axis=1).max() < 0.15


def test_slow_error_is_not_averaged_away() -> None:
    truth = _truth()
    white = _smooth(truth, _fixes(truth, np.zeros(3), 0.5, np.zeros(3)), share=0.0)
    slow = _smooth(truth, _fixes(truth, np.zeros(3), 0.5, np.zeros(3)), share=0.8)
    assert white.pose_sigma().xy_m.mean() < 0.2 < 0.35 < slow.pose_sigma().xy_m.mean() < 0.5


def test_uncertainty_grows_away_from_an_anchor() -> None:
    truth = _truth()
    none = Fixes(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(3))
    found = _smooth(truth, none, Anchor(0, truth[0], 0.01, 1e-4))
    assert np.abs(found.pose - truth).max() < 1e-6
    assert (
        found.pose_sigma().xy_m[0] < 0.02
        and np.all(np.diff(found.pose_sigma().xy_m) > -1e-6)
        and found.pose_sigma().xy_m[-1] > 0.05
    )


def test_up_directions_level_a_tilted_path() -> None:
    truth = _truth()
    tilted = _disturbed(truth)
    anchor = Anchor(0, truth[0], 0.01, 1e-4)
    none = Fixes(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(3))
    found = _smooth(tilted, none, anchor)
    assert np.abs(found.pose[:, 2, :3] - truth[:, 2, :3]).max() < 1e-3
