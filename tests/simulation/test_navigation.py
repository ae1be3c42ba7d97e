import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.simulation import navigation
from mapforge.simulation.config import GnssConfig, ImuConfig, WheelConfig

FRAME = MapFrame.at(8.4, 49.0)
LEVER = SE3(np.eye(3), np.array([0.2, -0.3, 1.6]))
QUIET_IMU = ImuConfig(gyro_noise_radps=0.0, gyro_bias_sigma_radps=0.0, accel_noise_mps2=0.0, accel_bias_sigma_mps2=0.0)
QUIET_WHEELS = WheelConfig(scale_sigma=0.0, speed_noise_mps=0.0, steering_noise_rad=0.0)


def _circle(seconds: float, speed_mps: float, yaw_rate_radps: float) -> Trajectory:
    t = np.arange(round(seconds * 100) + 1) * 0.01
    yaw = yaw_rate_radps * t
    radius = speed_mps / yaw_rate_radps
    xyz = np.stack([500 + radius * np.sin(yaw), 500 - radius * np.cos(yaw), np.full(len(t), 3.0)], axis=1)
    quaternion = Rotation.from_rotvec(yaw[:, None] * [0.0, 0.0, 1.0]).as_quat()[:, [3, 0, 1, 2]]
    times = 1_750_000_000_000_000_000 + np.round(t * 1e9).astype(np.int64)
    return Trajectory(times, xyz, quaternion, np.zeros(len(t)))


@pytest.fixture(scope="module")
def circle() -> Trajectory:
    return _circle(30.0, 10.0, 0.2)


def _antenna_error(config: GnssConfig, trajectory: Trajectory, seed: int) -> tuple[NDArray, navigation.GnssFixes]:
    fixes = navigation.gnss_fixes(config, trajectory, LEVER, FRAME, np.random.default_rng(seed))
    rotation, translation = trajectory.poses_at(fixes.timestamps_ns)
    return FRAME.from_wgs84(fixes.lon_lat_height) - (rotation @ LEVER.translation_m + translation), fixes


def test_fixes_are_of_the_antenna(circle: Trajectory) -> None:
    perfect = GnssConfig(bias_sigma_m=0, drift_m_per_100m=0, noise_sigma_m=0, outages_per_drive=0)
    error, fixes = _antenna_error(perfect, circle, 0)
    assert np.abs(error).max() < 1e-4
    assert np.diff(fixes.timestamps_ns) == pytest.approx(2e8)


def test_gnss_errors_have_the_configured_size(circle: Trajectory) -> None:
    biased = GnssConfig(bias_sigma_m=0.5, drift_m_per_100m=0, noise_sigma_m=0, outages_per_drive=0)
    offsets = np.array([_antenna_error(biased, circle, seed)[0][0, :2] for seed in range(100)])
    assert offsets.std() == pytest.approx(0.5, rel=0.2)
    drifting = GnssConfig(bias_sigma_m=0, drift_m_per_100m=0.3, noise_sigma_m=0, outages_per_drive=0)
    ends = np.array([_antenna_error(drifting, circle, seed)[0][-1, :2] for seed in range(100)])
    assert ends.std() == pytest.approx(0.3 * np.sqrt(3.0), rel=0.2)


def test_outages_leave_gaps(circle: Trajectory) -> None:
    config = GnssConfig(outages_per_drive=4.0, outage_duration_s=3.0)
    gaps = [np.diff(_antenna_error(config, circle, seed)[1].timestamps_ns).max() * 1e-9 for seed in range(10)]
    assert max(gaps) > 2.0


def test_stated_covariance_covers_the_error(circle: Trajectory) -> None:
    inside = []
    for seed in range(40):
        error, fixes = _antenna_error(GnssConfig(), circle, seed)
        inside.append((np.abs(error[:, :2]) < 1.96 * np.sqrt(fixes.variance_m2[:, :2])).mean())
    assert 0.88 < np.mean(inside) < 1.0


def test_imu_feels_gravity_and_the_turn(circle: Trajectory) -> None:
    motion = navigation.motion_of(circle)
    mount = SE3(np.eye(3), np.zeros(3))
    samples = navigation.imu_samples(QUIET_IMU, circle, motion, mount, np.random.default_rng(0))
    inner = slice(50, -50)
    assert np.abs(samples.rate_radps[inner] - [0.0, 0.0, 0.2]).max() < 1e-6
    assert samples.acceleration_mps2[inner].mean(axis=0) == pytest.approx([0.0, 2.0, 9.80665], abs=0.01)


def test_perfect_wheels_reckon_the_true_path(circle: Trajectory) -> None:
    motion = navigation.motion_of(circle)
    vehicle = navigation.vehicle_samples(QUIET_WHEELS, 0.0, circle, motion, np.random.default_rng(0))
    poses = navigation.reckon(vehicle)
    start = circle.pose_at(circle.start_ns).inverse()
    truth = start.transform(circle.poses_at(poses.timestamps_ns)[1])[:, :2]
    assert np.linalg.norm(poses.xy_m - truth, axis=1).max() < 0.6
    assert vehicle.steering_rad[100] == pytest.approx(np.arctan(2.8 * 0.2 / 10.0), abs=1e-3)
    assert vehicle.wheels_mps[100, 1] > vehicle.wheels_mps[100, 0]


def test_real_wheels_drift(circle: Trajectory) -> None:
    motion = navigation.motion_of(circle)
    noisy = WheelConfig(scale_sigma=0.02)
    ends = []
    for seed in range(8):
        vehicle = navigation.vehicle_samples(noisy, 0.003, circle, motion, np.random.default_rng(seed))
        ends.append(navigation.reckon(vehicle).xy_m[-1])
    assert np.ptp(np.array(ends), axis=0).max() > 0.25


def test_sample_times_stay_inside(circle: Trajectory) -> None:
    times = navigation.sample_times(circle, 7.0, 13_000_000)
    assert times[0] == circle.start_ns + 13_000_000 and times[-1] <= circle.end_ns
