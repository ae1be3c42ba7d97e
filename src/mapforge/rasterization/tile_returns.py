"""Adds the returns of a window to the sums of a tile."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mapforge.geometry.grid import BevGrid
from mapforge.rasterization.accumulate import accumulate, count_sweeps
from mapforge.rasterization.ground import Surface
from mapforge.rasterization.open_tiles import TileSums
from mapforge.rasterization.reflectivity import RoadIntensity
from mapforge.rasterization.window import Window, sweeps_of


@dataclass(frozen=True, eq=False)
class Returns:
    """What a window adds to cells. reflectivity, height_m: (N,) float32; height above ground, NaN where unknown."""

    window: Window
    reflectivity: Tensor
    height_m: Tensor


def returns_of(window: Window, surface: Surface, roads: dict[str, RoadIntensity], max_reflectivity: float) -> Returns:
    """Heights above the surface, and intensities relative to the road each lidar saw."""
    height = window.z - surface.heights_at(window.x, window.y)
    reflectivity = torch.zeros_like(window.intensity)
    for sensor in sorted(set(window.sensors)):
        own = [part for name, part in sweeps_of(window) if name == sensor]
        for part in own if len(own) < len(window.sensors) else [slice(None)]:
            reflectivity[part] = roads[sensor].reflectivity(
                window.range_m[part], window.ring[part], window.intensity[part], max_reflectivity
            )
    return Returns(window, reflectivity, height)


def add_returns(
    sums: TileSums,
    returns: Returns,
    grid: BevGrid,
    surface_band_m: float,
    obstacle_low_m: float,
    obstacle_high_m: float,
) -> None:
    """Adds the returns that lie in the grid (a tile's core) to its sums, in place."""
    inside, cell, ends = _in_grid(returns.window, grid)
    height = returns.height_m[inside]
    count_sweeps(sums.sweeps, cell, ends)
    met = (height >= obstacle_low_m) & (height <= obstacle_high_m)
    count_sweeps(sums.obstacle_sweeps, cell[met], _ends_among(met, ends))
    surface = height.abs() <= surface_band_m
    reflectivity = returns.reflectivity[inside][surface]
    accumulate(sums.surface, cell[surface], reflectivity, height[surface])


def _in_grid(window: Window, grid: BevGrid) -> tuple[Tensor, Tensor, list[int]]:
    """Indices of the returns in the grid, their flat cells, and where each sweep ends among them."""
    x0, y0 = grid.x0_m - window.origin_m[0], grid.y0_m - window.origin_m[1]
    column = ((window.x - x0) / grid.resolution_m).floor_()
    row = ((window.y - y0) / grid.resolution_m).floor_()
    member = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    inside = member.nonzero()[:, 0]
    cell = row[inside].to(torch.int64) * grid.columns + column[inside].to(torch.int64)
    return inside, cell, _ends_among(member, window.sweep_ends)


def _ends_among(member: Tensor, ends: tuple[int, ...] | list[int]) -> list[int]:
    """Where each sweep ends once only members are left."""
    upto = torch.cat([torch.zeros(1, dtype=torch.int64, device=member.device), member.cumsum(0)])
    return [int(end) for end in upto[list(ends)].tolist()]
