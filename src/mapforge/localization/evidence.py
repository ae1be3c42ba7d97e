"""What a drive of the store measured, as the smoother wants it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import DriveRefusedError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import SE3, Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.localization.config import LocalizationConfig
from mapforge.localization.gnss import Fixes, epsg_of_poses, fixes_of_gnss, fixes_of_poses, georeferenced_poses
from mapforge.localization.gravity import up_directions
from mapforge.localization.inertial import TurnRates, gyro_turns, turn_rates
from mapforge.localization.lidar_odometry import Registration, register_sweeps
from mapforge.localization.odometry import OdometryPath, path_of_poses, path_of_wheels
from mapforge.localization.place_measurements import Attitudes
from mapforge.localization.smoothing import DriveMeasurements
from mapforge.localization.wheels import wheel_steps

MIN_SWEEPS_TO_REGISTER = 3
POSE_STEP_NS = 100_000_000
SAME_DEVICE = "gnss_ins"


def odometry_of(
    reader: DriveReader, sweep_times: NDArray[np.int64], config: LocalizationConfig, drive_id: str
) -> OdometryPath:
    """Lidar odometry where sweeps are dense enough, with the car's own odometry as prediction; else that odometry.

    Raises DriveRefusedError when there is neither.
    """
    own = path_of_poses(reader.table("poses")) or path_of_wheels(reader.table("vehicle"), rates_of(reader, config))
    if not is_dense(sweep_times, config):
        if own is None or not own.trajectory().covers(sweep_times).all():
            raise DriveRefusedError(
                f"drive {drive_id}: {len(sweep_times)} sweeps at {rate_hz(sweep_times):.1f} Hz are too few for lidar "
                "odometry, and the log has neither usable poses nor wheel speed and yaw rate"
            )
        return own.thinned(POSE_STEP_NS)
    path = register_sweeps(reader.sweeps(), own, reader.manifest.motion_compensated, registration_of(config))
    if path.lost.mean() > config.lidar_odometry.max_lost_share:
        raise DriveRefusedError(
            f"drive {drive_id}: {int(path.lost.sum())} of {len(path.lost)} sweeps could not be registered; "
            "look at the sweeps, or raise localization.lidar_odometry.max_lost_share"
        )
    return path


def registration_of(config: LocalizationConfig) -> Registration:
    """The settings of lidar odometry as its steps take them."""
    names = {field.name for field in fields(Registration)} - {"threads"}
    return Registration(**{name: getattr(config.lidar_odometry, name) for name in sorted(names)})


def measurements_of(
    reader: DriveReader, path: OdometryPath, frame: MapFrame, config: LocalizationConfig
) -> DriveMeasurements:
    """All but the odometry; places only while the path lasts."""
    smoother, times = config.smoother, path.timestamps_ns
    antenna = mounting(reader, "gnss")
    lever = np.zeros(3) if antenna is None else antenna.translation_m
    gnss = fixes_of_gnss(reader.table("gnss"), frame, lever, smoother.gnss_sigma_m, smoother.gnss_sigma_floor_m)
    gnss = gnss.between(int(times[0]), int(times[-1]))
    own_wheels = path.source != "log_odometry"  # a log's odometry is mostly made of its wheels and gyro
    rates = rates_of(reader, config) if own_wheels else None
    return DriveMeasurements(
        gnss=gnss,
        log_places=_log_places(reader, path, frame, config, len(gnss)),
        log_attitudes=_log_attitudes(reader, path, frame, config),
        up=up_directions(
            path,
            reader.table("imu"),
            imu_rotation(reader),
            smoother.gravity_sigma_rad,
            smoother.level_sigma_rad,
            smoother.level_spacing_m,
        ),
        turns=gyro_turns(
            rates, times, smoother.gyro_noise_rad, smoother.gyro_bias_sigma_radps, smoother.gyro_bias_walk_radps
        ),
        wheels=wheel_steps(reader.table("vehicle"), times, smoother.wheel_sigma_m) if own_wheels else None,
        lever_sigma_m=smoother.unknown_lever_sigma_m if antenna is None else smoother.lever_sigma_m,
    )


def rates_of(reader: DriveReader, config: LocalizationConfig) -> TurnRates | None:
    rotation = imu_rotation(reader)
    return turn_rates(reader.table("imu"), reader.table("vehicle"), rotation, config.smoother.wheelbase_m)


def mounting(reader: DriveReader, model: str) -> SE3 | None:
    """`ego_SE3_sensor` of the first sensor of that model, None when it is not calibrated."""
    sensors = [c for c in reader.calibration().values() if c.model == model]
    return sensors[0].ego_SE3_sensor if sensors else None


def imu_rotation(reader: DriveReader) -> Float:
    found = mounting(reader, "imu")
    return np.eye(3) if found is None else found.rotation


def rate_hz(times_ns: NDArray[np.int64]) -> float:
    return 0.0 if len(times_ns) < 2 else 1e9 / float(np.median(np.diff(times_ns)))


def is_dense(sweep_times: NDArray[np.int64], config: LocalizationConfig) -> bool:
    """Whether sweeps can be registered to each other."""
    enough = len(sweep_times) >= MIN_SWEEPS_TO_REGISTER
    return enough and rate_hz(sweep_times) >= config.lidar_odometry.min_sweep_rate_hz


def _log_places(
    reader: DriveReader, path: OdometryPath, frame: MapFrame, config: LocalizationConfig, gnss_fixes: int
) -> Fixes:
    """Positions of the log's poses, unless they come from the device that gave the fixes."""
    poses = reader.table("poses")
    fixes = fixes_of_poses(poses, frame, config.log_pose_sigma_m)
    if gnss_fixes and set(poses["source"].to_pylist()) <= {SAME_DEVICE}:
        return fixes.between(0, -1)
    return fixes.between(int(path.timestamps_ns[0]), int(path.timestamps_ns[-1]))


def _log_attitudes(
    reader: DriveReader, path: OdometryPath, frame: MapFrame, config: LocalizationConfig
) -> Attitudes | None:
    """Attitudes of the log's poses in the map's CRS, one as long as their error lasts."""
    poses = reader.table("poses")
    if epsg_of_poses(poses) != frame.epsg:
        return None
    times, translation, quaternion = georeferenced_poses(poses, frame)
    if len(times) < 2:
        return None
    smoother = config.smoother
    count = max(round((times[-1] - times[0]) * 1e-9 / smoother.gnss_correlation_s), 1)
    wanted = times[0] + ((np.arange(count) + 0.5) / count * (times[-1] - times[0])).astype(np.int64)
    node = np.unique(np.searchsorted(path.timestamps_ns, wanted).clip(0, len(path.timestamps_ns) - 1))
    stated = Trajectory(times, translation, quaternion, np.zeros(len(times)))
    node = node[stated.covers(path.timestamps_ns[node])]
    if not len(node):
        return None
    return Attitudes(node, stated.poses_at(path.timestamps_ns[node])[0], smoother.log_attitude_sigma_rad)
