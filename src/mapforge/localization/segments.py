"""Pieces of a drive: what it saw along some tens of metres, as one thinned cloud in the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import small_gicp
from numpy.typing import NDArray

from mapforge.geometry.deskew import SweepMotion
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader


@dataclass(frozen=True, eq=False)
class Segment:
    """centre_ns: time at its middle. centre_m: (3,) map frame, where the car was then. xyz_m: (N, 3) thinned returns,
    relative to the centre, as the drive's own trajectory places them.
    """

    centre_ns: int
    centre_m: Float
    xyz_m: Float


def segments_of_drive(
    reader: DriveReader,
    trajectory: Trajectory,
    sweep_spacing_m: float,
    segment_m: float,
    min_range_m: float,
    max_range_m: float,
    downsampling_m: float,
) -> list[Segment]:
    """In order of time; a drive that stands still is one segment."""
    index = reader.sweep_index()
    covered = np.flatnonzero(trajectory.covers(index.timestamps_ns))
    if not len(covered):
        return []
    _, translation = trajectory.poses_at(index.timestamps_ns[covered])
    station = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(translation, axis=0), axis=1))])
    chosen = np.unique(np.searchsorted(station, np.arange(0.0, station[-1] + 1e-6, sweep_spacing_m)))
    count = max(round(station[-1] / segment_m), 1)
    piece = np.minimum((station[chosen] / max(station[-1], 1e-9) * count).astype(np.int64), count - 1)
    segments = []
    for k in range(count):
        sweeps = covered[chosen[piece == k]]
        if len(sweeps):
            segments.append(_segment(reader, trajectory, sweeps, min_range_m, max_range_m, downsampling_m))
    return segments


def _segment(
    reader: DriveReader,
    trajectory: Trajectory,
    sweeps: NDArray[np.int64],
    min_range_m: float,
    max_range_m: float,
    downsampling_m: float,
) -> Segment:
    times = reader.sweep_index().timestamps_ns[sweeps]
    centre_ns = int(times[len(times) // 2])
    centre = trajectory.pose_at(centre_ns).translation_m
    clouds = []
    for i in sweeps:
        sweep = reader.sweep(int(i))
        distance = np.linalg.norm(sweep.xyz_ego, axis=1)
        keep = (distance > min_range_m) & (distance < max_range_m)
        offset_ns = sweep.offset_ns[keep] * (0 if reader.manifest.motion_compensated else 1)
        motion = SweepMotion.along(trajectory, sweep.timestamp_ns, offset_ns)
        clouds.append(motion.transform(sweep.xyz_ego[keep].astype(np.float64), offset_ns, centre))
    cloud = small_gicp.PointCloud(np.concatenate(clouds))
    thinned = small_gicp.voxelgrid_sampling(cloud, downsampling_m, num_threads=1)
    return Segment(centre_ns, centre, np.asarray(thinned.points())[:, :3])
