"""Smooth fields over one crop: stations, lateral positions and distances to the edge of the road.

All are computed on a coarse grid (0.4 m) and interpolated: road geometry curves slowly, so that half a metre is fine
enough for millimetres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mapforge.training.layout import Layout, Place, Road

CROP_M = 51.2
FINE_M = 0.1
CELL_M = 0.2
_COARSE_M = 0.4
_BORDER = 2
_FAR_M = 1e3
_FOOT_REACH_M = 150.0


def at_fine(coarse: Tensor) -> Tensor:
    """Coarse field (..., h, w) at 0.1 m: (..., 512, 512)."""
    return _enlarge(coarse, 4)


def at_cells(coarse: Tensor) -> Tensor:
    """Coarse field (..., h, w) at 0.2 m: (..., 256, 256)."""
    return _enlarge(coarse, 2)


def _enlarge(coarse: Tensor, factor: int) -> Tensor:
    flat = coarse.reshape(1, -1, *coarse.shape[-2:])
    large = functional.interpolate(flat, scale_factor=factor, mode="bilinear", align_corners=False)
    border = _BORDER * factor
    large = large[..., border:-border, border:-border]
    return large.reshape(*coarse.shape[:-2], *large.shape[-2:])


def coarse_grid(device: torch.device) -> tuple[Tensor, Tensor]:
    """x and y (metres, centred on the crop) of the coarse grid."""
    count = round(CROP_M / _COARSE_M) + 2 * _BORDER
    axis = (torch.arange(count, device=device) - count / 2 + 0.5) * _COARSE_M
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def fine_grid(device: torch.device) -> tuple[Tensor, Tensor]:
    """x and y (metres, centred on the crop) of the 0.1 m cells."""
    count = round(CROP_M / FINE_M)
    axis = (torch.arange(count, device=device) - count / 2 + 0.5) * FINE_M
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


@dataclass(frozen=True, eq=False)
class RoadField:
    """Coarse fields of one road: station (0 at the junction), lateral position (left positive), tangent direction,
    and signed distance to its own edge (outside positive)."""

    road: Road
    station_m: Tensor
    lateral_m: Tensor
    angle_rad: Tensor
    edge_m: Tensor

    @cached_property
    def fine(self) -> tuple[Tensor, Tensor, Tensor]:
        """Lateral position, station and distance to the own edge at 0.1 m."""
        lateral, station, edge = at_fine(torch.stack([self.lateral_m, self.station_m, self.edge_m]))
        return lateral, station, edge


@dataclass(frozen=True, eq=False)
class SceneFields:
    """Coarse fields of a place. edge_m: signed distance to the drivable area (outside positive), corners filleted;
    owner: index of the road whose edge is nearest; others_m: how far each point lies before the road that crosses."""

    layout: Layout
    roads: list[RoadField]
    edge_m: Tensor
    owner: Tensor
    others_m: list[Tensor]

    @cached_property
    def edge_gradient(self) -> tuple[Tensor, Tensor]:
        return gradient(self.edge_m)


def gradient(coarse: Tensor) -> tuple[Tensor, Tensor]:
    """d/dx and d/dy of a coarse field."""
    gy, gx = torch.gradient(coarse, spacing=_COARSE_M)
    return gx, gy


def road_field(road: Road, x: Tensor, y: Tensor) -> RoadField:
    """Stations and lateral positions by Newton's method for the foot of the perpendicular on y = f(x)."""
    cos, sin = math.cos(road.heading_rad), math.sin(road.heading_rad)
    u = (x - road.x_m) * cos + (y - road.y_m) * sin
    v = -(x - road.x_m) * sin + (y - road.y_m) * cos
    k = 2 * math.pi / road.wave_length_m
    start = road.wave_m * math.sin(road.wave_phase_rad)
    foot = u.clone()
    for _ in range(5):
        phase = k * foot + road.wave_phase_rad
        f = road.bend_per_m / 2 * foot**2 + road.wave_m * torch.sin(phase) - start
        slope = road.bend_per_m * foot + road.wave_m * k * torch.cos(phase)
        bend = road.bend_per_m - road.wave_m * k * k * torch.sin(phase)
        residual = (u - foot) + (v - f) * slope
        step = residual / (1 + slope**2 - (v - f) * bend).clamp(min=0.3)
        # beyond the centre of a tight bend there is no foot to converge to
        foot = (foot + step).clamp(-_FOOT_REACH_M, _FOOT_REACH_M)
    phase = k * foot + road.wave_phase_rad
    f = road.bend_per_m / 2 * foot**2 + road.wave_m * torch.sin(phase) - start
    slope = road.bend_per_m * foot + road.wave_m * k * torch.cos(phase)
    lateral = ((v - f) - slope * (u - foot)) / torch.sqrt(1 + slope**2)
    station = foot * torch.sqrt(1 + (slope / 2) ** 2)
    edge = torch.maximum(lateral - road.left_m, -lateral - road.right_m)
    if road.one_sided:
        edge = torch.maximum(edge, -u)
    return RoadField(road, station, lateral, torch.atan(slope) + road.heading_rad, edge)


