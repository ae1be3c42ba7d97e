"""The fast generator: pairs of raster channels and labels of places that never were, straight on torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mapforge.schemas.vocabulary import COLOURS, MARKING_TYPES
from mapforge.training.fields import CELL_M, CROP_M, SceneFields, at_cells, gradient, scene_fields, smooth_noise
from mapforge.training.label_raster import (
    BAND_HALF_M,
    CURB_BIT,
    IGNORED_BIT,
    OFFSET_REACH_M,
    LabelRaster,
    encode_angle,
    encode_offsets,
)
from mapforge.training.paint_lines import beside, crossing_inside, near_mid_crossing, painted_along, stop_line_side
from mapforge.training.random_layout import random_layout
from mapforge.training.scan import Scan, random_pass, random_scanner, scan
from mapforge.training.surface import Surface, build_surface, side_parameters

SEEN_REACH_CELLS = 5
"""Labels are ignored further than this (0.2 m cells) from any hit."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One crop of 51.2 m. lidar: (6, 512, 512) float32 in the order of models.normalisation.FINE_INPUTS (surface
    heights, ground 0); camera: (4, 256, 256) uint8 colour and hits at 0.2 m, hits 0 where no camera looked."""

    lidar: NDArray[np.float32]
    camera: NDArray[np.uint8]
    labels: LabelRaster


def generate(seed: int, device: str = "cpu") -> Sample:
    """The sample of a seed; the same on every run on one kind of device."""
    rng = np.random.default_rng(seed)
    place = torch.device(device)
    noise = torch.Generator(device=place).manual_seed(seed)
    layout = random_layout(rng)
    fields = scene_fields(layout, place)
    surface = build_surface(fields, rng, place)
    cloud = scan(surface, fields, random_pass(layout, rng), random_scanner(rng), rng, noise)
    camera = _camera(surface, rng, noise)
    channels = [cloud.hits, cloud.intensity, cloud.surface_z_m, cloud.height_std_m, cloud.obstacle_ratio]
    lidar = torch.stack([*channels, torch.zeros_like(cloud.hits)])
    return Sample(lidar.cpu().numpy(), camera, _labels(fields, cloud))


@dataclass(eq=False)
class _LineLabels:
    """The nearest line of one class so far, at 0.2 m."""

    distance: Tensor
    offset: Tensor
    angle: Tensor
    code: Tensor

    @classmethod
    def empty(cls, like: Tensor) -> _LineLabels:
        far = torch.full_like(like, math.inf)
        return cls(far, torch.stack([like * 0] * 2), like * 0, torch.zeros_like(like, dtype=torch.long))

    def add(self, signed: Tensor, normal_x: Tensor, normal_y: Tensor, where: Tensor, code: Tensor | int) -> None:
        """A line at the zero of a signed distance that grows along the unit normal."""
        closer = where & (signed.abs() < self.distance)
        self.distance = torch.where(closer, signed.abs(), self.distance)
        toward = torch.stack([-signed * normal_x, -signed * normal_y])
        self.offset = torch.where(closer, toward, self.offset)
        self.angle = torch.where(closer, torch.atan2(normal_x, -normal_y), self.angle)
        self.code = torch.where(closer, torch.as_tensor(code, device=signed.device), self.code)


def _labels(fields: SceneFields, cloud: Scan) -> LabelRaster:
    edge = at_cells(fields.edge_m)
    dividers, boundary, stops = (_LineLabels.empty(edge) for _ in range(3))
    crossing = torch.zeros_like(edge, dtype=torch.bool)
    _boundary_labels(fields, boundary)
    for index in range(len(fields.roads)):
        _divider_labels(fields, index, edge, dividers)
        crossing |= _junction_labels(fields, index, edge, stops)
    _ring_labels(fields, dividers)
    return _pack((dividers, boundary, stops), crossing, edge <= 0, _ignored(cloud.hits))


def _ignored(hits: Tensor) -> Tensor:
    seen = functional.max_pool2d((hits > 0).float()[None, None], 2)
    size = 2 * SEEN_REACH_CELLS + 1
    return functional.max_pool2d(seen, size, 1, SEEN_REACH_CELLS)[0, 0] == 0


def _unit_gradient(coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """At cells: the gradient's norm and its direction."""
    gx, gy = (at_cells(part) for part in gradient(coarse))
    norm = torch.hypot(gx, gy).clamp(min=0.2)
    return norm, gx / norm, gy / norm


def _boundary_labels(fields: SceneFields, boundary: _LineLabels) -> None:
    norm, nx, ny = _unit_gradient(fields.edge_m)
    curb = side_parameters(fields)("curb")[::2, ::2]
    everywhere = torch.ones_like(norm, dtype=torch.bool)
    boundary.add(at_cells(fields.edge_m) / norm, nx, ny, everywhere, curb.long())


def _divider_labels(fields: SceneFields, index: int, edge: Tensor, dividers: _LineLabels) -> None:
    field = fields.roads[index]
    lateral, angle = at_cells(field.lateral_m), at_cells(field.angle_rad)
    own, others = at_cells(field.edge_m), at_cells(fields.others_m[index])
    station = at_cells(field.station_m)
    paused = near_mid_crossing(field.road.mid_crossings, station)
    where = (own < 0.3) & (edge < 0.1) & (others > field.road.clear_m) & ~paused
    for divider in field.road.dividers:
        if divider.marking_type == "none":
            continue
        signed, own_angle = beside(divider, lateral, station), angle + math.atan(divider.taper)
        code = torch.full_like(signed, _code(divider.marking_type, divider.colour), dtype=torch.long)
        if divider.solid_end_m:
            code[others < field.road.clear_m + divider.solid_end_m] = _code("solid", divider.colour)
        dividers.add(signed, -torch.sin(own_angle), torch.cos(own_angle), where & painted_along(divider, station), code)
    line = field.road.edge_line
    if line is not None:
        norm, nx, ny = _unit_gradient(fields.edge_m)
        dividers.add((edge - line.lateral_m) / norm, nx, ny, own < 2.0, _code("solid", "white"))


