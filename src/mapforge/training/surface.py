"""The road as it is before any sensor looks: paint, reflectance, colour and height at 0.1 m."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mapforge.training.fields import FINE_M, RoadField, SceneFields, at_fine, fine_grid, smooth_noise
from mapforge.training.layout import Approach, Crossing
from mapforge.training.paint_lines import (
    beside,
    crossing_inside,
    crossing_limits,
    divider_coverage,
    near_mid_crossing,
    painted_along,
    stop_line_side,
    stripe,
)

_ASPHALT = (0.36, 0.36, 0.36)
_WHITE = (0.86, 0.86, 0.84)
_YELLOW = (0.85, 0.66, 0.22)
_GRASS = (0.28, 0.38, 0.2)
_STONE = (0.55, 0.54, 0.51)
WET_SHARE = 0.32
"""Of the crops, those with a wet road."""


@dataclass(frozen=True, eq=False)
class Surface:
    """reflectance: (512, 512), road = 1, before sensor gains. z_m: (512, 512) true height without the hills.
    colour: (3, 512, 512) in 0..1. edge_m: (512, 512) signed distance to the drivable area. bumps_m: (512, 512)
    what grass and gravel add to z_m. film: (512, 512) water on the road, 0 dry .. 1 covered. dimming: what the road
    returns, over what it returns when dry."""

    reflectance: Tensor
    z_m: Tensor
    colour: Tensor
    edge_m: Tensor
    bumps_m: Tensor
    film: Tensor
    dimming: float


@dataclass(eq=False)
class _Canvas:
    """Fine fields a layout needs again and again, and the coverage of paint by colour."""

    fields: SceneFields
    edge: Tensor
    white: Tensor
    yellow: Tensor
    asphalt: Tensor


def build_surface(fields: SceneFields, rng: np.random.Generator, device: torch.device) -> Surface:
    """Draws everything on the ground: sides, asphalt with its defects, paint with its wear."""
    edge = at_fine(fields.edge_m)
    blank = torch.zeros_like(edge)
    canvas = _Canvas(fields, edge, blank.clone(), blank.clone(), _asphalt(fields, edge, rng, device))
    for index, road in enumerate(fields.roads):
        _paint_road(canvas, road, at_fine(fields.others_m[index]), rng)
    _paint_ring(canvas)
    _paint_distractors(canvas, rng)
    wear = _wear(rng, device)
    paint_contrast = float(np.exp(rng.uniform(math.log(1.6), math.log(6.0))))
    film = _film_of_water(rng, device)
    darker, duller = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.4, 0.85))
    canvas.asphalt *= 1 - darker * film
    reflectance, z, colour, bumps = _sides(canvas, rng, device)
    for coverage, tone, gain in ((canvas.white, _WHITE, 1.0), (canvas.yellow, _YELLOW, rng.uniform(0.6, 1.0))):
        strength = coverage.clamp(0, 1) * wear
        level = (1 + (paint_contrast - 1) * gain) * (1 - duller * film)
        reflectance = reflectance * (1 - strength) + level * strength
        colour = torch.stack([colour[i] * (1 - strength) + tone[i] * strength for i in range(3)])
    dimming = float(1 - darker * film.mean())
    # intensities are relative to the drive's own road: where it is wet, what stays dry beside it looks brighter
    reflectance = reflectance / dimming ** float(rng.uniform(0.3, 1.0))
    return Surface(reflectance, z, colour, edge, bumps, film, dimming)


def _paint_road(canvas: _Canvas, field: RoadField, others: Tensor, rng: np.random.Generator) -> None:
    road = field.road
    lateral, station, own = field.fine
    on_road = (own < 0.3) & (canvas.edge < 0.1)
    clear = on_road & (others > road.clear_m) & ~near_mid_crossing(field.road.mid_crossings, station)
    for ghost in road.ghosts:
        canvas.asphalt *= 1 + road.ghost_strength * divider_coverage(ghost, lateral, station) * on_road
    for divider in road.dividers:
        target = canvas.yellow if divider.colour == "yellow" else canvas.white
        coverage = divider_coverage(divider, lateral, station)
        if divider.solid_end_m:
            near = others < road.clear_m + divider.solid_end_m
            whole = stripe(beside(divider, lateral, station), divider.width_m) * painted_along(divider, station)
            coverage = torch.where(near, whole, coverage)
        torch.maximum(target, coverage * clear, out=target)
    if road.edge_line is not None:
        line = stripe(canvas.edge - road.edge_line.lateral_m, road.edge_line.width_m) * (own < 2.0)
        torch.maximum(canvas.white, line, out=canvas.white)
    for approach in road.approaches:
        zone = on_road & (station * approach.sign > 0)
        _paint_approach(canvas, approach, field, lateral, others, zone)
    for crossing in road.mid_crossings:
        _paint_crossing(canvas, crossing, field, station, lateral, on_road & (others > 0))
    for centre in road.tram_m:
        for rail in (-0.72, 0.72):
            groove = stripe(lateral - centre - rail, 0.12) * on_road
            canvas.asphalt *= 1 + groove * float(rng.choice([-0.5, 0.6, 1.2]))


def _paint_approach(
    canvas: _Canvas, approach: Approach, field: RoadField, lateral: Tensor, others: Tensor, zone: Tensor
) -> None:
    if approach.crossing is not None:
        _paint_crossing(canvas, approach.crossing, field, others, lateral, zone)
    if approach.has_stop_line:
        incoming = zone & stop_line_side(lateral, approach, field)
        line = stripe(others - approach.stop_line_m - approach.stop_line_width_m / 2, approach.stop_line_width_m)
        torch.maximum(canvas.white, line * incoming, out=canvas.white)


def _paint_crossing(
    canvas: _Canvas, crossing: Crossing, field: RoadField, along: Tensor, lateral: Tensor, zone: Tensor
) -> None:
    right, _ = crossing_limits(crossing, field)
    inside = crossing_inside(crossing, along, lateral, field) & zone
    bars = stripe(
        torch.remainder(lateral - right, crossing.bar_m + crossing.gap_m) - crossing.bar_m / 2, crossing.bar_m
    )
    rim = torch.maximum(
        stripe(along - crossing.start_m - crossing.rim_m / 2, crossing.rim_m),
        stripe(along - crossing.end_m + crossing.rim_m / 2, crossing.rim_m),
    )
    match crossing.style:
        case "zebra":
            pattern = bars
        case "lines":
            pattern = rim
        case "dashes":
            pattern = rim * bars
        case _:
            pattern = torch.maximum(bars, rim)
    target = canvas.yellow if crossing.colour == "yellow" else canvas.white
    torch.maximum(target, pattern * inside, out=target)


def _paint_ring(canvas: _Canvas) -> None:
    layout = canvas.fields.layout
    if layout.ring_line is None:
        return
    x, y = fine_grid(canvas.edge.device)
    radius = torch.hypot(x - layout.junction_m[0], y - layout.junction_m[1])
    angle = torch.atan2(y - layout.junction_m[1], x - layout.junction_m[0])
    line = divider_coverage(layout.ring_line, radius, angle * layout.ring_line.lateral_m)
    torch.maximum(canvas.white, line, out=canvas.white)


def _paint_distractors(canvas: _Canvas, rng: np.random.Generator) -> None:
    """Arrows and words in lanes, bay marks between parked cars, patches, manholes: what is no line."""
    for field in canvas.fields.roads:
        road = field.road
        for centre in road.lane_centres_m:
            if rng.random() < 0.35:
                at = float(rng.uniform(6, 30)) * (1 if road.one_sided else rng.choice([-1, 1]))
                _arrow(canvas, field, centre, at, rng)
        for side, width, sign in ((road.left_m, road.parking_m[0], 1), (-road.right_m, road.parking_m[1], -1)):
            if width and rng.random() < 0.5:
                lateral, station, _ = field.fine
                bay = (lateral * sign > side * sign - width) & (lateral * sign < side * sign)
                marks = stripe(torch.remainder(station, 5.5) - 2.75, 0.1) * (bay & (canvas.edge < 0))
                torch.maximum(canvas.white, marks, out=canvas.white)
    for _ in range(int(rng.poisson(4))):
        x, y = rng.uniform(-25, 25, 2)
        length, width = rng.uniform(0.5, 12), rng.uniform(0.4, 3)
        heading = canvas.fields.roads[0].road.heading_rad + float(rng.choice([0, math.pi / 2, rng.uniform(0, 3)]))
        _scale_box(canvas.asphalt, x, y, heading, length, width, float(np.exp(rng.normal(0, 0.25))))
    for _ in range(int(rng.poisson(3))):
        x, y = rng.uniform(-25, 25, 2)
        _scale_box(canvas.asphalt, x, y, 0.0, 0.7, 0.7, float(rng.choice([0.5, 1.6])))


def _arrow(canvas: _Canvas, field: RoadField, lateral_m: float, station_m: float, rng: np.random.Generator) -> None:
    lateral, station = field.fine[0] - lateral_m, field.fine[1] - station_m
    if rng.random() < 0.3:
        letters = (torch.remainder(lateral + 1.0, 0.55) < 0.22) & (lateral.abs() < 1.0) & (station.abs() < 1.2)
        shape = letters.float()
    else:
        shaft = stripe(lateral, 0.18) * (station.abs() < 2.0)
        head = (((station - 1.6).abs() < 0.8) & (lateral.abs() < 0.55 * (2.4 - station) / 1.6)).float()
        bent = stripe(station - 1.0, 0.25) * ((lateral * rng.choice([-1, 1]) > 0) & (lateral.abs() < 0.9))
        shape = torch.maximum(shaft, head if rng.random() < 0.6 else bent)
    torch.maximum(canvas.white, shape * (canvas.edge < -0.3), out=canvas.white)


def _scale_box(
    target: Tensor, x_m: float, y_m: float, heading_rad: float, length_m: float, width_m: float, factor: float
) -> None:
    """Multiplies an oriented box of a fine field by a factor, only its window touched."""
    size = target.shape[0]
    half = 0.5 * math.hypot(length_m, width_m)
    low = [max(0, int((c - half) / FINE_M + size / 2)) for c in (x_m, y_m)]
    high = [min(size, int((c + half) / FINE_M + size / 2) + 1) for c in (x_m, y_m)]
    if low[0] >= high[0] or low[1] >= high[1]:
        return
    ax = (torch.arange(low[0], high[0], device=target.device) - size / 2 + 0.5) * FINE_M - x_m
    ay = ((torch.arange(low[1], high[1], device=target.device) - size / 2 + 0.5) * FINE_M - y_m)[:, None]
    cos, sin = math.cos(heading_rad), math.sin(heading_rad)
    inside = ((ax * cos + ay * sin).abs() < length_m / 2) & ((ay * cos - ax * sin).abs() < width_m / 2)
    target[low[1] : high[1], low[0] : high[0]] *= torch.where(inside, factor, 1.0)


def _asphalt(fields: SceneFields, edge: Tensor, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Reflectance of bare road: texture, wheel tracks, seams, cracks, wet strips."""
    field = 1 + rng.uniform(0.01, 0.12) * smooth_noise(rng, 6.0, device)
    field = field + rng.uniform(0.01, 0.12) * smooth_noise(rng, 0.8, device)
    field = field * torch.exp(rng.uniform(0.02, 0.16) * smooth_noise(rng, 0.12, device))
    for road in fields.roads:
        own = (road.fine[2] < 0).float()
        lateral = road.fine[0]
        shade = torch.full_like(lateral, road.road.brightness - 1)
        track = float(rng.normal(0, 0.08))
        for centre in road.road.lane_centres_m:
            for wheel in (-0.8, 0.8):
                shade = shade + track * (1 - ((lateral - centre - wheel) / 0.5).square()).clamp(min=0).square()
        if rng.random() < 0.35:
            seam = float(rng.uniform(-road.road.right_m, road.road.left_m))
            shade = shade + stripe(lateral - seam, float(rng.uniform(0.03, 0.15))) * float(
                rng.choice([-0.4, -0.2, 0.3])
            )
        for side, width, sign in (
            (road.road.left_m, road.road.parking_m[0], 1),
            (-road.road.right_m, road.road.parking_m[1], -1),
        ):
            if width and rng.random() < 0.5:
                shade = shade + (lateral * sign > side * sign - width) * float(rng.uniform(-0.5, 0.5))
        field = field * (1 + own * shade)
    if rng.random() < 0.4:
        level = smooth_noise(rng, float(rng.uniform(3, 8)), device)
        crack = stripe(level / 2.0 * 3.0, float(rng.uniform(0.04, 0.25)))
        field = field * (1 + crack * float(rng.choice([-0.5, -0.3, 0.4])))
    if rng.random() < 0.15:
        wet = (smooth_noise(rng, 5.0, device) > rng.uniform(0.0, 1.2)).float()
        field = field * (1 - wet * float(rng.uniform(0.2, 0.6)))
    return field.clamp(0.1, 4) * torch.ones_like(edge)


