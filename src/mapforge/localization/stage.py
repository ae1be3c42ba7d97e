"""Localization: where was the car, in the map's frame, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError, DriveRefusedError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.trajectories import TrajectoryInfo, read_sigma_z, read_trajectory, write_trajectory
from mapforge.io.trajectory_quality import write_quality
from mapforge.io.workspace import Workspace
from mapforge.localization.config import LocalizationConfig, PoseSource
from mapforge.localization.evidence import is_dense, measurements_of, odometry_of
from mapforge.localization.gnss import Fixes, epsg_of_poses, georeferenced_poses
from mapforge.localization.log_poses import faults_of_poses
from mapforge.localization.odometry import OdometryPath
from mapforge.localization.place_measurements import Anchor
from mapforge.localization.placement import baseline_m, levelled, moved_path, placed_at_origin, placed_on_fixes
from mapforge.localization.quality import flags_of, rates_of_sensors, residual_summaries
from mapforge.localization.resampling import trajectory_of
from mapforge.localization.smoothing import Smoothed, smoothed
from mapforge.schemas.trajectory_quality import TrajectoryQuality

END_MARGIN_NS = 120_000_000
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
    quality: TrajectoryQuality


def run(inputs: LocalizationInputs, config: LocalizationConfig) -> Trajectory:
    """Writes the drive's trajectory and returns it.

    Raises DriveRefusedError when the drive cannot be localised, ConfigurationError when it needs an origin.
    """
    reader = DriveReader(inputs.workspace.drive(inputs.drive_id))
    sweep_times = _sweep_times(reader, inputs.drive_id)
    if config.source is PoseSource.given:
        localized = _given(reader, inputs, sweep_times, config)
    else:
        localized = _found(reader, inputs, sweep_times, config)
    info = TrajectoryInfo(inputs.frame, localized.source, inputs.drive_id, localized.georeferenced, inputs.fingerprint)
    paths = inputs.workspace
    target = (paths.unaligned_trajectory if inputs.aligned_later else paths.trajectory)(inputs.drive_id)
    write_trajectory(localized.trajectory, localized.sigma_z_m, info, target, inputs.workspace.tmp)
    write_quality(localized.quality, inputs.workspace)
    return localized.trajectory


def _found(
    reader: DriveReader, inputs: LocalizationInputs, sweep_times: NDArray[np.int64], config: LocalizationConfig
) -> Localized:
    """From the log alone: its poses where they can be used, else its odometry and fixes."""
    faults = _faults(reader, inputs.frame, sweep_times, config)
    if _use_log_poses(reader, sweep_times, faults, inputs.drive_id, config):
        return _from_log(reader, inputs, config)
    return _from_odometry(reader, inputs, sweep_times, faults, config)


def _given(
    reader: DriveReader, inputs: LocalizationInputs, sweep_times: NDArray[np.int64], config: LocalizationConfig
) -> Localized:
    """The trajectory that was laid ready for the drive, with the sigmas it states."""
    assert config.given_folder is not None
    path = Path(config.given_folder).expanduser() / f"{inputs.drive_id}.parquet"
    if not path.is_file():
        raise DriveRefusedError(f"drive {inputs.drive_id}: no {path} (localization.source=given)")
    trajectory = read_trajectory(path, inputs.frame)
    faults = faults_of_poses(
        trajectory.timestamps_ns, trajectory.translation_m, sweep_times,
        config.max_pose_gap_s, config.max_speed_mps, config.min_coverage,
    )  # fmt: skip
    if faults:
        raise DriveRefusedError(f"drive {inputs.drive_id}: {path}: {'; '.join(faults)}")
    quality = _quality_of_path(reader, trajectory, inputs.drive_id, "given")
    return Localized(trajectory, read_sigma_z(path), "given", georeferenced=True, quality=quality)


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
    refine = config.fuse_gnss_ins_poses and sources == {"gnss_ins"} and is_dense(sweep_times, config)
    return not faults and not refine


def _from_log(reader: DriveReader, inputs: LocalizationInputs, config: LocalizationConfig) -> Localized:
    times, translation, quaternion = georeferenced_poses(reader.table("poses"), inputs.frame)
    sigma = np.full(len(times), config.log_pose_sigma_m)
    trajectory = Trajectory(times, translation, quaternion, sigma)
    quality = _quality_of_path(reader, trajectory, inputs.drive_id, "log_poses")
    return Localized(trajectory, 2.0 * sigma, "log_poses", georeferenced=True, quality=quality)


def _from_odometry(
    reader: DriveReader,
    inputs: LocalizationInputs,
    sweep_times: NDArray[np.int64],
    faults: list[str],
    config: LocalizationConfig,
) -> Localized:
    path = odometry_of(reader, sweep_times, config, inputs.drive_id)
    measured = measurements_of(reader, path, inputs.frame, config)
    fixes = measured.gnss if len(measured.gnss) else measured.log_places
    level = levelled(path, measured.up)
    source = f"{path.source}+gnss"
    if len(fixes):
        _require_heading(fixes, inputs.drive_id, faults, config)
        pose = moved_path(placed_on_fixes(path, level, fixes), path)
    else:
        pose = moved_path(placed_at_origin(path, level, _origin(inputs)), path)
        measured = replace(measured, anchor=Anchor(0, pose[0], ANCHOR_SIGMA_M, ANCHOR_SIGMA_RAD))
        source = path.source
    solved = smoothed(path, pose, measured, config.smoother)
    trajectory, index = trajectory_of(
        path.timestamps_ns, solved.path.pose, solved.sigma.xy_m, config.output_rate_hz, END_MARGIN_NS
    )
    sigma_z = np.interp(index, np.arange(len(pose)), solved.sigma.z_m)
    quality = _quality_of_smoothed(_quality_of_path(reader, trajectory, inputs.drive_id, source), solved, path, config)
    return Localized(trajectory, sigma_z, source, measured.anchor is None, quality)


def _quality_of_path(reader: DriveReader, trajectory: Trajectory, drive_id: str, source: str) -> TrajectoryQuality:
    tables = {name: reader.table(name)["timestamp_ns"].to_numpy() for name in ("gnss", "imu", "vehicle", "poses")}
    return TrajectoryQuality(
        drive_id,
        source,
        round((trajectory.end_ns - trajectory.start_ns) * 1e-9, 3),
        round(trajectory.length_m, 3),
        sigma_xy_median_m=round(float(np.median(trajectory.sigma_xy_m)), 4),
        sigma_xy_max_m=round(float(trajectory.sigma_xy_m.max()), 4),
        rates=rates_of_sensors(tables | {"sweeps": reader.sweep_index().timestamps_ns}),
    )


def _quality_of_smoothed(
    quality: TrajectoryQuality, solved: Smoothed, path: OdometryPath, config: LocalizationConfig
) -> TrajectoryQuality:
    residuals = residual_summaries(solved.path.norms, config.smoother.huber_sigmas)
    lost_share = float(path.lost.mean())
    return replace(
        quality,
        sigma_yaw_median_rad=round(float(np.median(solved.sigma.yaw_rad)), 6),
        lost_sweeps=int(path.lost.sum()),
        converged=solved.path.converged,
        residuals=residuals,
        calibration=solved.calibration,
        flags=flags_of(solved.calibration, residuals, quality.rates, lost_share, config.quality),
    )


def _require_heading(fixes: Fixes, drive_id: str, faults: list[str], config: LocalizationConfig) -> None:
    if baseline_m(fixes) < config.min_gnss_baseline_m:
        raise DriveRefusedError(
            f"drive {drive_id}: its fixes span {baseline_m(fixes):.1f} m, less than "
            f"localization.min_gnss_baseline_m={config.min_gnss_baseline_m}, so its heading is unknown; "
            f"{'; '.join(faults)}"
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
