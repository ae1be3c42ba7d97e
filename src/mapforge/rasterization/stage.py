"""Rasterization: what a drive's sensors saw of the ground, cell by cell, tile by tile."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from mapforge.errors import ConfigurationError, DriveRefusedError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TILE_SIZE_M, TileId
from mapforge.io.drive_store import DriveReader
from mapforge.io.rasters import write_raster
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.rasterization.camera_projection import CameraView, colour_tile, ground_cameras, views_between
from mapforge.rasterization.channels import channels_of
from mapforge.rasterization.config import RasterizationConfig
from mapforge.rasterization.ground import surface_of_window
from mapforge.rasterization.ground_map import GroundMap
from mapforge.rasterization.open_tiles import OpenTiles
from mapforge.rasterization.road_sample import road_intensities
from mapforge.rasterization.schedule import Schedule
from mapforge.rasterization.tile_returns import Returns, add_returns, returns_of
from mapforge.rasterization.window import load_window, plan_windows
from mapforge.schemas.rasters import SURFACE_BAND_M, BevRaster

GROUND_HALO_M = 8.0
"""A window's ground surface reaches this far beyond its returns: no farther, so that a tile alone equals itself."""


@dataclass(frozen=True)
class RasterizationInputs:
    """One localised drive.

    tiles: those wanted; None = all that its sweeps touch. fingerprint: of all that decides the result; goes into the
    footer of every raster. device: cpu, cuda, or auto (cuda where there is one).
    """

    workspace: Workspace
    drive_id: str
    frame: MapFrame
    tiles: list[TileId] | None
    fingerprint: str
    device: str = "auto"


def run(inputs: RasterizationInputs, config: RasterizationConfig) -> list[TileId]:
    """Writes a raster for every tile in which the drive hit the ground; returns those tiles, sorted.

    Raises DriveRefusedError when the trajectory covers no sweep.
    """
    reader = DriveReader(inputs.workspace.drive(inputs.drive_id))
    trajectory = read_trajectory(inputs.workspace.trajectory(inputs.drive_id), inputs.frame)
    device = _device(inputs.device)
    index = reader.sweep_index()
    windows = plan_windows(index, trajectory, config.window_s, config.max_window_points)
    if not windows:
        raise DriveRefusedError(f"drive {inputs.drive_id}: its trajectory covers none of its sweeps; localise it again")
    reach_m = config.reach_m + GROUND_HALO_M
    schedule = Schedule.of(windows, index, trajectory, inputs.frame, reach_m, inputs.tiles)
    roads = road_intensities(reader, trajectory, [i for sweeps in windows for i in sweeps], config, device)
    cameras = ground_cameras(reader) if config.camera.enabled else {}
    ground = GroundMap(config.ground.cell_m)
    written: list[TileId] = []
    inputs.workspace.tmp.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=inputs.workspace.tmp) as spill:
        cells = round(TILE_SIZE_M / config.resolution_m) ** 2
        tiles = OpenTiles(cells, bool(cameras), device, config.max_open_tiles, Path(spill))
        for k, sweeps in enumerate(windows):
            if not schedule.touched[k]:
                continue
            window = load_window(reader, trajectory, sweeps, config.min_range_m, config.reach_m, device)
            surface = ground.merge(surface_of_window(window, config.ground), window.origin_m)
            returns = returns_of(window, surface, roads, config.reflectivity.max_reflectivity)
            next_ns = index.timestamps_ns[windows[k + 1][0]] if k + 1 < len(windows) else trajectory.end_ns + 1
            views = views_between(reader, cameras, trajectory, int(index.timestamps_ns[sweeps[0]]), int(next_ns))
            for tile in schedule.touched[k]:
                _add(tile, tiles, returns, views, ground, inputs.frame, config)
            written += _write_finished(schedule.finished[k], tiles, ground, inputs, config)
            for tile in schedule.forgettable(k):
                ground.forget(_block_of(tile, inputs.frame))
    return sorted(written)


def _add(
    tile: TileId,
    tiles: OpenTiles,
    returns: Returns,
    views: list[CameraView],
    ground: GroundMap,
    frame: MapFrame,
    config: RasterizationConfig,
) -> None:
    """What a window's sweeps and frames show of one tile."""
    grid = BevGrid.of_tile(tile, frame, config.resolution_m)
    sums = tiles.touch(tile)
    add_returns(sums, returns, grid, SURFACE_BAND_M, config.obstacle_low_m, config.obstacle_high_m)
    for view in views:
        colour_tile(sums, view, ground, grid, config.camera.min_range_m, config.camera.max_range_m)


def _write_finished(
    finished: Iterable[TileId],
    tiles: OpenTiles,
    ground: GroundMap,
    inputs: RasterizationInputs,
    config: RasterizationConfig,
) -> list[TileId]:
    written = []
    for tile in finished:
        sums = tiles.pop(tile)
        if sums is None or not bool(sums.surface.hits.any()):
            continue
        grid = BevGrid.of_tile(tile, inputs.frame, config.resolution_m)
        height = ground.heights(grid.x0_m, grid.y0_m, grid.rows, grid.columns, config.resolution_m)
        metadata = {"fingerprint": inputs.fingerprint, "drive_id": inputs.drive_id}
        raster = BevRaster(grid, channels_of(sums, height, grid), metadata)
        write_raster(raster, inputs.workspace.raster(tile, inputs.drive_id), inputs.workspace.tmp)
        written.append(tile)
    return written


def _block_of(tile: TileId, frame: MapFrame) -> tuple[int, int]:
    x, y, _, _ = tile.bounds_map(frame)
    return round(x / TILE_SIZE_M), round(y / TILE_SIZE_M)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigurationError(f"engine.device={name} but this machine has no CUDA device; use auto or cpu")
    return torch.device(name)