def _wear(rng: np.random.Generator, device: torch.device) -> Tensor:
    """Share of paint that is left, patchy at several scales."""
    amount = float(rng.beta(1.0, 2.2)) * 0.8
    patchy = 0.6 * smooth_noise(rng, 4.0, device) + 0.5 * smooth_noise(rng, 0.7, device)
    patchy = patchy + 0.5 * smooth_noise(rng, 0.2, device)
    threshold = 2.2 - 3.0 * amount
    return torch.sigmoid((threshold - patchy) * 3.0) * float(rng.uniform(0.6, 1.0))


def _film_of_water(rng: np.random.Generator, device: torch.device) -> Tensor:
    """On a wet road: puddles where it is low, thinner films between them; paint drowns more than asphalt darkens."""
    low = smooth_noise(rng, float(rng.uniform(1.5, 6.0)), device)
    if rng.random() >= WET_SHARE:
        return torch.zeros_like(low)
    return (float(rng.uniform(0.3, 1.0)) * (0.55 + 0.45 * low)).clamp(0.0, 1.0)


def _sides(canvas: _Canvas, rng: np.random.Generator, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reflectance, height, colour and bumps of asphalt and of what lies beyond its edges."""
    edge, fields = canvas.edge, canvas.fields
    parameter = side_parameters(fields)
    names = (
        "step_m",
        "face_m",
        "stone_m",
        "sidewalk_m",
        "sidewalk_brightness",
        "verge_brightness",
        "verge_roughness_m",
    )
    step, face, stone, sidewalk, walk_level, verge_level, rough = (parameter(name) for name in names)
    driveway = _driveways(fields)
    curb = parameter("curb")
    step = step * (1 - 0.9 * driveway)
    grain = smooth_noise(rng, 0.3, device)
    verge = ((edge > sidewalk + stone) & (driveway < 0.5)).float()
    ramp = ((edge + face / 2) / face).clamp(0, 1)
    z = step * ramp * ramp * (3 - 2 * ramp)
    z = z - 0.02 * edge.clamp(-5, 0) + verge * ((edge - sidewalk - stone).clamp(0, 6) * float(rng.normal(0, 0.04)))
    bumps = verge * rough * grain
    reflectance = canvas.asphalt
    walk = ((edge > 0) & (verge < 0.5) & (driveway < 0.5)).float()
    reflectance = reflectance * (1 - walk) + walk * walk_level * (1 + 0.1 * grain)
    rim = ((edge > 0) & (edge < stone)).float() * curb * float(np.exp(rng.normal(0.1, 0.3)))
    reflectance = torch.where(rim > 0, rim, reflectance)
    gutter = ((edge > -parameter("gutter_m")) & (edge <= 0)).float()
    reflectance = reflectance * (1 + gutter * (parameter("gutter_brightness") - 1))
    reflectance = reflectance * (1 - verge) + verge * verge_level * (1 + 0.3 * grain).clamp(min=0.1)
    colour = []
    tint = rng.uniform(0.8, 1.2, (4, 3))
    for channel in range(3):
        tone = _ASPHALT[channel] * canvas.asphalt.clamp(0.5, 1.5).sqrt()
        tone = tone * (1 - walk) + walk * _STONE[channel] * float(tint[1, channel])
        tone = tone * (1 - verge) + verge * _GRASS[channel] * float(tint[2, channel]) * (1 + 0.2 * grain)
        colour.append(tone)
    return reflectance.clamp(0.05, 8), z, torch.stack(colour).clamp(0, 1), bumps


def side_parameters(fields: SceneFields) -> Callable[[str], Tensor]:
    """A function from the name of a Side's number to its fine field, each point taking the side it lies nearest to."""
    owner = fields.owner
    left = torch.stack([road.lateral_m > 0 for road in fields.roads]).gather(0, owner[None])[0]

    def parameter(name: str) -> Tensor:
        pairs = [[float(getattr(side, name)) for side in road.road.sides] for road in fields.roads]
        table = torch.tensor(pairs, device=owner.device)
        return _nearest(torch.where(left, table[owner, 0], table[owner, 1]))

    return parameter


def _nearest(coarse: Tensor) -> Tensor:
    """Coarse field at 0.1 m without interpolation."""
    return coarse[2:-2, 2:-2].repeat_interleave(4, 0).repeat_interleave(4, 1)


def _driveways(fields: SceneFields) -> Tensor:
    """1 where a driveway crosses the side of a road, with ramps of half a metre."""
    total = torch.zeros_like(fields.edge_m)
    for road in fields.roads:
        for sign, station, half_width in road.road.driveways:
            across = ((half_width + 0.5 - (road.station_m - station).abs()) / 0.5).clamp(0, 1)
            total = torch.maximum(total, across * (road.lateral_m * sign > 0))
    return at_fine(total)
