"""The smoother on a made-up drive whose sensors fail in every way they do in practice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.transform import Rotation

from mapforge.localization.config import LocalizationConfig, QualityConfig, SmootherConfig
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import up_directions
from mapforge.localization.inertial import gyro_turns, turn_rates
from mapforge.localization.odometry import OdometryPath, path_of_wheels
from mapforge.localization.placement import levelled, moved_path, placed_on_fixes
from mapforge.localization.quality import flags_of, residual_summaries
from mapforge.localization.smoothing import DriveMeasurements, Smoothed, smoothed
from mapforge.localization.wheels import wheel_steps
from mapforge.schemas.drive import IMU, VEHICLE
from mapforge.schemas.trajectory_quality import CalibrationFinding

SECOND = 10**9
LEVER_M = np.array([0.4, -0.3, 1.6])
NONE = Fixes(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(3))
CONFIG = SmootherConfig()


class Drive:
    """60 s of turning, braking driving at 100 Hz: true poses, and tables of what perfect sensors would say."""

    def __init__(self, seed: int = 0, straight: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.times = np.arange(0, 60 * SECOND + 1, SECOND // 100)
        seconds = self.times * 1e-9
        self.speed = np.full(len(seconds), 10.0) if straight else 9.0 + 4.0 * np.sin(seconds / 4.0)
        self.yaw_rate = np.zeros(len(seconds)) if straight else 0.25 * np.sin(seconds / 5.0) + 0.1
        yaw = 0.4 + np.cumsum(self.yaw_rate) * 0.01
        self.xyz = np.zeros((len(seconds), 3))
        middle = yaw - 0.005 * self.yaw_rate
        self.xyz[:, 0] = np.cumsum(self.speed * np.cos(middle)) * 0.01
        self.xyz[:, 1] = np.cumsum(self.speed * np.sin(middle)) * 0.01
        self.pose = np.tile(np.eye(4), (len(seconds), 1, 1))
        self.pose[:, :3, :3] = Rotation.from_euler("z", yaw[:, None]).as_matrix()
        self.pose[:, :3, 3] = self.xyz

    def imu(self) -> pa.Table:
        n = len(self.times)
        force = [np.gradient(self.speed, 0.01), self.speed * self.yaw_rate, np.full(n, 9.81)]
        rate = [np.zeros(n), np.zeros(n), self.yaw_rate + 0.002]
        noisy = [f + 0.02 * self.rng.standard_normal(n) for f in force]
        noisy += [r + 0.0015 * self.rng.standard_normal(n) for r in rate]
        return pa.Table.from_arrays([pa.array(self.times), *(pa.array(c) for c in noisy)], schema=IMU)

    def vehicle(self, scale: float = 1.0) -> pa.Table:
        columns = {name: np.full(len(self.times), np.nan) for name in VEHICLE.names[1:]}
        columns["speed_mps"] = self.speed / scale + 0.02 * self.rng.standard_normal(len(self.times))
        columns["yaw_rate_radps"] = self.yaw_rate + 0.003 * self.rng.standard_normal(len(self.times))
        return pa.table({"timestamp_ns": self.times, **columns}, schema=VEHICLE)

    def lidar_path(self, turned_rad: float = 0.0) -> OdometryPath:
        """Steps with 2.5 mm and 0.1 mrad a square root of a metre; seen by a lidar that is turned on its mount."""
        pose = self.pose[::20]
        step = np.linalg.inv(pose[:-1]) @ pose[1:]
        noise = np.tile(np.eye(4), (len(step), 1, 1))
        noise[:, :3, :3] = Rotation.from_rotvec(1.4e-4 * self.rng.standard_normal((len(step), 3))).as_matrix()
        noise[:, :3, 3] = 3.5e-3 * self.rng.standard_normal((len(step), 3))
        mount = np.eye(4)
        mount[:3, :3] = Rotation.from_euler("z", turned_rad).as_matrix()
        step = np.linalg.inv(mount) @ step @ noise @ mount
        path = [np.eye(4)]
        for one in step:
            path.append(path[-1] @ one)
        return OdometryPath(self.times[::20], np.array(path), np.zeros(len(path), bool), "lidar")

    def fixes(self, sigma_m: float = 0.15, late_s: float = 0.0) -> Fixes:
        """5 Hz; an offset that wanders as a receiver's does (Gauss-Markov, 60 s), and 2 cm of noise."""
        times = self.times[::20]
        offset, keep = [self.rng.normal(0.0, sigma_m, 3)], np.exp(-0.2 / 60.0)
        for _ in times[1:]:
            offset.append(keep * offset[-1] + np.sqrt(1 - keep**2) * self.rng.normal(0.0, sigma_m, 3))
        antenna = self.xyz[::20] + self.pose[::20, :3, :3] @ LEVER_M
        xyz = antenna + np.array(offset) + 0.02 * self.rng.standard_normal((len(times), 3))
        return Fixes(times + round(late_s * SECOND), xyz, np.full((len(times), 3), sigma_m), LEVER_M)

    def solve(self, path: OdometryPath, fixes: Fixes, imu: pa.Table, vehicle: pa.Table) -> Smoothed:
        fixes = fixes.between(int(path.timestamps_ns[0]), int(path.timestamps_ns[-1]))
        up = up_directions(path, imu, np.eye(3), CONFIG.gravity_sigma_rad, CONFIG.level_sigma_rad, 10.0)
        rates = turn_rates(imu, vehicle, np.eye(3), CONFIG.wheelbase_m)
        turns = gyro_turns(rates, path.timestamps_ns, CONFIG.gyro_noise_rad, 0.01, 3e-4)
        wheels = wheel_steps(vehicle, path.timestamps_ns, CONFIG.wheel_sigma_m)
        measured = DriveMeasurements(fixes, NONE, None, up, turns, wheels, CONFIG.lever_sigma_m)
        pose = moved_path(placed_on_fixes(path, levelled(path, up), fixes), path)
        return smoothed(path, pose, measured, CONFIG)

    def error(self, path: OdometryPath, found: Smoothed) -> np.ndarray:
        """(N, 2) of the poses."""
        truth = np.stack([np.interp(path.timestamps_ns, self.times, c) for c in self.xyz.T[:2]], axis=1)
        return found.path.pose[:, :2, 3] - truth


