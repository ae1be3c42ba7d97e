"""What the car believes of its own motion: GNSS, inertial unit, wheels, and the odometry it reckons from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.simulation.config import GnssConfig, ImuConfig, WheelConfig
from mapforge.simulation.rig import TRACK_M, WHEELBASE_M

Float = NDArray[np.float64]

GRAVITY_MPS2 = 9.80665
_KNOT_RATE_HZ = 100.0
_SMOOTHING_S = 0.06


@dataclass(frozen=True, eq=False)
class Motion:
    """True motion at the trajectory's own times, smoothed over a few hundredths of a second.

    velocity_ego, acceleration_ego (without gravity), rate_ego: (N, 3), ego axes.
    """

    timestamps_ns: NDArray[np.int64]
    velocity_ego: Float
    acceleration_ego: Float
    rate_ego: Float
    map_R_ego: Rotation

    def at(self, name: str, timestamps_ns: NDArray[np.int64]) -> Float:
        """(M, 3) of one of the columns at other times, linear in between."""
        column: Float = getattr(self, name)
        since = (timestamps_ns - self.timestamps_ns[0]) * 1e-9
        knots = (self.timestamps_ns - self.timestamps_ns[0]) * 1e-9
        return np.stack([np.interp(since, knots, column[:, k]) for k in range(3)], axis=1)


def motion_of(trajectory: Trajectory) -> Motion:
    """Differentiates true poses."""
    seconds = (trajectory.timestamps_ns - trajectory.start_ns) * 1e-9
    sigma = max(_SMOOTHING_S * _KNOT_RATE_HZ, 1.0)

    def slope(values: Float) -> Float:
        return np.asarray(gaussian_filter1d(np.gradient(values, seconds, axis=0), sigma, axis=0, mode="nearest"))

    map_R_ego = Rotation.from_quat(trajectory.quaternion_wxyz[:, [1, 2, 3, 0]])
    velocity = slope(trajectory.translation_m)
    turned = (map_R_ego[:-1].inv() * map_R_ego[1:]).as_rotvec() / np.diff(seconds)[:, None]
    rate = gaussian_filter1d(np.concatenate([turned[:1], turned]), sigma, axis=0, mode="nearest")
    return Motion(
        trajectory.timestamps_ns,
        map_R_ego.inv().apply(velocity),
        map_R_ego.inv().apply(slope(velocity)),
        rate,
        map_R_ego,
    )


def sample_times(trajectory: Trajectory, rate_hz: float, phase_ns: int = 0) -> NDArray[np.int64]:
    """Regular times inside the trajectory, the first `phase_ns` after its start."""
    step_ns = round(1e9 / rate_hz)
    count = (trajectory.end_ns - trajectory.start_ns - phase_ns) // step_ns + 1
    return trajectory.start_ns + phase_ns + np.arange(count, dtype=np.int64) * step_ns


@dataclass(frozen=True, eq=False)
class GnssFixes:
    """timestamps_ns: (N,). lon_lat_height: (N, 3) degrees, metres, of the antenna. variance_m2: (N, 3) east, north, up
    as the receiver states them. status: (N,) of sensor_msgs/NavSatStatus."""

    timestamps_ns: NDArray[np.int64]
    lon_lat_height: Float
    variance_m2: Float
    status: NDArray[np.int64]


def gnss_fixes(
    config: GnssConfig, trajectory: Trajectory, ego_SE3_antenna: SE3, frame: MapFrame, rng: np.random.Generator
) -> GnssFixes:
    """Antenna positions with a constant offset, a random walk with the distance driven, white noise, and gaps.

    Vertical errors are twice the horizontal ones. In a gap nothing is sent; before and after it the fix is poorer.
    """
    times = sample_times(trajectory, config.rate_hz, 20_000_000)
    rotation, translation = trajectory.poses_at(times)
    antenna = rotation @ ego_SE3_antenna.translation_m + translation
    axes = np.array([1.0, 1.0, 2.0])
    offset = rng.normal(0.0, config.bias_sigma_m, 3) * axes
    moved = np.linalg.norm(np.diff(antenna, axis=0, prepend=antenna[:1]), axis=1)
    walk = np.cumsum(
        rng.standard_normal((len(times), 3)) * config.drift_m_per_100m * np.sqrt(moved / 100.0)[:, None] * axes, axis=0
    )
    seconds = np.asarray((times - trajectory.start_ns) * 1e-9, dtype=np.float64)
    silent, poor = _gaps(config, seconds, rng)
    noise = rng.standard_normal((len(times), 3)) * config.noise_sigma_m * axes * np.where(poor, 3.0, 1.0)[:, None]
    lon_lat_height = frame.to_wgs84(antenna + offset + walk + noise)
    along = np.cumsum(moved)[:, None] / 100.0
    stated = config.noise_sigma_m**2 * np.where(poor, 9.0, 1.0)[:, None] + config.bias_sigma_m**2
    stated = (stated + along * config.drift_m_per_100m**2) * axes**2
    status = np.where(poor, 1, 2)
    heard = ~silent
    return GnssFixes(times[heard], lon_lat_height[heard], stated[heard], status[heard])


def _gaps(config: GnssConfig, seconds: Float, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """When nothing is heard, and the second and a half around it."""
    silent = np.zeros(len(seconds), dtype=bool)
    poor = np.zeros(len(seconds), dtype=bool)
    for _ in range(rng.poisson(config.outages_per_drive)):
        start = rng.uniform(0.0, seconds[-1])
        length = rng.exponential(config.outage_duration_s)
        silent |= (seconds >= start) & (seconds < start + length)
        poor |= (seconds >= start - 1.5) & (seconds < start + length + 1.5)
    silent[0] = False
    return silent, poor


@dataclass(frozen=True, eq=False)
class ImuSamples:
    """timestamps_ns: (N,). acceleration_mps2 (specific force, up +9.8 at rest), rate_radps: (N, 3) imu axes."""

    timestamps_ns: NDArray[np.int64]
    acceleration_mps2: Float
    rate_radps: Float


def imu_samples(
    config: ImuConfig, trajectory: Trajectory, motion: Motion, ego_SE3_imu: SE3, rng: np.random.Generator
) -> ImuSamples:
    """Specific force and turn rate with constant bias and white noise; the lever arm's centripetal part included."""
    times = sample_times(trajectory, config.rate_hz)
    rotation, _ = trajectory.poses_at(times)
    rate = motion.at("rate_ego", times)
    arm = ego_SE3_imu.translation_m
    force = motion.at("acceleration_ego", times) + np.cross(rate, np.cross(rate, arm))
    force = force + GRAVITY_MPS2 * rotation[:, 2, :]
    force, rate = force @ ego_SE3_imu.rotation, rate @ ego_SE3_imu.rotation
    force = force + rng.normal(0.0, config.accel_bias_sigma_mps2, 3)
    rate = rate + rng.normal(0.0, config.gyro_bias_sigma_radps, 3)
    force = force + config.accel_noise_mps2 * rng.standard_normal(force.shape)
    rate = rate + config.gyro_noise_radps * rng.standard_normal(rate.shape)
    return ImuSamples(times, force, rate)


