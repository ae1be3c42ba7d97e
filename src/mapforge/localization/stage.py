"""Localization: where was the car, in the map's frame, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError, DriveRefusedError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.trajectories import TrajectoryInfo, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.config import LocalizationConfig, PoseSource, SmootherConfig
from mapforge.localization.gnss import Fixes, epsg_of_poses, fixes_of_gnss, fixes_of_poses, georeferenced_poses
from mapforge.localization.gravity import UpDirections, up_directions
from mapforge.localization.lidar_odometry import Registration, register_sweeps
from mapforge.localization.log_poses import faults_of_poses
from mapforge.localization.odometry import OdometryPath, path_of_poses, path_of_wheels
from mapforge.localization.placement import baseline_m, levelled, moved_path, placed_at_origin, placed_on_fixes
from mapforge.localization.pose_graph import Anchor, SlowError, SmoothedPath, Steps, smooth
from mapforge.localization.resampling import trajectory_of

END_MARGIN_NS = 120_000_000
MIN_SWEEPS_TO_REGISTER = 3
MIN_STEP_M = 0.05
LOST_SIGMA_SCALE = 100.0
ANCHOR_SIGMA_M = 0.01
ANCHOR_SIGMA_RAD = 1e-4


@dataclass(frozen=True)
class LocalizationInputs:
    """One drive and the frame it is wanted in.

    origin_lon_lat_deg: where to put a drive that knows no place on earth; None = such a drive is an error.
    fingerprint: of all that decides the result; goes into the file's footer. aligned_later: the result goes where
    `alignment.run` looks for it, which writes the final trajectory.
    """

    workspace: Workspace
    drive_id: str
    frame: MapFrame
    origin_lon_lat_deg: tuple[float, float] | None
    fingerprint: str
    aligned_later: bool = False


@dataclass(frozen=True, eq=False)
class Localized:
    """A drive's path with its uncertainty, and how it was found."""

    trajectory: Trajectory
    sigma_z_m: Float
    source: str
    georeferenced: bool


def run(inputs: LocalizationInputs, config: LocalizationConfig) -> Trajectory:
    """Writes the drive's trajectory and returns it.

    Raises DriveRefusedError when the drive cannot be localised, ConfigurationError when it needs an origin.
    """
    reader = DriveReader(inputs.workspace.drive(inputs.drive_id))
    sweep_times = _sweep_times(reader, inputs.drive_id)
    faults = _faults(reader, inputs.frame, sweep_times, config)
    if _use_log_poses(reader, sweep_times, faults, inputs.drive_id, config):
        localized = _from_log(reader, inputs.frame, config)
    else:
        localized = _from_odometry(reader, inputs, sweep_times, faults, config)
    info = TrajectoryInfo(inputs.frame, localized.source, inputs.drive_id, localized.georeferenced, inputs.fingerprint)
    paths = inputs.workspace
    target = (paths.unaligned_trajectory if inputs.aligned_later else paths.trajectory)(inputs.drive_id)
    write_trajectory(localized.trajectory, localized.sigma_z_m, info, target, inputs.workspace.tmp)
    return localized.trajectory


def _sweep_times(reader: DriveReader, drive_id: str) -> NDArray[np.int64]:
    times = np.unique(reader.sweep_index().timestamps_ns)
    if not len(times):
        raise DriveRefusedError(f"drive {drive_id} has no lidar sweeps: nothing to map; check the log's lidar topic")
    return times


def _faults(
    reader: DriveReader, frame: MapFrame, sweep_times: NDArray[np.int64], config: LocalizationConfig
) -> list[str]:
    """Why the log's poses cannot be used as they are."""
    poses = reader.table("poses")
    epsg = epsg_of_poses(poses)
    if epsg not in (None, frame.epsg):
        return [f"the log's poses are in EPSG:{epsg}, the map is in EPSG:{frame.epsg}"]
    times, translation, _ = georeferenced_poses(poses, frame)
    return faults_of_poses(
        times, translation, sweep_times, config.max_pose_gap_s, config.max_speed_mps, config.min_coverage
    )


def _use_log_poses(
    reader: DriveReader,
    sweep_times: NDArray[np.int64],
    faults: list[str],
    drive_id: str,
    config: LocalizationConfig,
) -> bool:
    if config.source is PoseSource.log_poses and faults:
        raise DriveRefusedError(f"drive {drive_id}: {'; '.join(faults)}; set localization.source=auto")
    if config.source is not PoseSource.auto:
        return config.source is PoseSource.log_poses
    sources = set(reader.table("poses")["source"].to_pylist())
    refine = config.fuse_gnss_ins_poses and sources == {"gnss_ins"} and _dense(sweep_times, config)
    return not faults and not refine


def _from_log(reader: DriveReader, frame: MapFrame, config: LocalizationConfig) -> Localized:
    times, translation, quaternion = georeferenced_poses(reader.table("poses"), frame)
    sigma = np.full(len(times), config.log_pose_sigma_m)
    trajectory = Trajectory(times, translation, quaternion, sigma)
    return Localized(trajectory, 2.0 * sigma, "log_poses", georeferenced=True)


