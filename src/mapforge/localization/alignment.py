"""Alignment: the drives of a region register to each other and share out their disagreements.

A first version: segments of every drive are registered to every other drive that was there, and each path bends a
little (shift and turn a segment) so that all agree, held in place by everyone's GNSS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import small_gicp
from scipy.spatial import cKDTree

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.trajectories import read_sigma_z, read_trajectory, read_trajectory_info, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.config import AlignmentConfig, LocalizationConfig
from mapforge.localization.corrections import Agreement, Correction, Knots, solve_corrections
from mapforge.localization.segments import Segment, segments_of_drive

MIN_SIGMA_M = 0.02


@dataclass(frozen=True)
class AlignmentInputs:
    """Drives with a trajectory before alignment (`LocalizationInputs.aligned_later`), their order is no matter.

    fingerprints: of each drive's final trajectory, by drive.
    """

    workspace: Workspace
    drive_ids: tuple[str, ...]
    frame: MapFrame
    fingerprints: dict[str, str]


@dataclass(frozen=True, eq=False)
class _Drive:
    """trajectory: corrected so far. sigma_m: (3,) mean uncertainty along x, y, z. segments: as first placed."""

    trajectory: Trajectory
    sigma_m: Float
    segments: list[Segment]


def run(inputs: AlignmentInputs, config: LocalizationConfig) -> dict[str, Correction]:
    """Writes the final trajectory of every drive and returns how each was corrected.

    Drives that were not georeferenced, and those alone in their place, keep theirs.
    """
    names = sorted(inputs.drive_ids)
    sources = {name: inputs.workspace.unaligned_trajectory(name) for name in names}
    drives = {}
    for name in names:
        if read_trajectory_info(sources[name]).georeferenced:
            drives[name] = _load(inputs, name, config)
    corrections = align({name: drive for name, drive in drives.items() if drive.segments}, config.alignment)
    for name in names:
        trajectory = read_trajectory(sources[name], inputs.frame)
        if name in corrections:
            trajectory = corrections[name].applied_to(trajectory)
        info = replace(read_trajectory_info(sources[name]), fingerprint=inputs.fingerprints[name])
        if name in corrections and np.any(corrections[name].shift_m):
            info = replace(info, source=f"{info.source}+aligned")
        target = inputs.workspace.trajectory(name)
        write_trajectory(trajectory, read_sigma_z(sources[name]), info, target, inputs.workspace.tmp)
    return corrections


def align(drives: dict[str, _Drive], config: AlignmentConfig) -> dict[str, Correction]:
    """Corrections of drives by registration and adjustment, repeated `config.rounds` times."""
    total: dict[str, Correction] = {}
    for _ in range(config.rounds if len(drives) > 1 else 0):
        placed = {name: _placed(drive.segments, total.get(name)) for name, drive in drives.items()}
        found = [agreement for fixed in sorted(drives) for agreement in _agreements_with(fixed, placed, config)]
        agreements = [_relative_to_first(agreement, total) for agreement in found]
        knots = {name: _knots(drive) for name, drive in drives.items()}
        total = solve_corrections(knots, agreements, config.registration_sigma_m, config.bending_sigma_m)
    return total


def _load(inputs: AlignmentInputs, name: str, config: LocalizationConfig) -> _Drive:
    path = inputs.workspace.unaligned_trajectory(name)
    trajectory = read_trajectory(path, inputs.frame)
    segments = segments_of_drive(
        DriveReader(inputs.workspace.drive(name)),
        trajectory,
        config.alignment.sweep_spacing_m,
        config.alignment.segment_m,
        config.lidar_odometry.min_range_m,
        config.alignment.max_range_m,
        config.alignment.downsampling_m,
    )
    sigma_xy = float(trajectory.sigma_xy_m.mean())
    return _Drive(trajectory, np.array([sigma_xy, sigma_xy, float(read_sigma_z(path).mean())]), segments)


def _knots(drive: _Drive) -> Knots:
    times = np.array([segment.centre_ns for segment in drive.segments], dtype=np.int64)
    centres = np.array([segment.centre_m for segment in drive.segments])
    return Knots(times, centres, np.tile(np.maximum(drive.sigma_m, MIN_SIGMA_M), (len(times), 1)))


def _placed(segments: Sequence[Segment], correction: Correction | None) -> list[tuple[Float, Float]]:
    """(centre, points relative to it) of every segment after the correction so far."""
    placed = []
    for k, segment in enumerate(segments):
        shift, turn = (np.zeros(3), 0.0) if correction is None else (correction.shift_m[k], correction.turn_rad[k])
        c, s = np.cos(turn), np.sin(turn)
        rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        placed.append((segment.centre_m + shift, segment.xyz_m @ rotation.T))
    return placed


def _agreements_with(
    fixed: str, placed: dict[str, list[tuple[Float, Float]]], config: AlignmentConfig
) -> list[Agreement]:
    """Every other drive's segments registered to the map of one drive."""
    origin = placed[fixed][0][0]
    voxels = small_gicp.GaussianVoxelMap(config.map_voxel_m)
    voxels.set_lru(horizon=10**9, clear_cycle=10**9)
    for centre, xyz in placed[fixed]:
        cloud, _ = small_gicp.preprocess_points(xyz + (centre - origin), config.downsampling_m, num_threads=1)
        voxels.insert(cloud)
    centres = cKDTree(np.array([centre[:2] for centre, _ in placed[fixed]]))
    reach = config.segment_m + config.max_range_m
    agreements = []
    for name in sorted(set(placed) - {fixed}):
        for k, (centre, xyz) in enumerate(placed[name]):
            distance, nearest = centres.query(centre[:2])
            if distance < reach:
                found = _register(voxels, centre, xyz, origin, config)
                if found is not None:
                    agreements.append(Agreement(name, k, fixed, int(nearest), *found))
    return agreements


def _register(
    voxels: small_gicp.GaussianVoxelMap, centre: Float, xyz: Float, origin: Float, config: AlignmentConfig
) -> tuple[tuple[float, float, float], float] | None:
    """Shift at the segment's centre and turn that fit it to the voxels; None when they hardly overlap."""
    cloud, _ = small_gicp.preprocess_points(xyz, config.downsampling_m, num_threads=1)
    guess = np.eye(4)
    guess[:3, 3] = centre - origin
    result = small_gicp.align(
        voxels,
        cloud,
        init_T_target_source=guess,
        max_correspondence_distance=config.max_correspondence_m,
        num_threads=1,
        max_iterations=30,
        rotation_epsilon=1e-5,
        translation_epsilon=1e-4,
    )
    pose = np.asarray(result.T_target_source)
    shift = pose[:3, 3] - guess[:3, 3]
    if result.num_inliers < config.min_overlap * cloud.size() or not np.linalg.norm(shift) < config.max_shift_m:
        return None
    return (float(shift[0]), float(shift[1]), float(shift[2])), float(np.arctan2(pose[1, 0], pose[0, 0]))


def _relative_to_first(agreement: Agreement, earlier: dict[str, Correction]) -> Agreement:
    """The same agreement counted from the uncorrected drives, so that GNSS judges the whole correction."""
    if agreement.a not in earlier:
        return agreement
    a, b = earlier[agreement.a], earlier[agreement.b]
    shift = np.array(agreement.shift_m) + a.shift_m[agreement.moving] - b.shift_m[agreement.fixed]
    turn = agreement.turn_rad + a.turn_rad[agreement.moving] - b.turn_rad[agreement.fixed]
    return replace(agreement, shift_m=(float(shift[0]), float(shift[1]), float(shift[2])), turn_rad=float(turn))