def _usual(drive: Drive, **changes: Any) -> tuple[OdometryPath, Smoothed]:
    path = changes.get("path", drive.lidar_path())
    fixes = changes.get("fixes", drive.fixes())
    return path, drive.solve(path, fixes, changes.get("imu", drive.imu()), changes.get("vehicle", drive.vehicle()))


def _finding(found: Smoothed, name: str) -> CalibrationFinding:
    return next(finding for finding in found.calibration if finding.name == name)


def _wobble(error: np.ndarray) -> float:
    """Largest deviation from the constant offset that GNSS leaves to any drive."""
    return float(np.linalg.norm(error - np.median(error, axis=0), axis=1).max())


def test_all_sensors_agree_with_the_truth_but_for_the_offset_of_gnss() -> None:
    drive = Drive()
    path, found = _usual(drive)
    assert found.path.converged
    assert _wobble(drive.error(path, found)) < 0.25
    assert found.path.state.gyro_bias_radps[:, 2] == pytest.approx(0.002, abs=3e-4)


def test_uncertainty_is_what_it_says() -> None:
    """Over seeds: normalised error squared near 1 an axis, intervals hold their share of the truth."""
    squares, inside_68, inside_95 = [], [], []
    for seed in range(8):
        drive = Drive(seed)
        path, found = _usual(drive)
        normed = np.abs(drive.error(path, found)) / found.sigma.xy_m[:, None]
        squares.append((normed**2).mean())
        inside_68.append((normed < 1.0).mean())
        inside_95.append((normed < 1.96).mean())
    assert 0.6 < np.mean(squares) < 1.5
    assert 0.58 < np.mean(inside_68) < 0.80
    assert np.mean(inside_95) > 0.90


