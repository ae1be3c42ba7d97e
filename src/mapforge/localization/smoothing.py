"""Gathers all that a drive measured, and smooths it into one path."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mapforge.geometry.se3 import Float
from mapforge.localization.calibration import HELD_SIGMA, CalibrationEstimate
from mapforge.localization.config import SmootherConfig
from mapforge.localization.drive_state import Calibration, DriveState, Layout
from mapforge.localization.gnss import Fixes, fast_share
from mapforge.localization.gravity import UpDirections
from mapforge.localization.inertial import knots_of
from mapforge.localization.motion_measurements import GyroTurns, OdometrySteps, WheelSteps
from mapforge.localization.odometry import OdometryPath
from mapforge.localization.odometry_noise import measured_noise_m, measured_noise_rad
from mapforge.localization.place_measurements import Anchor, Attitudes, FixedPlaces, Priors, SlowError, Verticals
from mapforge.localization.pose_graph import REDESCENDING_POWER, Measurement, PoseSigma, Solution, smooth
from mapforge.schemas.trajectory_quality import CalibrationFinding

MIN_STEP_M = 0.05
LOST_SIGMA_SCALE = 100.0
MIN_FAST_SHARE = 0.05
MAX_FAST_SHARE = 0.95


@dataclass(frozen=True, eq=False)
class DriveMeasurements:
    """Everything but odometry that a drive measured; None or empty where it did not.

    gnss: of the receiver. log_places: positions the log claims beside it. lever_sigma_m: of the antenna's place.
    """

    gnss: Fixes
    log_places: Fixes
    log_attitudes: Attitudes | None
    up: UpDirections
    turns: GyroTurns | None
    wheels: WheelSteps | None
    lever_sigma_m: float
    anchor: Anchor | None = None


@dataclass(frozen=True, eq=False)
class Smoothed:
    """The path and its uncertainty, and what the drive says of its calibration."""

    path: Solution
    sigma: PoseSigma
    calibration: tuple[CalibrationFinding, ...]


def smoothed(path: OdometryPath, initial_pose: Float, measured: DriveMeasurements, config: SmootherConfig) -> Smoothed:
    """The path that fits all measurements best. initial_pose: (N, 4, 4) map_SE3_ego of the path's poses.

    Once with a free calibration; then again with what does not differ clearly from the log's values left at these.
    """
    groups = [(fixes, known) for fixes, known in ((measured.gnss, True), (measured.log_places, False)) if len(fixes)]
    layout = Layout(len(initial_pose), tuple(len(fixes) for fixes, _ in groups), knots_of(measured.turns))
    found: list[Measurement | None] = [
        odometry_steps(path, measured, config),
        measured.turns,
        measured.wheels,
        Verticals(measured.up),
        measured.log_attitudes,
        measured.anchor,
    ]
    for group, (fixes, is_gnss) in enumerate(groups):
        judged, slow = judged_fixes(fixes, path, initial_pose, config)
        found.append(FixedPlaces(path.timestamps_ns, judged, slow, group, calibrated=is_gnss))
    measurements = [measurement for measurement in found if measurement is not None]
    prior = calibration_sigma(config, measured.lever_sigma_m)
    free = smooth(
        DriveState.at(initial_pose, layout),
        layout,
        [*measurements, Priors(prior)],
        (1.0, REDESCENDING_POWER),
        config.huber_sigmas,
        config.max_iterations,
    )
    estimate = CalibrationEstimate(free.state.calibration, free.calibration_sigma(), prior)
    held = estimate.held(measured.lever_sigma_m <= config.lever_sigma_m)
    kept = replace(free.state, calibration=np.where(held, 0.0, free.state.calibration))
    final = smooth(
        kept,
        layout,
        [*measurements, Priors(np.where(held, HELD_SIGMA, prior))],
        (REDESCENDING_POWER,),
        config.huber_sigmas,
        config.max_iterations,
    )
    return Smoothed(final, final.pose_sigma(), estimate.findings(measured.lever_sigma_m <= config.lever_sigma_m))


def odometry_steps(path: OdometryPath, measured: DriveMeasurements, config: SmootherConfig) -> OdometrySteps:
    """The path's own steps: lidar's as good as gyro and wheels show them to be, others as weak ties."""
    step = path.steps()
    length = np.linalg.norm(step[:, :3, 3], axis=1)
    sigma_rad, sigma_m = config.odometry_sigma_rad, config.odometry_sigma_m
    lidar = path.source == "lidar"
    if lidar:
        sigma_rad = min(measured_noise_rad(step, length, measured.turns) or sigma_rad, sigma_rad)
        sigma_m = min(measured_noise_m(step, length, measured.wheels) or sigma_m, sigma_m)
    scale = (1.0 if lidar else config.wheel_sigma_scale) * np.where(path.lost[1:], LOST_SIGMA_SCALE, 1.0)
    walked = scale * np.sqrt(np.maximum(length, MIN_STEP_M))
    return OdometrySteps(step, sigma_rad * walked, sigma_m * walked, scaled=not lidar)


def judged_fixes(
    fixes: Fixes, path: OdometryPath, initial_pose: Float, config: SmootherConfig
) -> tuple[Fixes, SlowError]:
    """Fixes with errors at least as large as their scatter shows, and how much of these is slow."""
    placed = replace(path, pose=initial_pose).trajectory()
    rotation, translation = placed.poses_at(fixes.timestamps_ns)
    fast = fast_share(fixes, rotation @ fixes.lever_ego_m + translation)
    if fast is None:
        return fixes, SlowError(config.gnss_slow_share, config.gnss_correlation_s)
    if fast > MAX_FAST_SHARE:
        fixes = replace(fixes, sigma_m=fixes.sigma_m * (fast / MAX_FAST_SHARE))
    share = 1.0 - min(max(fast, MIN_FAST_SHARE), MAX_FAST_SHARE) ** 2
    return fixes, SlowError(share, config.gnss_correlation_s)


def calibration_sigma(config: SmootherConfig, lever_sigma_m: float) -> Float:
    """(len(Calibration),) how far each number may be from what log and calibration say."""
    sigma = {
        Calibration.distance_scale: config.distance_scale_sigma,
        Calibration.travel_yaw_rad: config.mount_sigma_rad,
        Calibration.travel_pitch_rad: config.mount_sigma_rad,
        Calibration.axle_x_m: config.axle_sigma_m,
        Calibration.axle_y_m: config.axle_sigma_m,
        Calibration.tilt_pitch_rad: config.tilt_sigma_rad,
        Calibration.tilt_roll_rad: config.tilt_sigma_rad,
        Calibration.lever_x_m: lever_sigma_m,
        Calibration.lever_y_m: lever_sigma_m,
        Calibration.lever_z_m: lever_sigma_m,
        Calibration.gnss_clock_s: config.gnss_clock_sigma_s,
    }
    return np.array([sigma[number] for number in Calibration])
