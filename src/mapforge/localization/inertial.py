"""Turn rates of a drive, and the turns from one pose to the next they add up to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float
from mapforge.localization.motion_measurements import GyroTurns

MAX_SAMPLE_GAP_NS = 150_000_000
BIAS_KNOT_NS = 30_000_000_000
SCALE_ERROR = 0.003
UNKNOWN_SIGMA_RAD = 0.1
MIN_STEERING_SPEED_MPS = 0.5


@dataclass(frozen=True, eq=False)
class TurnRates:
    """timestamps_ns: (N,) strictly increasing. rate_ego: (N, 3) rad/s. yaw_only: roll and pitch were not measured.
    source: gyro, yaw rate or steering.
    """

    timestamps_ns: NDArray[np.int64]
    rate_ego: Float
    yaw_only: bool
    source: str


def turn_rates(imu: pa.Table, vehicle: pa.Table, ego_R_imu: Float, wheelbase_m: float) -> TurnRates | None:
    """Of the gyro; else the car's own yaw rate; else what speed and steering angle make it; None without any."""
    columns = [imu[name].to_numpy() for name in ("gx_radps", "gy_radps", "gz_radps")]
    times, rates = measured(imu["timestamp_ns"].to_numpy(), np.stack(columns, axis=1))
    if len(times) >= 2:
        return TurnRates(times, rates @ ego_R_imu.T, yaw_only=False, source="gyro")
    stamps, speed = vehicle["timestamp_ns"].to_numpy(), vehicle["speed_mps"].to_numpy()
    steered = speed * np.tan(vehicle["steering_angle_rad"].to_numpy()) / wheelbase_m
    for values, source in ((vehicle["yaw_rate_radps"].to_numpy(), "yaw rate"), (steered, "steering")):
        times, yaw = measured(stamps, values[:, None])
        if len(times) >= 2:
            return TurnRates(times, yaw * (0.0, 0.0, 1.0), yaw_only=True, source=source)
    return None


def measured(times_ns: NDArray[np.int64], values: Float) -> tuple[NDArray[np.int64], Float]:
    """Rows (N, D) that are finite, one a time, in order of time."""
    finite = np.isfinite(values).all(axis=1)
    times, first = np.unique(times_ns[finite], return_index=True)
    return times, values[finite][first]


def gyro_turns(
    rates: TurnRates | None,
    pose_times_ns: NDArray[np.int64],
    noise_rad: float,
    bias_sigma_radps: float,
    bias_walk_radps: float,
) -> GyroTurns | None:
    """Turns wherever samples follow each other closely; None when there are none.

    noise_rad: random walk per square root of a second. bias_walk_radps: change of the bias in a minute.
    """
    if rates is None:
        return None
    node = steps_covered(rates.timestamps_ns, pose_times_ns)
    if not len(node):
        return None
    turn = integrated(rates.timestamps_ns, rates.rate_ego, pose_times_ns[node], pose_times_ns[node + 1])
    span_s = np.asarray((pose_times_ns[node + 1] - pose_times_ns[node]) * 1e-9, dtype=np.float64)
    sigma = np.sqrt(noise_rad**2 * span_s[:, None] + (SCALE_ERROR * turn) ** 2)
    if rates.yaw_only:
        sigma[:, :2] = UNKNOWN_SIGMA_RAD
    knot = (pose_times_ns[node] - pose_times_ns[0]) // BIAS_KNOT_NS
    walk = bias_walk_radps * np.sqrt(BIAS_KNOT_NS / 60e9)
    return GyroTurns(node, turn, span_s, sigma, knot, bias_sigma_radps, walk)


def knots_of(turns: GyroTurns | None) -> int:
    """How many gyro biases a drive has."""
    return 0 if turns is None else int(turns.knot.max()) + 1


def steps_covered(sample_times_ns: NDArray[np.int64], pose_times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Poses from which to the next one there is no gap in the samples."""
    if len(sample_times_ns) < 2:
        return np.zeros(0, dtype=np.int64)
    gaps = np.concatenate([[0], np.cumsum(np.diff(sample_times_ns) > MAX_SAMPLE_GAP_NS)])
    before = np.searchsorted(sample_times_ns, pose_times_ns[:-1], side="right") - 1
    after = np.searchsorted(sample_times_ns, pose_times_ns[1:], side="left")
    inside = (before >= 0) & (after < len(sample_times_ns))
    before, after = np.maximum(before, 0), np.minimum(after, len(sample_times_ns) - 1)
    return np.flatnonzero(inside & (gaps[before] == gaps[after]))


def integrated(
    times_ns: NDArray[np.int64], values: Float, from_ns: NDArray[np.int64], to_ns: NDArray[np.int64]
) -> Float:
    """Integral over seconds of values (N,) or (N, D), linear between samples, from each start to its end."""
    seconds = (times_ns - times_ns[0]) * 1e-9
    columns = values.reshape(len(values), -1)
    half = 0.5 * np.diff(seconds)[:, None] * (columns[1:] + columns[:-1])
    total = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(half, axis=0)])

    def until(moment_ns: NDArray[np.int64]) -> Float:
        at = (moment_ns - times_ns[0]) * 1e-9
        left = np.clip(np.searchsorted(seconds, at, side="right") - 1, 0, len(seconds) - 2)
        share = ((at - seconds[left]) / (seconds[left + 1] - seconds[left]))[:, None]
        value = columns[left] + share * (columns[left + 1] - columns[left])
        return np.asarray(total[left] + 0.5 * (at - seconds[left])[:, None] * (columns[left] + value))

    return (until(to_ns) - until(from_ns)).reshape(-1, *values.shape[1:])