@dataclass(frozen=True, eq=False)
class VehicleSamples:
    """timestamps_ns: (N,). speed_mps, yaw_rate_radps, steering_rad (of the front wheels, left positive): (N,).
    wheels_mps: (N, 4) rim speed front left, front right, rear left, rear right."""

    timestamps_ns: NDArray[np.int64]
    speed_mps: Float
    yaw_rate_radps: Float
    steering_rad: Float
    wheels_mps: Float


def vehicle_samples(
    config: WheelConfig, gyro_bias_radps: float, trajectory: Trajectory, motion: Motion, rng: np.random.Generator
) -> VehicleSamples:
    """Wheel speeds and steering of a bicycle model, with the car's error of scale and white noise."""
    times = sample_times(trajectory, config.rate_hz)
    speed = motion.at("velocity_ego", times)[:, 0]
    yaw_rate = motion.at("rate_ego", times)[:, 2]
    steering = np.arctan2(WHEELBASE_M * yaw_rate, np.maximum(np.abs(speed), 0.5) * np.where(speed < 0, -1.0, 1.0))
    places = np.array([[WHEELBASE_M, 1.0], [WHEELBASE_M, -1.0], [0.0, 1.0], [0.0, -1.0]]) * (1.0, TRACK_M / 2)
    along = speed[:, None] - yaw_rate[:, None] * places[None, :, 1]
    across = yaw_rate[:, None] * places[None, :, 0]
    wheels = np.hypot(along, across) * np.sign(speed)[:, None]
    scale = 1.0 + rng.normal(0.0, config.scale_sigma)
    wheels = scale * wheels + config.speed_noise_mps * rng.standard_normal(wheels.shape)
    wheels = np.where(np.abs(speed)[:, None] < 0.05, 0.0, wheels)
    return VehicleSamples(
        times,
        wheels[:, 2:].mean(axis=1),
        yaw_rate + gyro_bias_radps + 0.002 * rng.standard_normal(len(times)),
        steering + config.steering_noise_rad * rng.standard_normal(len(times)),
        wheels,
    )


@dataclass(frozen=True, eq=False)
class OdometryPoses:
    """odom_SE3_ego reckoned from wheels and yaw rate. timestamps_ns: (N,); xy_m: (N, 2); yaw_rad: (N,)."""

    timestamps_ns: NDArray[np.int64]
    xy_m: Float
    yaw_rad: Float
    speed_mps: Float
    yaw_rate_radps: Float


def reckon(vehicle: VehicleSamples) -> OdometryPoses:
    """Integrates speed and yaw rate in the plane from the identity; its error grows with the way."""
    step = np.diff(vehicle.timestamps_ns) * 1e-9
    turned = 0.5 * (vehicle.yaw_rate_radps[1:] + vehicle.yaw_rate_radps[:-1]) * step
    yaw = np.concatenate([[0.0], np.cumsum(turned)])
    middle = 0.5 * (yaw[1:] + yaw[:-1])
    gone = 0.5 * (vehicle.speed_mps[1:] + vehicle.speed_mps[:-1]) * step
    steps = gone[:, None] * np.stack([np.cos(middle), np.sin(middle)], axis=1)
    xy = np.concatenate([[[0.0, 0.0]], np.cumsum(steps, axis=0)])
    return OdometryPoses(vehicle.timestamps_ns, xy, yaw, vehicle.speed_mps, vehicle.yaw_rate_radps)
