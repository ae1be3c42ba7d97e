"""How good this drive's lidar odometry is, from its disagreement with gyro and wheels over some metres.

Registration is good among houses and poor on an open motorway, so a fixed sigma is wrong nearly everywhere. What two
independent sensors differ by over a window bounds what either is wrong by.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import Float
from mapforge.localization.motion_measurements import GyroTurns, WheelSteps

WINDOW_M = 10.0
MIN_WINDOWS = 8
NORMAL_MAD = 0.6745
FLOOR_M = 0.002
FLOOR_RAD = 5e-5


def measured_noise_rad(steps: Float, walked_m: Float, turns: GyroTurns | None) -> float | None:
    """Random walk of the attitude per square root of a metre; None where there is too little to compare.

    steps: (N - 1, 4, 4). walked_m: (N - 1,) their lengths.
    """
    if turns is None:
        return None
    gyro = Rotation.from_rotvec(turns.turn_rad)
    misfit = (gyro.inv() * Rotation.from_matrix(steps[turns.node, :3, :3])).as_rotvec()
    rate = np.median(misfit / turns.span_s[:, None], axis=0)
    known = turns.sigma_rad < 0.05
    spread = [
        _spread(misfit[:, axis] - rate[axis] * turns.span_s, walked_m[turns.node])
        for axis in range(3)
        if known[:, axis].all()
    ]
    found = [value for value in spread if value is not None]
    return max(float(np.sqrt(np.mean(np.square(found)))), FLOOR_RAD) if found else None


def measured_noise_m(steps: Float, walked_m: Float, wheels: WheelSteps | None) -> float | None:
    """Random walk along the way per square root of a metre; None where there is too little to compare."""
    if wheels is None:
        return None
    lidar = np.copysign(walked_m[wheels.node], steps[wheels.node, 0, 3])
    moving = np.abs(wheels.distance_m) > 0.0
    if not moving.any():
        return None
    scale = np.median(lidar[moving] / wheels.distance_m[moving])
    spread = _spread(lidar - scale * wheels.distance_m, walked_m[wheels.node])
    return None if spread is None else max(spread, FLOOR_M)


def _spread(misfit: Float, walked_m: Float) -> float | None:
    """Robust sigma of the misfit summed over windows, divided by the square root of their length."""
    window = (np.cumsum(walked_m) / WINDOW_M).astype(np.int64)
    _, first = np.unique(window, return_index=True)
    sums = np.add.reduceat(misfit, first)[1:-1]
    metres = np.add.reduceat(walked_m, first)[1:-1]
    if len(sums) < MIN_WINDOWS:
        return None
    return float(np.median(np.abs(sums) / np.sqrt(metres)) / NORMAL_MAD)
