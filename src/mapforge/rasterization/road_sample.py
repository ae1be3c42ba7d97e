"""Collects the returns of the drive's own road from a few sweeps spread over the drive."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.rasterization.config import RasterizationConfig
from mapforge.rasterization.ground import surface_of_window
from mapforge.rasterization.reflectivity import RoadIntensity, RoadSample, learn_road_intensity
from mapforge.rasterization.window import Window, load_window

NEAR_GROUND_M = 0.12
PATH_STEP_M = 1.0


def road_intensities(
    reader: DriveReader,
    trajectory: Trajectory,
    sweeps: list[int],
    config: RasterizationConfig,
    device: torch.device,
) -> dict[str, RoadIntensity]:
    """One table a lidar, by its name. sweeps: indices of those the trajectory covers."""
    path = cKDTree(_thinned(trajectory.translation_m[:, :2]))
    samples: dict[str, list[RoadSample]] = {}
    for sensor, chosen in _spread(reader.sweep_index().sensors, sweeps, config.reflectivity.sample_sweeps):
        for i in chosen:
            window = load_window(reader, trajectory, [i], config.min_range_m, config.reach_m, device)
            road = _road_of(window, path, config)
            samples.setdefault(sensor, []).append(road)
    return {
        sensor: learn_road_intensity(_joined(pieces), config.reach_m, config.reflectivity.range_bin_m)
        for sensor, pieces in samples.items()
    }


def _spread(sensors: tuple[str, ...], sweeps: list[int], count: int) -> list[tuple[str, list[int]]]:
    """`count` sweeps of each sensor at even distances."""
    chosen = []
    for sensor in sorted(set(sensors)):
        own = [i for i in sweeps if sensors[i] == sensor]
        if own:
            picks = np.unique(np.linspace(0, len(own) - 1, count).round().astype(np.int64))
            chosen.append((sensor, [own[pick] for pick in picks]))
    return chosen


def _road_of(window: Window, path: cKDTree, config: RasterizationConfig) -> RoadSample:
    """Returns on the ground whose lattice node lies near the path."""
    if not len(window.x):
        return RoadSample(*(column.cpu().numpy() for column in (window.range_m, window.intensity, window.ring)))
    surface = surface_of_window(window, config.ground)
    lattice = surface.lattice
    column, row = np.meshgrid(np.arange(lattice.columns), np.arange(lattice.rows))
    nodes = np.stack([column.ravel() + lattice.column0, row.ravel() + lattice.row0], axis=1) * lattice.cell_m
    distance, _ = path.query(nodes + window.origin_m[:2], distance_upper_bound=config.reflectivity.road_half_width_m)
    near_path = torch.from_numpy(np.isfinite(distance)).to(window.x.device)
    height = window.z - surface.heights_at(window.x, window.y)
    road = near_path[lattice.nodes_of(window.x, window.y)] & (height.abs() < NEAR_GROUND_M)
    columns = (window.range_m, window.intensity, window.ring)
    return RoadSample(*(column[road].cpu().numpy() for column in columns))


def _joined(samples: list[RoadSample]) -> RoadSample:
    columns = [(s.range_m, s.intensity, s.ring) for s in samples]
    return RoadSample(*(np.concatenate(column) for column in zip(*columns)))


def _thinned(xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positions about a metre apart."""
    station = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(xy_m, axis=0), axis=1))])
    return xy_m[np.unique(np.searchsorted(station, np.arange(0.0, station[-1] + PATH_STEP_M, PATH_STEP_M)[:-1]))]
