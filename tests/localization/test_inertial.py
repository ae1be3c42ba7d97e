"""Integrals of sampled signals between poses, and where a gap forbids them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.localization.inertial import gyro_turns, integrated, steps_covered, turn_rates
from mapforge.localization.wheels import wheel_steps
from mapforge.schemas.drive import IMU, VEHICLE

SECOND = 10**9


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 9 * 10**8), st.integers(1, 10**9))
def test_the_integral_of_a_line_is_exact(start: float, slope: float, begin_ns: int, span_ns: int) -> None:
    times = np.sort(np.random.default_rng(1).choice(2 * SECOND, 200, replace=False))
    times = np.unique(np.concatenate([[0], times, [2 * SECOND]]))
    values = start + slope * times * 1e-9
    end_ns = min(begin_ns + span_ns, 2 * SECOND)
    a, b = begin_ns * 1e-9, end_ns * 1e-9
    found = integrated(times, values, np.array([begin_ns]), np.array([end_ns]))
    assert found[0] == pytest.approx(start * (b - a) + 0.5 * slope * (b * b - a * a), abs=1e-6)


def test_steps_over_a_gap_or_beyond_the_samples_are_left_out() -> None:
    samples = np.concatenate([np.arange(0, 20), np.arange(60, 100)]) * (SECOND // 100)
    poses = np.arange(0, 11) * (SECOND // 10)
    assert steps_covered(samples, poses).tolist() == [0, 6, 7, 8]


def test_turns_come_from_the_best_sensor_there_is() -> None:
    times = np.arange(0, SECOND, SECOND // 100)
    flat = np.zeros(len(times))
    imu = pa.Table.from_arrays([times, flat, flat, flat, flat, flat, flat + 0.3], schema=IMU)
    columns = {name: np.full(len(times), np.nan) for name in VEHICLE.names[1:]}
    columns |= {"speed_mps": flat + 8.0, "steering_angle_rad": flat + np.arctan(0.1 * 2.8 / 8.0)}
    steered = pa.table({"timestamp_ns": times, **columns}, schema=VEHICLE)
    both = pa.table({"timestamp_ns": times, **columns, "yaw_rate_radps": flat + 0.2}).select(VEHICLE.names)
    for table, vehicle, source, rate in (
        (imu, both, "gyro", 0.3),
        (IMU.empty_table(), both, "yaw rate", 0.2),
        (IMU.empty_table(), steered, "steering", 0.1),
    ):
        found = turn_rates(table, vehicle, np.eye(3), 2.8)
        assert found is not None and found.source == source
        assert found.rate_ego[:, 2] == pytest.approx(rate)
    assert turn_rates(IMU.empty_table(), VEHICLE.empty_table(), np.eye(3), 2.8) is None
    yaw_only = gyro_turns(turn_rates(IMU.empty_table(), steered, np.eye(3), 2.8), times[::10], 1e-3, 0.01, 1e-4)
    assert yaw_only is not None and (yaw_only.sigma_rad[:, 0] > 10 * yaw_only.sigma_rad[:, 2]).all()


def test_wheels_that_stand_are_sure_of_it() -> None:
    times = np.arange(0, 2 * SECOND, SECOND // 50)
    columns = {name: np.full(len(times), np.nan) for name in VEHICLE.names[1:]}
    columns["speed_mps"] = np.where(times < SECOND, 0.0, 10.0)
    vehicle = pa.table({"timestamp_ns": times, **columns}, schema=VEHICLE)
    steps = wheel_steps(vehicle, np.arange(0, 19) * (SECOND // 10), 0.02)
    assert steps is not None
    assert steps.distance_m[2] == 0.0 and steps.distance_m[15] == pytest.approx(1.0)
    assert steps.sigma_m[2, 0] < 0.002 < 0.015 < steps.sigma_m[15, 0]
