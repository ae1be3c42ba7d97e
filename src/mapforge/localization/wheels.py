"""Rolled distance between poses from wheel speed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mapforge.localization.inertial import integrated, measured, steps_covered
from mapforge.localization.motion_measurements import WheelSteps

SIDE_SLIP_SCALE = 2.0
UP_SCALE = 3.0
STANDING_SIGMA_M = 0.001


def wheel_steps(vehicle: pa.Table, pose_times_ns: NDArray[np.int64], sigma_m: float) -> WheelSteps | None:
    """Steps wherever speeds follow each other closely; None when there are none.

    sigma_m: random walk along the way per square root of a metre; it is larger across, where tyres slip and springs
    give.
    """
    times, speed = measured(vehicle["timestamp_ns"].to_numpy(), vehicle["speed_mps"].to_numpy()[:, None])
    node = steps_covered(times, pose_times_ns)
    if not len(node):
        return None
    distance = integrated(times, speed[:, 0], pose_times_ns[node], pose_times_ns[node + 1])
    along = np.sqrt(sigma_m**2 * np.abs(distance) + STANDING_SIGMA_M**2)
    return WheelSteps(node, distance, along[:, None] * (1.0, SIDE_SLIP_SCALE, UP_SCALE))