def test_twenty_seconds_without_gnss_are_bridged_and_admitted() -> None:
    drive = Drive()
    fixes = drive.fixes()
    heard = (fixes.timestamps_ns < 20 * SECOND) | (fixes.timestamps_ns > 40 * SECOND)
    gap = Fixes(fixes.timestamps_ns[heard], fixes.xyz_map[heard], fixes.sigma_m[heard], LEVER_M)
    path = path_of_wheels(drive.vehicle(), turn_rates(drive.imu(), drive.vehicle(), np.eye(3), 2.8))
    assert path is not None
    path = path.thinned(SECOND // 5)
    found = drive.solve(path, gap, drive.imu(), drive.vehicle())
    assert _wobble(drive.error(path, found)) < 0.6
    inside = found.sigma.xy_m[(path.timestamps_ns > 29 * SECOND) & (path.timestamps_ns < 31 * SECOND)]
    assert inside.mean() > 1.1 * found.sigma.xy_m[:100].mean()


def test_multipath_of_five_metres_moves_nothing() -> None:
    drive = Drive(1)
    fixes, path, imu, vehicle = drive.fixes(), drive.lidar_path(), drive.imu(), drive.vehicle()
    jumped = fixes.xyz_map.copy()
    jumped[(fixes.timestamps_ns > 30 * SECOND) & (fixes.timestamps_ns < 33 * SECOND)] += (3.0, -4.0, 1.0)
    clean = drive.solve(path, fixes, imu, vehicle)
    dirty = drive.solve(path, replace(fixes, xyz_map=jumped), imu, vehicle)
    assert np.abs(clean.path.pose[:, :2, 3] - dirty.path.pose[:, :2, 3]).max() < 0.05


def test_wheels_that_are_three_percent_off_are_found_and_named() -> None:
    drive = Drive()
    path, found = _usual(drive, vehicle=drive.vehicle(scale=1.03))
    scale = _finding(found, "distance_scale")
    assert scale.value == pytest.approx(0.03, abs=0.005) and scale.state == "estimated"
    assert any("wheels" in flag for flag in _flags(found))
    assert _wobble(drive.error(path, found)) < 0.25


def test_without_imu_and_without_wheels() -> None:
    drive = Drive()
    path, found = _usual(drive, imu=IMU.empty_table())
    assert _wobble(drive.error(path, found)) < 0.25
    path, found = _usual(drive, imu=IMU.empty_table(), vehicle=VEHICLE.empty_table())
    assert _wobble(drive.error(path, found)) < 0.25
    assert _finding(found, "travel_yaw_rad").state == "absent"


def test_gnss_that_starts_late_leaves_the_start_less_sure() -> None:
    drive = Drive()
    fixes = drive.fixes().between(20 * SECOND, 60 * SECOND)
    path, found = _usual(drive, fixes=fixes)
    assert _wobble(drive.error(path, found)) < 0.3
    assert found.sigma.xy_m[0] > found.sigma.xy_m[-1]


def test_order_and_repetition_of_samples_do_not_matter() -> None:
    drive = Drive()
    imu, vehicle, path, fixes = drive.imu(), drive.vehicle(), drive.lidar_path(), drive.fixes()
    shuffled = [table.take(drive.rng.permutation(len(table))) for table in (imu, vehicle)]
    doubled = [pa.concat_tables([table, table.slice(0, 50)]) for table in shuffled]
    plain = drive.solve(path, fixes, imu, vehicle)
    odd = drive.solve(path, fixes, imu, doubled[1])
    assert np.array_equal(plain.path.pose, odd.path.pose)
    rates = [turn_rates(table, vehicle, np.eye(3), 2.8) for table in (imu, doubled[0])]
    assert rates[0] is not None and rates[1] is not None
    assert np.array_equal(rates[0].rate_ego, rates[1].rate_ego)


def test_a_late_receiver_is_found_where_the_drive_turns() -> None:
    drive = Drive(2)
    _, found = _usual(drive, fixes=drive.fixes(late_s=0.12))
    clock = _finding(found, "gnss_clock_s")
    assert clock.state == "estimated" and clock.value == pytest.approx(-0.12, abs=4 * clock.sigma)
    assert any("clock" in flag for flag in _flags(found))


def test_on_a_straight_road_clock_and_lever_arm_are_refused_with_a_reason() -> None:
    drive = Drive(2, straight=True)
    _, found = _usual(drive, fixes=drive.fixes(late_s=0.04))
    for name, word in (("gnss_clock_s", "speed"), ("lever_x_m", "heading"), ("lever_y_m", "heading")):
        finding = _finding(found, name)
        assert finding.state in ("refused", "absent"), finding
        assert word in finding.reason or finding.state == "absent"


def test_a_lidar_turned_on_its_mount_is_flagged() -> None:
    drive = Drive(4)
    _, straight_on = _usual(drive)
    assert not any("lidar" in flag for flag in _flags(straight_on))
    _, turned = _usual(drive, path=drive.lidar_path(turned_rad=np.deg2rad(2.0)))
    assert _finding(turned, "travel_yaw_rad").value == pytest.approx(-np.deg2rad(2.0), abs=np.deg2rad(0.4))
    assert any("lidar" in flag and "yaw" in flag for flag in _flags(turned))


def _flags(found: Smoothed) -> tuple[str, ...]:
    residuals = residual_summaries(found.path.norms, CONFIG.huber_sigmas)
    return flags_of(found.calibration, residuals, {}, 0.0, QualityConfig())


def test_settings_are_those_of_the_stage() -> None:
    assert LocalizationConfig().smoother == CONFIG
