"""The quality record of a drive, and what in it a person should look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float
from mapforge.localization.config import QualityConfig
from mapforge.localization.drive_state import Calibration
from mapforge.schemas.trajectory_quality import CalibrationFinding, ResidualSummary, SensorRate

SHOWN_RESIDUALS = ("odometry", "gyro", "wheels", "gravity", "gnss", "log poses", "log attitude")
MIN_RESIDUALS = 10


def rates_of_sensors(times_ns: Mapping[str, NDArray[np.int64]]) -> dict[str, SensorRate]:
    """Of every sensor that has samples."""
    rates = {}
    for name, times in sorted(times_ns.items()):
        unique = np.unique(times)
        step_s = np.diff(unique) * 1e-9
        if len(unique):
            rate = 1.0 / float(np.median(step_s)) if len(step_s) else 0.0
            gap = float(step_s.max()) if len(step_s) else 0.0
            rates[name] = SensorRate(len(unique), round(rate, 3), round(gap, 3))
    return rates


def residual_summaries(norms: Mapping[str, Float], huber_sigmas: float) -> dict[str, ResidualSummary]:
    """Of measurements proper, not of priors."""
    return {
        name: ResidualSummary(
            len(norms[name]),
            round(float(np.median(norms[name])), 4),
            round(float((norms[name] > 2.0 * huber_sigmas).mean()), 4),
        )
        for name in SHOWN_RESIDUALS
        if len(norms.get(name, ()))
    }


def flags_of(
    findings: tuple[CalibrationFinding, ...],
    residuals: Mapping[str, ResidualSummary],
    rates: Mapping[str, SensorRate],
    lost_share: float,
    config: QualityConfig,
) -> tuple[str, ...]:
    """Sentences; empty when nothing is odd."""
    found = {finding.name: finding for finding in findings if finding.state == "estimated"}
    flags = [
        text.format(angle=np.rad2deg(found[name].value), value=found[name].value)
        for name, limit, text in _limits(config)
        if name in found and abs(found[name].value) - 3.0 * found[name].sigma > 0.0 and abs(found[name].value) > limit
    ]
    for name, summary in residuals.items():
        if summary.count >= MIN_RESIDUALS and summary.outlier_share > config.max_outlier_share:
            flags.append(f"{summary.outlier_share:.0%} of the {name} measurements disagree with all others")
    for name, rate in rates.items():
        if rate.longest_gap_s > config.max_gap_s:
            flags.append(f"{name} was silent for {rate.longest_gap_s:.1f} s")
    if lost_share > config.max_lost_share:
        flags.append(f"{lost_share:.0%} of the sweeps could not be registered")
    return tuple(flags)


def _limits(config: QualityConfig) -> list[tuple[str, float, str]]:
    turned = "the lidar (or the unit that gives the odometry) is turned by {angle:.2f} deg "
    return [
        (Calibration.travel_yaw_rad.name, config.moved_mount_rad, turned + "in yaw against its calibration"),
        (Calibration.travel_pitch_rad.name, config.moved_mount_rad, turned + "in pitch against its calibration"),
        (Calibration.tilt_pitch_rad.name, config.moved_mount_rad, "the inertial unit is tilted by {angle:.2f} deg"),
        (Calibration.tilt_roll_rad.name, config.moved_mount_rad, "the inertial unit is tilted by {angle:.2f} deg"),
        (Calibration.distance_scale.name, config.moved_scale, "wheels say {value:.1%} too few metres"),
        (Calibration.gnss_clock_s.name, config.moved_clock_s, "the GNSS clock is off by {value:.3f} s"),
        (Calibration.lever_x_m.name, config.moved_lever_m, "the GNSS antenna sits {value:.2f} m farther ahead"),
        (Calibration.lever_y_m.name, config.moved_lever_m, "the GNSS antenna sits {value:.2f} m farther left"),
    ]
