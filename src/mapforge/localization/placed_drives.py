"""The drives an alignment works on, as they lie on disk: those that move, and settled ones near them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import (
    TrajectoryInfo,
    read_sigma_relative,
    read_sigma_z,
    read_trajectory,
    read_trajectory_info,
)
from mapforge.io.workspace import Workspace
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.corrections import Knots
from mapforge.localization.segments import Pieces, pieces_of
from mapforge.localization.settled import Ledger, Standing

MIN_SIGMA_M = 0.01
SAMPLE_STEP_M = 5.0


@dataclass(frozen=True, eq=False)
class PlacedDrive:
    """trajectory: before alignment, or the settled one. sigma_z_m, sigma_relative_m: (N,) at its poses."""

    trajectory: Trajectory
    sigma_z_m: Float
    sigma_relative_m: Float
    info: TrajectoryInfo
    pieces: Pieces

    def sigma_at(self, times_ns: NDArray[np.int64]) -> tuple[Float, Float, Float]:
        """Horizontal, height and relative sigma at some times."""
        columns = (self.trajectory.sigma_xy_m, self.sigma_z_m, self.sigma_relative_m)
        xy, z, relative = (np.interp(times_ns, self.trajectory.timestamps_ns, column) for column in columns)
        return xy, z, relative

    def mean_sigma_m(self) -> tuple[float, float]:
        """Horizontal and height."""
        return float(self.trajectory.sigma_xy_m.mean()), float(self.sigma_z_m.mean())

    def shared_sigma_m(self) -> tuple[float, float]:
        """Horizontal and height error it has in common with the drives it was registered to."""
        square = self.trajectory.sigma_xy_m**2 - self.sigma_relative_m**2
        alone = self.info.datum_sigma_m is None
        xy, z = self.mean_sigma_m()
        return (xy if alone else float(np.sqrt(np.maximum(square, 0.0).mean()))), z

    def own_sigma_m(self) -> float:
        """Error against the map it belongs to; a drive that stands alone is that map."""
        return 0.0 if self.info.datum_sigma_m is None else float(self.sigma_relative_m.mean())

    def knots(self, config: AlignmentConfig, bending_sigma_m: float) -> Knots:
        """Where it may bend, and how far; `bending_sigma_m`: over `config.segment_m`."""
        times, centre = self.pieces.centre_ns, self.pieces.centre_m
        xy, z, _ = self.sigma_at(times)
        sigma = np.maximum(np.column_stack([xy, xy, z]), MIN_SIGMA_M)
        sigma = np.column_stack([sigma, np.full(len(times), config.heading_sigma_rad)])
        way = np.linalg.norm(np.diff(centre, axis=0), axis=1)
        bending = bending_sigma_m * np.sqrt(np.maximum(way / config.segment_m, 0.01))
        turning = np.full(len(bending), config.heading_sigma_rad * 0.3)
        return Knots(times, centre, sigma, np.column_stack([bending, bending, bending, turning]))


def bounds_of(trajectory: Trajectory) -> tuple[float, float, float, float]:
    """West, south, east, north of a path in the map's frame, to the decimetre."""
    low, high = trajectory.translation_m[:, :2].min(axis=0), trajectory.translation_m[:, :2].max(axis=0)
    west, south, east, north = np.round([*low, *high], 1).tolist()
    return west, south, east, north


def load_moving(
    workspace: Workspace, names: Iterable[str], frame: MapFrame, config: AlignmentConfig
) -> dict[str, PlacedDrive]:
    """By name, as their own logs place them."""
    return {name: _load(workspace, name, frame, config, settled=False) for name in sorted(names)}


def load_frozen_near(
    workspace: Workspace,
    names: Iterable[str],
    ledger: Ledger,
    moving: Mapping[str, PlacedDrive],
    frame: MapFrame,
    config: AlignmentConfig,
) -> dict[str, PlacedDrive]:
    """Settled drives whose bounds meet those of a moving one; of the others not even the path is read."""
    boxes = [bounds_of(drive.trajectory) for drive in moving.values()]
    placed = [n for n in sorted(names) if n in ledger.drives and ledger.drives[n].standing is not Standing.unplaced]
    near = [n for n in placed if any(_meet(ledger.drives[n].bounds_m, box, config.reach_m) for box in boxes)]
    return {name: _load(workspace, name, frame, config, settled=True) for name in near}


def _load(workspace: Workspace, name: str, frame: MapFrame, config: AlignmentConfig, settled: bool) -> PlacedDrive:
    path = workspace.trajectory(name) if settled else workspace.unaligned_trajectory(name)
    trajectory = read_trajectory(path, frame)
    pieces = pieces_of(trajectory, config.segment_m, SAMPLE_STEP_M)
    return PlacedDrive(trajectory, read_sigma_z(path), read_sigma_relative(path), read_trajectory_info(path), pieces)


def _meet(a: tuple[float, ...], b: tuple[float, ...], reach_m: float) -> bool:
    return a[0] <= b[2] + reach_m and b[0] <= a[2] + reach_m and a[1] <= b[3] + reach_m and b[1] <= a[3] + reach_m
