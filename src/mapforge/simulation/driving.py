"""How a car follows a path: speed over its length, poses over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from mapforge.geometry import polylines
from mapforge.simulation.world import Heightfield

Float = NDArray[np.float64]

STEP_M = 0.5
POSE_RATE_HZ = 100.0
SIDE_ACCELERATION_MPS2 = 2.8
SPEED_UP_MPS2 = 1.8
SLOW_DOWN_MPS2 = 2.2
CREEP_MPS = 0.4
SMOOTHING_M = 2.0
SMOOTHING_S = 0.35
WHEELBASE_M = 2.8
TRACK_M = 1.6


@dataclass(frozen=True, eq=False)
class DrivenPath:
    """A path at equal steps with the speed a car may have there. xy: (N, 2); speed_mps: (N,); wait_s: (N,) standing."""

    xy: Float
    speed_mps: Float
    wait_s: Float

    @property
    def times_s(self) -> Float:
        """(N,) when each point is left; it was reached `wait_s` earlier."""
        steps = np.linalg.norm(np.diff(self.xy, axis=0), axis=1)
        mean = np.maximum((self.speed_mps[1:] + self.speed_mps[:-1]) / 2, CREEP_MPS)
        return np.concatenate([[0.0], np.cumsum(steps / mean + self.wait_s[1:])])


def smooth_path(xy: Float) -> Float:
    """The path at equal steps with bends eased over a few metres."""
    even = polylines.resample(xy, STEP_M)
    sigma = SMOOTHING_M / STEP_M
    pad = int(4 * sigma)
    # both ends go on straight, so that they stay where they are
    before = even[0] + (even[0] - even[1]) * np.arange(pad, 0, -1)[:, None]
    after = even[-1] + (even[-1] - even[-2]) * np.arange(1, pad + 1)[:, None]
    return gaussian_filter1d(np.vstack([before, even, after]), sigma, axis=0)[pad:-pad]


def speed_over(xy: Float, limit_mps: Float, stops: list[int]) -> Float:
    """(N,) speed at equal steps: within the limit, slow in bends, 0 at `stops`, with bounded acceleration."""
    heading = np.unwrap(np.arctan2(*np.gradient(xy, axis=0).T[::-1]))
    curvature = np.abs(gaussian_filter1d(np.gradient(heading), 3.0)) / STEP_M
    squared = np.minimum(limit_mps, np.sqrt(SIDE_ACCELERATION_MPS2 / np.maximum(curvature, 1e-4))) ** 2
    squared[stops] = 0.0
    # v^2 rises at most by 2 a ds a step: an envelope of ramps, forwards and backwards
    ramp = np.arange(len(xy)) * 2 * STEP_M
    forwards = np.minimum.accumulate(squared - ramp * SPEED_UP_MPS2) + ramp * SPEED_UP_MPS2
    backwards = np.minimum.accumulate((forwards - ramp[::-1] * SLOW_DOWN_MPS2)[::-1])[::-1]
    return np.asarray(np.sqrt(np.maximum(backwards + ramp[::-1] * SLOW_DOWN_MPS2, 0.0)))


def poses(path: DrivenPath, ground: Heightfield, duration_s: float) -> tuple[Float, Float]:
    """True poses at 100 Hz: translation (N, 3), quaternion (N, 4) scalar first; map_SE3_ego.

    Station over time is smoothed so that acceleration is continuous; the attitude follows the ground under the wheels.
    """
    times = np.arange(round(duration_s * POSE_RATE_HZ)) / POSE_RATE_HZ
    along = polylines.arc_length(path.xy)
    leaving = path.times_s
    moments = np.stack([leaving - path.wait_s, leaving], axis=1).ravel()
    station = np.interp(times, moments, np.repeat(along, 2))
    pad = int(4 * SMOOTHING_S * POSE_RATE_HZ)
    lead = station[0] - (station[1] - station[0]) * np.arange(pad, 0, -1)
    trail = station[-1] + (station[-1] - station[-2]) * np.arange(1, pad + 1)
    station = gaussian_filter1d(np.concatenate([lead, station, trail]), SMOOTHING_S * POSE_RATE_HZ)[pad:-pad]
    curve = CubicSpline(along, path.xy)
    xy, step = curve(station), curve(station, 1)
    heading = np.arctan2(step[:, 1], step[:, 0])
    return _on_ground(xy, heading, ground)


def _on_ground(xy: Float, heading: Float, ground: Heightfield) -> tuple[Float, Float]:
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    smooth = 0.08 * POSE_RATE_HZ
    front = ground.at(xy + ahead * WHEELBASE_M)
    rear_left, rear_right = (ground.at(xy + left * side * TRACK_M / 2) for side in (1.0, -1.0))
    rear = gaussian_filter1d((rear_left + rear_right) / 2, smooth, mode="nearest")
    pitch = gaussian_filter1d(np.arctan2(rear - front, WHEELBASE_M), smooth, mode="nearest")
    roll = gaussian_filter1d(np.arctan2(rear_left - rear_right, TRACK_M), smooth, mode="nearest")
    turn = Rotation.from_euler("ZYX", np.stack([heading, pitch, roll], axis=1))
    return np.column_stack([xy, rear]), turn.as_quat(canonical=True)[:, [3, 0, 1, 2]]