def _junction_labels(fields: SceneFields, index: int, edge: Tensor, stops: _LineLabels) -> Tensor:
    """Adds the stop lines of a road's approaches; returns where its crossings are."""
    field = fields.roads[index]
    lateral, station = at_cells(field.lateral_m), at_cells(field.station_m)
    own, others = at_cells(field.edge_m), at_cells(fields.others_m[index])
    on_road = (own < 0.3) & (edge < 0.1)
    crossing = torch.zeros_like(on_road)
    for approach in field.road.approaches:
        zone = on_road & (station * approach.sign > 0)
        if approach.crossing is not None:
            crossing |= zone & crossing_inside(approach.crossing, others, lateral, field)
        if approach.has_stop_line:
            norm, nx, ny = _unit_gradient(fields.others_m[index])
            signed = (others - approach.stop_line_m - approach.stop_line_width_m / 2) / norm
            stops.add(signed, nx, ny, zone & stop_line_side(lateral, approach, field), 0)
    for painted in field.road.mid_crossings:
        crossing |= on_road & (others > 0) & crossing_inside(painted, station, lateral, field)
    return crossing


def _ring_labels(fields: SceneFields, dividers: _LineLabels) -> None:
    layout = fields.layout
    if layout.ring_line is None:
        return
    count = round(CROP_M / CELL_M)
    axis = (torch.arange(count, device=dividers.distance.device) - count / 2 + 0.5) * CELL_M
    dx, dy = axis[None] - layout.junction_m[0], axis[:, None] - layout.junction_m[1]
    radius = torch.hypot(dx, dy)
    signed = radius - layout.ring_line.lateral_m
    where = torch.ones_like(signed, dtype=torch.bool)
    code = _code(layout.ring_line.marking_type, layout.ring_line.colour)
    dividers.add(signed, dx / radius.clamp(min=0.1), dy / radius.clamp(min=0.1), where, code)


def _code(marking_type: str, colour: str) -> int:
    return MARKING_TYPES.index(marking_type) * len(COLOURS) + COLOURS.index(colour)


def _pack(lines: tuple[_LineLabels, ...], crossing: Tensor, drivable: Tensor, ignored: Tensor) -> LabelRaster:
    flags = torch.zeros_like(ignored, dtype=torch.uint8)
    for bit, line in enumerate(lines):
        flags |= (line.distance <= BAND_HALF_M).to(torch.uint8) << bit
    flags |= crossing.to(torch.uint8) << len(lines)
    flags |= drivable.to(torch.uint8) << (len(lines) + 1)
    flags |= ((lines[1].code > 0) & (lines[1].distance <= OFFSET_REACH_M)).to(torch.uint8) << CURB_BIT
    flags |= ignored.to(torch.uint8) << IGNORED_BIT
    offsets = [encode_offsets(line.offset.cpu().numpy(), line.distance.cpu().numpy()) for line in lines]
    angles = [encode_angle(line.angle.cpu().numpy()) for line in lines]
    near = lines[0].distance <= OFFSET_REACH_M
    marking = torch.where(near, lines[0].code // len(COLOURS), 0).to(torch.uint8)
    colour = torch.where(near, lines[0].code % len(COLOURS), 0).to(torch.uint8)
    return LabelRaster(
        flags.cpu().numpy(), np.concatenate(offsets), np.stack(angles), marking.cpu().numpy(), colour.cpu().numpy()
    )


def _camera(surface: Surface, rng: np.random.Generator, noise: torch.Generator) -> NDArray[np.uint8]:
    """Colour projected to the ground, blurred and displaced a little; half of the drives have no camera."""
    device = surface.z_m.device
    if rng.random() < 0.5:
        return np.zeros((4, 256, 256), dtype=np.uint8)
    colour = functional.avg_pool2d(surface.colour[None], 2)
    for _ in range(int(rng.integers(0, 3))):
        colour = functional.avg_pool2d(colour, 3, 1, 1, count_include_pad=False)
    shift = [int(v) for v in rng.integers(-1, 2, 2)]
    colour = torch.roll(colour, shift, (2, 3))[0]
    light = torch.exp(0.25 * smooth_noise(rng, 12.0, device, 256))
    if rng.random() < 0.4:
        shadow = (smooth_noise(rng, float(rng.uniform(0.5, 4)), device, 256) > rng.uniform(-0.3, 1)).float()
        light = light * (1 - 0.55 * shadow)
    tint = torch.from_numpy(rng.normal(1, 0.06, (3, 1, 1)).astype(np.float32)).to(device)
    colour = (colour * light * tint * float(rng.uniform(0.5, 1.3))).clamp(0, 1) ** float(rng.uniform(0.6, 1.3))
    colour = colour + 0.02 * torch.randn(colour.shape, generator=noise, device=device)
    seen = (smooth_noise(rng, 20.0, device, 256) > rng.uniform(-2.5, 0.0)) & (at_edge(surface) < 15)
    hits = seen * torch.randint(1, 20, seen.shape, generator=noise, device=device)
    pixels = (colour.clamp(0, 1) * 255 * seen).to(torch.uint8)
    return torch.cat([pixels, hits[None].to(torch.uint8)]).cpu().numpy()


def at_edge(surface: Surface) -> Tensor:
    """Distance to the road's edge at 0.2 m."""
    return surface.edge_m[::2, ::2]
