"""Every measurement's Jacobian against finite differences, at a state where nothing is zero."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.spatial.transform import Rotation

from mapforge.localization.drive_state import Calibration, DriveState, Layout
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import UpDirections
from mapforge.localization.motion_measurements import GyroTurns, OdometrySteps, WheelSteps
from mapforge.localization.place_measurements import Anchor, Attitudes, FixedPlaces, Priors, SlowError, Verticals
from mapforge.localization.pose_graph import Measurement
from mapforge.localization.sparse_system import Kernel, SparseSystem

COUNT, FIXES = 5, 3
LAYOUT = Layout(COUNT, (FIXES,), 2)
TIMES = np.arange(COUNT, dtype=np.int64) * 100_000_000
NO_KERNEL = Kernel(1e9)
CLOCK = LAYOUT.calibration(Calibration.gnss_clock_s, 1)[0]


def _poses(rng: np.random.Generator) -> np.ndarray:
    pose = np.tile(np.eye(4), (COUNT, 1, 1))
    pose[:, :3, :3] = Rotation.from_rotvec(rng.normal(0.0, 0.02, (COUNT, 3)) + (0.1, -0.2, 0.7)).as_matrix()
    pose[:, :3, 3] = np.arange(COUNT)[:, None] * (0.9, 0.7, 0.1) + rng.normal(0.0, 0.05, (COUNT, 3))
    return pose


def _state(rng: np.random.Generator) -> DriveState:
    start = DriveState.at(_poses(rng), LAYOUT)
    delta = np.zeros(LAYOUT.size)
    delta[6 * COUNT :] = rng.normal(0.0, 0.01, LAYOUT.size - 6 * COUNT)
    return start.moved(delta, LAYOUT)


def _measurements(rng: np.random.Generator) -> dict[str, Measurement]:
    step = np.tile(np.eye(4), (COUNT - 1, 1, 1))
    step[:, 0, 3] = 1.1
    node = np.array([0, 1, 3])
    span = np.full(3, 0.1)
    up = rng.normal(0.0, 0.1, (2, 3)) + (0.0, 0.0, 1.0)
    fixes = Fixes(
        TIMES[1:-1] + 30_000_000, rng.normal(0, 1, (3, 3)), rng.uniform(0.5, 1.5, (3, 3)), np.array([0.3, 0.2, 1.5])
    )
    return {
        "odometry": OdometrySteps(step, np.full(4, 0.5), np.full(4, 0.3), scaled=True),
        "gyro": GyroTurns(node, rng.normal(0, 0.01, (3, 3)), span, np.full((3, 3), 0.1), np.array([0, 0, 1]), 1.0, 0.5),
        "wheels": WheelSteps(node, np.array([1.0, 1.2, -0.5]), rng.uniform(0.1, 0.3, (3, 3))),
        "fixes": FixedPlaces(TIMES, fixes, SlowError(0.6, 10.0), 0, calibrated=True),
        "log poses": FixedPlaces(TIMES, fixes, SlowError(0.6, 10.0), 0, calibrated=False),
        "verticals": Verticals(UpDirections(np.array([1, 4]), up, 0.1)),
        "attitudes": Attitudes(np.array([2]), _poses(rng)[2:3, :3, :3], 0.1),
        "anchor": Anchor(1, _poses(rng)[1], 0.2, 0.1),
        "priors": Priors(np.linspace(0.5, 1.5, len(Calibration))),
    }


NAMES = list(_measurements(np.random.default_rng(0)))


def _system(measurement: Measurement, state: DriveState) -> SparseSystem:
    system = SparseSystem()
    measurement.add_to(system, state, LAYOUT, NO_KERNEL)
    return system


@pytest.mark.parametrize("name", NAMES)
def test_jacobian_is_the_slope_of_the_residual(name: str) -> None:
    rng = np.random.default_rng(3)
    state, measurement = _state(rng), _measurements(rng)[name]
    system = _system(measurement, state)
    entries = (np.concatenate(system.values), (np.concatenate(system.rows), np.concatenate(system.columns)))
    stated = coo_matrix(entries, shape=(system.count, LAYOUT.size)).toarray()
    eps = 1e-6
    for unknown in range(LAYOUT.size):
        delta = np.zeros(LAYOUT.size)
        delta[unknown] = eps
        after, before = (
            np.concatenate(_system(measurement, state.moved(sign * delta, LAYOUT)).residuals) for sign in (1.0, -1.0)
        )
        slope = (after - before) / (2 * eps)
        # turns are linearised near agreement, and the clock sees the mean speed of some seconds
        allowed = 0.15 if unknown == CLOCK else 0.06
        assert np.abs(slope - stated[:, unknown]).max() < allowed * np.abs(stated).max(), f"{name}, unknown {unknown}"


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
def test_loss_is_what_the_weights_minimise(power: float) -> None:
    kernel = Kernel(2.0, power)
    norm = np.linspace(0.1, 30.0, 300)
    slope = (kernel.loss(norm + 1e-6) - kernel.loss(norm - 1e-6)) / 2e-6
    assert slope == pytest.approx(2.0 * kernel.weight(norm) * norm, rel=1e-4)


def test_a_gross_error_has_less_say_the_larger_it_is() -> None:
    kernel = Kernel(2.0, 4.0)
    pull = kernel.weight(np.array([2.0, 5.0, 50.0])) * (2.0, 5.0, 50.0)
    assert pull[0] == 2.0 and pull[1] < 0.2 and pull[2] < 1e-3
