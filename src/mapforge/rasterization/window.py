"""Windows of sweeps: bounded pieces of a drive, their returns in the map, relative to the window's own origin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapforge.geometry.deskew import SweepMotion
from mapforge.geometry.tiles import TILE_SIZE_M
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader, Sweep, SweepIndex


@dataclass(frozen=True, eq=False)
class Window:
    """Returns of some sweeps, in order of sweep.

    origin_m: (3,) float64, map frame; x, y are a multiple of the tile size. x, y, z: (N,) float32, map frame minus the
    origin. range_m: (N,) float32 from the ego origin. intensity: (N,) float32. ring: (N,) int16. sensors: name of
    each sweep's lidar. sweep_ends: index one past the last return of each sweep.
    """

    origin_m: NDArray[np.float64]
    x: Tensor
    y: Tensor
    z: Tensor
    range_m: Tensor
    intensity: Tensor
    ring: Tensor
    sensors: tuple[str, ...]
    sweep_ends: tuple[int, ...]


def plan_windows(index: SweepIndex, trajectory: Trajectory, window_s: float, max_points: int) -> list[list[int]]:
    """Sweeps that the trajectory covers, in windows by duration and size. Returns indices into the index."""
    windows: list[list[int]] = []
    points, start_ns = 0, 0
    for i in np.flatnonzero(trajectory.covers(index.timestamps_ns)):
        now_ns, rows = int(index.timestamps_ns[i]), int(index.rows[i])
        if not windows or now_ns - start_ns > window_s * 1e9 or points + rows > max_points:
            windows.append([])
            points, start_ns = 0, now_ns
        windows[-1].append(int(i))
        points += rows
    return windows


def load_window(
    reader: DriveReader,
    trajectory: Trajectory,
    sweeps: Sequence[int],
    min_range_m: float,
    reach_m: float,
    device: torch.device,
) -> Window:
    """Reads sweeps, takes the car's motion out of them and brings them to the map."""
    times = reader.sweep_index().timestamps_ns[list(sweeps)]
    _, translation = trajectory.poses_at(times)
    origin = np.append(np.floor(translation[:, :2].mean(axis=0) / TILE_SIZE_M) * TILE_SIZE_M, translation[:, 2].mean())
    compensated = reader.manifest.motion_compensated
    pieces = [_sweep_in_map(reader.sweep(i), trajectory, origin, min_range_m, reach_m, compensated) for i in sweeps]
    columns = [np.concatenate(column) for column in zip(*pieces)]
    x, y, z, range_m, intensity, ring = (torch.from_numpy(column).to(device) for column in columns)
    ends = np.cumsum([len(piece[0]) for piece in pieces])
    names = tuple(reader.sweep_index().sensors[i] for i in sweeps)
    return Window(origin, x, y, z, range_m, intensity, ring, names, tuple(int(end) for end in ends))


def _sweep_in_map(
    sweep: Sweep,
    trajectory: Trajectory,
    origin_m: NDArray[np.float64],
    min_range_m: float,
    reach_m: float,
    motion_compensated: bool,
) -> tuple[NDArray, ...]:
    horizontal = np.hypot(sweep.xyz_ego[:, 0], sweep.xyz_ego[:, 1])
    keep = np.flatnonzero((horizontal > min_range_m) & (horizontal < reach_m))
    xyz_ego, offset_ns = np.take(sweep.xyz_ego, keep, axis=0), np.take(sweep.offset_ns, keep)
    if motion_compensated:
        offset_ns = np.zeros_like(offset_ns)
    motion = SweepMotion.along(trajectory, sweep.timestamp_ns, offset_ns)
    x, y, z = np.ascontiguousarray(motion.transform(xyz_ego, offset_ns, origin_m).T)
    return x, y, z, np.take(horizontal, keep), np.take(sweep.intensity, keep), np.take(sweep.ring, keep)


def sweeps_of(window: Window) -> Iterator[tuple[str, slice]]:
    """Each sweep's sensor and its slice of the window's columns."""
    start = 0
    for sensor, end in zip(window.sensors, window.sweep_ends):
        yield sensor, slice(start, end)
        start = end