def scene_fields(layout: Layout, device: torch.device) -> SceneFields:
    """All fields of a layout."""
    x, y = coarse_grid(device)
    roads = [road_field(road, x, y) for road in layout.roads]
    radius = torch.hypot(x - layout.junction_m[0], y - layout.junction_m[1])
    distances = torch.stack([road.edge_m for road in roads])
    edge = distances[0]
    for other in distances[1:]:
        edge = _round_union(edge, other, layout.fillet_m)
    if layout.disc_m:
        edge = _round_union(edge, radius - layout.disc_m, layout.fillet_m)
        edge = torch.maximum(edge, layout.island_m - radius)
    for field in roads:
        for island in field.road.islands:
            inside = torch.maximum(
                (field.lateral_m - island.lateral_m).abs() - island.half_width_m,
                torch.maximum(island.start_m - field.station_m, field.station_m - island.end_m),
            )
            edge = torch.maximum(edge, -inside)
    others = [_distance_to_others(layout, roads, index, radius) for index in range(len(roads))]
    return SceneFields(layout, roads, edge, distances.argmin(0), others)


def _distance_to_others(layout: Layout, roads: list[RoadField], index: int, radius: Tensor) -> Tensor:
    """How far before the crossing road (or roundabout) each point lies."""
    own = roads[index]
    rest = [field for i, field in enumerate(roads) if i != index]
    if layout.disc_m:
        return radius - layout.disc_m
    if layout.place is Place.FORK:
        return own.station_m - max(max(field.road.left_m, field.road.right_m) for field in rest) - 1.0
    if not rest:
        return torch.full_like(own.edge_m, _FAR_M)
    strips = [torch.maximum(f.lateral_m - f.road.left_m, -f.lateral_m - f.road.right_m) for f in rest]
    return torch.stack(strips).amin(0)


def _round_union(a: Tensor, b: Tensor, radius: float) -> Tensor:
    """Union of two signed distances whose inner corner is a fillet of this radius."""
    corner = torch.hypot((radius - a).clamp(min=0), (radius - b).clamp(min=0))
    return torch.maximum(torch.minimum(a, b), torch.full_like(a, radius)) - corner


def smooth_noise(rng: np.random.Generator, scale_m: float, device: torch.device, size: int = 512) -> Tensor:
    """(size, size) unit-variance noise with structure of about `scale_m`, at 0.1 m."""
    count = max(4, math.ceil(size * FINE_M / scale_m) + 3)
    coarse = torch.from_numpy(rng.standard_normal((1, 1, count, count), dtype=np.float32)).to(device)
    mode = "bicubic" if scale_m > 1.0 else "bilinear"
    large = functional.interpolate(coarse, size=(size, size), mode=mode, align_corners=True)[0, 0]
    return large * 1.3
