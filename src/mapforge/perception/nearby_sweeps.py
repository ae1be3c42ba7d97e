"""Lidar returns round an instant, in the map frame, at most a few sweeps in memory."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.deskew import SweepMotion
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader

_KEPT_SWEEPS = 8


class NearbySweeps:
    """Deskewed sweeps of a drive, kept while they are likely to be asked for again."""

    def __init__(self, reader: DriveReader, trajectory: Trajectory) -> None:
        self._reader = reader
        self._trajectory = trajectory
        self._kept: OrderedDict[int, NDArray[np.float64]] = OrderedDict()

    def around(self, timestamp_ns: int, window_ns: int) -> NDArray[np.float64]:
        """(N, 3) float64 returns, map frame, of all sweeps whose time lies within the window either way."""
        times = self._reader.sweep_index().timestamps_ns
        first = int(np.searchsorted(times, timestamp_ns - window_ns))
        last = int(np.searchsorted(times, timestamp_ns + window_ns, side="right"))
        covered = [i for i in range(first, last) if self._trajectory.covers(times[i : i + 1])[0]]
        return np.concatenate([self._sweep(i) for i in covered]) if covered else np.zeros((0, 3))

    def _sweep(self, index: int) -> NDArray[np.float64]:
        if index not in self._kept:
            self._kept[index] = sweep_in_map(self._reader, self._trajectory, index)[1]
            if len(self._kept) > _KEPT_SWEEPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(index)
        return self._kept[index]


def sweep_in_map(
    reader: DriveReader, trajectory: Trajectory, index: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns of a sweep: (N, 3) as measured, in the moving ego frame, and (N, 3) in the map frame."""
    sweep = reader.sweep(index)
    finite = np.isfinite(sweep.xyz_ego).all(axis=1)
    xyz_ego = sweep.xyz_ego[finite].astype(np.float64)
    offset_ns = sweep.offset_ns[finite]
    if reader.manifest.motion_compensated:
        offset_ns = np.zeros_like(offset_ns)
    motion = SweepMotion.along(trajectory, sweep.timestamp_ns, offset_ns)
    return xyz_ego, np.asarray(motion.transform(xyz_ego, offset_ns))