def _from_odometry(
    reader: DriveReader,
    inputs: LocalizationInputs,
    sweep_times: NDArray[np.int64],
    faults: list[str],
    config: LocalizationConfig,
) -> Localized:
    path = _odometry(reader, sweep_times, config, inputs.drive_id)
    fixes = _fixes(reader, inputs.frame, config).between(int(path.timestamps_ns[0]), int(path.timestamps_ns[-1]))
    up = _up(reader, path, config.smoother)
    level = levelled(path, up)
    anchor, source = None, f"{path.source}+gnss"
    if len(fixes):
        if baseline_m(fixes) < config.min_gnss_baseline_m:
            raise DriveRefusedError(
                f"drive {inputs.drive_id}: its fixes span {baseline_m(fixes):.1f} m, less than "
                f"localization.min_gnss_baseline_m={config.min_gnss_baseline_m}, so its heading is unknown; "
                f"{'; '.join(faults)}"
            )
        pose = moved_path(placed_on_fixes(path, level, fixes), path)
    else:
        pose = moved_path(placed_at_origin(path, level, _origin(inputs)), path)
        anchor, source = Anchor(0, pose[0], ANCHOR_SIGMA_M, ANCHOR_SIGMA_RAD), path.source
    smoothed = _smoothed(path, pose, fixes, up, anchor, config.smoother)
    trajectory, index = trajectory_of(
        path.timestamps_ns, smoothed.pose, smoothed.sigma_xy_m, config.output_rate_hz, END_MARGIN_NS
    )
    sigma_z = np.interp(index, np.arange(len(pose)), smoothed.sigma_z_m)
    return Localized(trajectory, sigma_z, source, georeferenced=anchor is None)


def _odometry(
    reader: DriveReader, sweep_times: NDArray[np.int64], config: LocalizationConfig, drive_id: str
) -> OdometryPath:
    """Lidar odometry where sweeps are dense enough, with the car's own odometry as prediction; else that odometry."""
    own = path_of_poses(reader.table("poses")) or path_of_wheels(reader.table("vehicle"), reader.table("imu"))
    if not _dense(sweep_times, config):
        if own is None or not own.trajectory().covers(sweep_times).all():
            raise DriveRefusedError(
                f"drive {drive_id}: {len(sweep_times)} sweeps at {_rate_hz(sweep_times):.1f} Hz are too few for lidar "
                "odometry, and the log has neither usable poses nor wheel speed and yaw rate"
            )
        return own
    names = {field.name for field in fields(Registration)}
    registration = Registration(**{name: getattr(config.lidar_odometry, name) for name in sorted(names)})
    path = register_sweeps(reader.sweeps(), own, reader.manifest.motion_compensated, registration)
    if path.lost.mean() > config.lidar_odometry.max_lost_share:
        raise DriveRefusedError(
            f"drive {drive_id}: {int(path.lost.sum())} of {len(path.lost)} sweeps could not be registered; "
            "look at the sweeps, or raise localization.lidar_odometry.max_lost_share"
        )
    return path


def _fixes(reader: DriveReader, frame: MapFrame, config: LocalizationConfig) -> Fixes:
    """GNSS fixes; without any, the log's georeferenced poses."""
    antennas = [c for c in reader.calibration().values() if c.model == "gnss"]
    lever = antennas[0].ego_SE3_sensor.translation_m if antennas else np.zeros(3)
    smoother = config.smoother
    fixes = fixes_of_gnss(reader.table("gnss"), frame, lever, smoother.gnss_sigma_m, smoother.gnss_sigma_floor_m)
    return fixes if len(fixes) else fixes_of_poses(reader.table("poses"), frame, config.log_pose_sigma_m)


def _up(reader: DriveReader, path: OdometryPath, smoother: SmootherConfig) -> UpDirections:
    sensors = [c for c in reader.calibration().values() if c.model == "imu"]
    ego_R_imu = sensors[0].ego_SE3_sensor.rotation if sensors else np.eye(3)
    return up_directions(
        path,
        reader.table("imu"),
        ego_R_imu,
        smoother.gravity_sigma_rad,
        smoother.level_sigma_rad,
        smoother.level_spacing_m,
    )


def _origin(inputs: LocalizationInputs) -> Float:
    """(3,) map-frame place of a drive without one of its own."""
    if inputs.origin_lon_lat_deg is None:
        raise ConfigurationError(
            f"drive {inputs.drive_id} has no GNSS and no georeferenced poses: set region.origin_lon_deg and "
            "region.origin_lat_deg to place it"
        )
    lon, lat = inputs.origin_lon_lat_deg
    return inputs.frame.from_wgs84(np.array([[lon, lat, 0.0]]))[0]


def _smoothed(
    path: OdometryPath,
    initial_pose: Float,
    fixes: Fixes,
    up: UpDirections,
    anchor: Anchor | None,
    smoother: SmootherConfig,
) -> SmoothedPath:
    step = path.steps()
    walked = np.sqrt(np.maximum(np.linalg.norm(step[:, :3, 3], axis=1), MIN_STEP_M))
    scale = (1.0 if path.source == "lidar" else smoother.wheel_sigma_scale) * np.where(
        path.lost[1:], LOST_SIGMA_SCALE, 1.0
    )
    return smooth(
        path.timestamps_ns,
        initial_pose,
        Steps(step, smoother.odometry_sigma_rad * walked * scale, smoother.odometry_sigma_m * walked * scale),
        fixes,
        SlowError(smoother.gnss_slow_share, smoother.gnss_correlation_s),
        up,
        anchor,
        smoother.huber_sigmas,
        smoother.max_iterations,
    )


def _rate_hz(sweep_times: NDArray[np.int64]) -> float:
    return 0.0 if len(sweep_times) < 2 else 1e9 / float(np.median(np.diff(sweep_times)))


def _dense(sweep_times: NDArray[np.int64], config: LocalizationConfig) -> bool:
    enough = len(sweep_times) >= MIN_SWEEPS_TO_REGISTER
    return enough and _rate_hz(sweep_times) >= config.lidar_odometry.min_sweep_rate_hz
