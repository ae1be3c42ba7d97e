"""What spinning lidars on passing cars leave of a surface: hits, intensities and heights a cell, without casting rays.

A sweep's expected returns a cell depend on range alone (rings, thinning with distance) times what hides the cell. Many
sweeps are a few groups, each a ring pattern smeared by the way driven within the group. The cell then gets a Poisson
number of returns and the means of their noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mapforge.training.fields import FINE_M, SceneFields, at_fine, coarse_grid, fine_grid, smooth_noise
from mapforge.training.layout import Layout, Road
from mapforge.training.surface import Surface, side_parameters

_FEW_GROUPS, _MANY_GROUPS = 10, 24
"""Ring patterns a scan is made of; with as many groups as sweeps, every sweep's rings are its own."""
_LUT_STEP_M = 0.02
_LUT_END_M = 80.0
INTENSITY_CAP = 8.0


@dataclass(frozen=True)
class Scanner:
    """A lidar. elevation_rad: of its beams; returns_per_ring: a turn; height_m: above the road.

    intensity_noise: of a return, relative to its intensity. noise_floor: what is there however little comes back,
    relative to a dry road near the car; it doubles every fade_m, because intensities are made equal over range.
    """

    elevation_rad: tuple[float, ...]
    returns_per_ring: int
    height_m: float
    pitch_jitter_rad: float
    range_noise_m: float
    intensity_noise: float
    noise_floor: float
    fade_m: float
    beam_gain_sigma: float
    beam_height_sigma_m: float


@dataclass(frozen=True, eq=False)
class Pass:
    """Where sweeps were taken. xy_m: (K, 2) centres of groups; sweeps: (K,); smear_m: way driven within a group."""

    xy_m: np.ndarray
    sweeps: np.ndarray
    smear_m: float


@dataclass(frozen=True, eq=False)
class Scan:
    """(512, 512) fields in the meaning of schemas.rasters: hits, intensity, height (here of the surface itself), its
    spread, and the share of sweeps that met an obstacle."""

    hits: Tensor
    intensity: Tensor
    surface_z_m: Tensor
    height_std_m: Tensor
    obstacle_ratio: Tensor


def random_scanner(rng: np.random.Generator) -> Scanner:
    """Fleets differ: 16 to 128 beams, even or crowded at the horizon, at 1.5 to 2.2 m."""
    beams = int(rng.choice([16, 32, 64, 128], p=[0.08, 0.3, 0.5, 0.12]))
    low, high = -float(rng.uniform(15, 30)), float(rng.uniform(0, 12))
    share = np.linspace(0, 1, beams)
    crowding = float(rng.choice([1.0, rng.uniform(1.3, 2.2)]))
    below = np.clip(1 - share * (high - low) / -low, 0, 1)
    elevation = low * below**crowding
    return Scanner(
        elevation_rad=tuple(np.deg2rad(elevation)),
        returns_per_ring=int(rng.choice([900, 1024, 1800, 2048])),
        height_m=float(rng.uniform(1.5, 2.2)),
        pitch_jitter_rad=float(np.exp(rng.uniform(math.log(0.0001), math.log(0.003)))),
        range_noise_m=float(np.exp(rng.uniform(math.log(0.001), math.log(0.02)))),
        intensity_noise=float(np.exp(rng.uniform(math.log(0.05), math.log(0.5)))),
        noise_floor=float(np.exp(rng.uniform(math.log(0.02), math.log(0.4)))),
        fade_m=float(rng.uniform(12, 60)),
        beam_gain_sigma=float(rng.choice([rng.uniform(0.0, 0.15), rng.uniform(0.1, 0.5)], p=[0.7, 0.3])),
        beam_height_sigma_m=float(rng.uniform(0, 0.012)),
    )


def random_pass(layout: Layout, rng: np.random.Generator) -> Pass:
    """One to three cars along roads of the place, 2 to 400 sweeps together, moving or standing."""
    sweeps = round(math.exp(rng.uniform(math.log(2), math.log(400))))
    groups = min(sweeps, _MANY_GROUPS if sweeps < 60 and rng.random() < 0.6 else _FEW_GROUPS)
    passes = 1 if sweeps < 6 else int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    points, smear = [], 0.0
    for part in np.array_split(np.arange(groups), passes):
        road = layout.roads[int(rng.integers(len(layout.roads)))]
        lane = float(rng.choice(road.lane_centres_m)) + float(rng.normal(0, 0.3))
        reach = float(rng.choice([0.0, rng.uniform(2, 15), rng.uniform(30, 90)], p=[0.08, 0.3, 0.62]))
        reach = min(reach, sweeps * 1.5)
        middle = float(rng.uniform(-20, 20)) if not road.one_sided else float(rng.uniform(5, 30))
        stations = middle + reach * (np.linspace(-0.5, 0.5, len(part)) if len(part) > 1 else np.zeros(1))
        points.append(_on_road(road, stations, lane))
        smear = max(smear, reach / max(len(part), 1))
    weights = np.full(groups, sweeps / groups)
    return Pass(np.concatenate(points), weights, smear if sweeps > groups else 0.02)


def scan(
    surface: Surface,
    fields: SceneFields,
    track: Pass,
    scanner: Scanner,
    rng: np.random.Generator,
    noise: torch.Generator,
) -> Scan:
    """Scans a surface. rng: of parameters, noise: of the cells' noise (on the surface's device)."""
    device = surface.z_m.device
    blocked, obstacle, shade = _obstacles(fields, track, rng, device)
    pose_sigma_m = float(rng.uniform(0, 0.12)) if len(track.xy_m) > 3 else 0.0
    z = _blur(surface.z_m, pose_sigma_m)
    signal = _sensor_curve(_blur(surface.reflectance, pose_sigma_m), rng, device)
    expected, gain, bias_z, faintness = _expected_hits(z, shade, track, scanner, rng)
    walls, beyond = _walls(fields, rng, device)
    upright = torch.maximum(walls, _outlines(blocked))
    glanced_off = float(rng.uniform(0.0, 0.5)) * surface.film
    expected = expected * (1 - glanced_off) * (1 - 0.9 * blocked) * beyond * (1 + 3 * upright)
    dropout = (smooth_noise(rng, 3.0, device) < 2.2).float() if rng.random() < 0.15 else torch.ones_like(z)
    hits = torch.poisson(expected * dropout, generator=noise)
    mask = (hits > 0).float()
    root = hits.clamp(min=1).rsqrt()
    level = signal * gain
    floor = scanner.noise_floor * faintness / surface.dimming
    intensity = level + torch.hypot(scanner.intensity_noise * level, floor) * root * _normal(z, noise)
    intensity = intensity.clamp(0.0, INTENSITY_CAP) * mask
    tilt = rng.normal(0, 0.004, 2)
    x, y = fine_grid(device)
    scatter = torch.sqrt(scanner.range_noise_m**2 + (0.5 * surface.bumps_m) ** 2)
    climb = upright * (0.05 + 0.22 * torch.rand(z.shape, generator=noise, device=device))
    height = (
        z
        + climb
        + surface.bumps_m
        + bias_z
        + float(tilt[0]) * x
        + float(tilt[1]) * y
        + scatter * root * _normal(z, noise)
    )
    steep = FINE_M * torch.stack(torch.gradient(z, spacing=FINE_M)).abs().sum(0)
    spread = (
        torch.sqrt(scatter**2 + (0.3 * steep) ** 2 + (0.08 * upright) ** 2) * (1 + 0.7 * root * _normal(z, noise)).abs()
    )
    spread = spread * (hits > 1) * (1 - root**2).clamp(min=0).sqrt()
    obstacle = torch.maximum(obstacle, upright)
    ratio = (obstacle * (0.7 + 0.3 * torch.rand(z.shape, generator=noise, device=device))).clamp(0, 1)
    return Scan(hits, intensity, height * mask, spread, ratio)


def _walls(fields: SceneFields, rng: np.random.Generator, device: torch.device) -> tuple[Tensor, Tensor]:
    """Walls and hedges along the road: 1 on them, and the share of rays that get past."""
    edge = at_fine(fields.edge_m)
    if rng.random() < 0.25:
        return torch.zeros_like(edge), torch.ones_like(edge)
    behind = edge - side_parameters(fields)("wall_m") - 0.3 * smooth_noise(rng, 8.0, device)
    closed = (smooth_noise(rng, float(rng.uniform(3, 10)), device) < rng.uniform(-0.3, 2.0)).float()
    thickness = float(rng.uniform(0.1, 0.8))
    on = ((behind > 0) & (behind < thickness)).float() * closed
    return on, 1 - (behind >= thickness).float() * (closed * 0.98 + 0.5 * (1 - closed))


def _outlines(blocked: Tensor) -> Tensor:
    """1 along the sides of what stands on the road: the low parts of a vehicle are near the ground."""
    return ((blocked > 0.15) & (blocked < 0.85)).float() * 0.8


def _expected_hits(
    z: Tensor, shade: Tensor, track: Pass, scanner: Scanner, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Expected returns a cell, their mean gain (ring and position), height error and noise floor over that nearby."""
    device = z.device
    x, y = fine_grid(device)
    table = _ring_table(scanner, track.smear_m, rng, device)
    slope_y, slope_x = torch.gradient(z, spacing=FINE_M)
    rise = 1 / (1 - z / scanner.height_m).clamp(min=0.3)
    total, gain, bias, faint = (torch.full_like(z, 1e-9) for _ in range(4))
    lift = rng.normal(0, rng.uniform(0, 0.03), len(track.xy_m))
    pitch = rng.normal(0, rng.uniform(0, 0.001), len(track.xy_m))
    for index, (px, py) in enumerate(track.xy_m):
        dx, dy = x - float(px), y - float(py)
        radius = torch.hypot(dx, dy)
        # a point higher than the road is met by a ring that would meet the road further out
        flat_radius = radius * rise
        bins = (flat_radius * (1 / _LUT_STEP_M)).long().clamp(max=table.shape[1] - 1)
        steepness = ((dx * slope_x + dy * slope_y) / scanner.height_m).clamp(-0.95, 12)
        density = table[0][bins] * (1 + steepness) * at_fine(shade[index]) * float(track.sweeps[index])
        total += density
        gain += density * table[1][bins]
        bias += density * (table[2][bins] + float(lift[index]) + float(pitch[index]) * radius)
        faint += density * torch.exp2(radius * (1 / scanner.fade_m))
    return total, gain / total, bias / total, faint / total


def _ring_table(scanner: Scanner, smear_m: float, rng: np.random.Generator, device: torch.device) -> Tensor:
    """(3, bins) by range: expected returns of one sweep in a cell, their mean intensity gain and height error."""
    elevation = np.array(scanner.elevation_rad)
    down = elevation < -0.005
    radius = scanner.height_m / np.tan(-elevation[down])
    radius = radius[radius < _LUT_END_M + 20]
    bins = (np.arange(int(_LUT_END_M / _LUT_STEP_M)) + 0.5) * _LUT_STEP_M
    sigma = 0.02 + radius**2 / scanner.height_m * scanner.pitch_jitter_rad + 0.3 * smear_m
    bell = np.exp(-0.5 * ((bins - radius[:, None]) / sigma[:, None]) ** 2) / (sigma[:, None] * math.sqrt(2 * math.pi))
    beam_gain = np.exp(rng.normal(0, scanner.beam_gain_sigma, len(radius)))
    beam_height_m = rng.normal(0, scanner.beam_height_sigma_m, len(radius))
    slow = np.exp(rng.normal(0, 0.15) * np.log(bins / 10))
    density = bell.sum(axis=0)
    gain = (beam_gain @ bell) / np.maximum(density, 1e-9) * slow
    lift_m = (beam_height_m @ bell) / np.maximum(density, 1e-9)
    returns = density * scanner.returns_per_ring / (2 * math.pi * bins) * FINE_M**2
    returns *= 0.95 * np.where(bins < rng.uniform(1.5, 4.0), 0, 1) * np.exp(-((bins / rng.uniform(35, 70)) ** 4))
    table = np.stack([returns, np.where(density > 1e-6, gain, 1.0), lift_m])
    return torch.from_numpy(table.astype(np.float32)).to(device)


def _sensor_curve(reflectance: Tensor, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Gamma, dimming of everything, saturation; the road stays near 1."""
    curve = reflectance.clamp(min=0.02) ** float(rng.uniform(0.5, 1.4))
    drift = 1 + rng.uniform(0, 0.25) * smooth_noise(rng, 15.0, device)
    ceiling = float(rng.uniform(2.0, INTENSITY_CAP))
    return (curve * drift.clamp(0.4, 2.0)).clamp(max=ceiling) * float(np.exp(rng.normal(0, 0.1)))


def _obstacles(
    fields: SceneFields, track: Pass, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Where no ground is hit (fine), the obstacle ratio (fine), and what each group sees (K, coarse)."""
    x, y = coarse_grid(device)
    boxes = _vehicles(fields, rng) + _posts(fields, rng)
    positions = torch.from_numpy(track.xy_m.astype(np.float32)).to(device)
    seen = torch.ones((len(positions), *x.shape), device=device)
    blocked, ratio = torch.zeros_like(x), torch.zeros_like(x)
    dx, dy = x - positions[:, 0, None, None], y - positions[:, 1, None, None]
    far = torch.hypot(dx, dy).clamp(min=0.1)
    for cx, cy, heading, length, width, density, moving in boxes:
        cos, sin = math.cos(heading), math.sin(heading)
        u, v = (x - cx) * cos + (y - cy) * sin, (y - cy) * cos - (x - cx) * sin
        inside = torch.maximum(u.abs() - length / 2, v.abs() - width / 2)
        fill = ((0.2 - inside) / 0.4).clamp(0, 1)
        if moving:
            ratio = torch.maximum(ratio, fill * density * 0.3)
        else:
            blocked = torch.maximum(blocked, fill)
            ratio = torch.maximum(ratio, fill * density)
        for shift in (-0.25, 0.25) if length > 1 else (0.0,):
            ox, oy = cx + shift * length * cos - positions[:, 0], cy + shift * length * sin - positions[:, 1]
            distance = torch.hypot(ox, oy).clamp(min=2.0)
            along = (dx * ox[:, None, None] + dy * oy[:, None, None]) / far
            across = (dx * oy[:, None, None] - dy * ox[:, None, None]).abs() / far
            size = 0.55 * max(width, length / 2)
            behind = (far > distance[:, None, None]) & (along > 0) & (across < size)
            hides = torch.ones(len(positions), device=device)
            if moving:
                hides = (torch.arange(len(positions), device=device) == int(moving) % len(positions)).float()
            seen = seen * (1 - behind.float() * hides[:, None, None] * density)
    return at_fine(blocked), at_fine(ratio), seen


_Box = tuple[float, float, float, float, float, float, int]


def _vehicles(fields: SceneFields, rng: np.random.Generator) -> list[_Box]:
    """Parked along edges, standing in lanes, passing by. x, y, heading, length, width, density, moving (group + 1)."""
    boxes: list[_Box] = []
    for field in fields.roads:
        road = field.road
        for sign, edge, parking in ((1, road.left_m, road.parking_m[0]), (-1, -road.right_m, road.parking_m[1])):
            share = rng.uniform(0.1, 0.9) if parking else rng.choice([0.0, rng.uniform(0, 0.5)])
            if rng.random() > (0.9 if parking else 0.25):
                continue
            for station in np.arange(-33, 33, 6.2) + rng.uniform(0, 6):
                if rng.random() < share and abs(station) > 9:
                    lateral = edge - sign * float(
                        rng.choice([rng.uniform(1.0, 1.5), rng.uniform(-0.6, 1.0)], p=[0.8, 0.2])
                    )
                    boxes.append(_vehicle(road, station, lateral, rng, 0))
        for centre in road.lane_centres_m:
            if rng.random() < 0.3:
                station = float(rng.uniform(-25, 25))
                moving = int(rng.integers(1, 11)) if rng.random() < 0.7 else 0
                boxes.append(_vehicle(road, station, centre + float(rng.normal(0, 0.2)), rng, moving))
    return boxes[:14]


def _vehicle(road: Road, station_m: float, lateral_m: float, rng: np.random.Generator, moving: int) -> _Box:
    ahead = _on_road(road, np.array([station_m, station_m + 1.0]), lateral_m)
    heading = math.atan2(*(ahead[1] - ahead[0])[::-1])
    large = rng.random() < 0.1
    length, width = (9.0, 2.5) if large else (float(rng.uniform(3.6, 5.2)), float(rng.uniform(1.6, 2.0)))
    return float(ahead[0, 0]), float(ahead[0, 1]), heading, length, width, float(rng.uniform(0.5, 1.0)), moving


def _posts(fields: SceneFields, rng: np.random.Generator) -> list[_Box]:
    boxes: list[_Box] = []
    for field in fields.roads:
        road = field.road
        for _ in range(int(rng.poisson(3))):
            sign = rng.choice([-1, 1])
            edge = road.left_m if sign > 0 else -road.right_m
            lateral = edge + sign * float(rng.uniform(0.4, 3.0))
            at = _on_road(road, np.array([rng.uniform(-30, 30)]), lateral)[0]
            size = float(rng.choice([0.25, 0.5, rng.uniform(0.8, 2.5)]))
            boxes.append((float(at[0]), float(at[1]), 0.0, size, size, float(rng.uniform(0.3, 1.0)), 0))
    return boxes[:8]


def _on_road(road: Road, stations_m: np.ndarray, lateral_m: float) -> np.ndarray:
    """(N, 2) points at stations and a lateral position."""
    k = 2 * math.pi / road.wave_length_m
    phase = k * stations_m + road.wave_phase_rad
    f = road.bend_per_m / 2 * stations_m**2 + road.wave_m * (np.sin(phase) - math.sin(road.wave_phase_rad))
    slope = road.bend_per_m * stations_m + road.wave_m * k * np.cos(phase)
    norm = np.sqrt(1 + slope**2)
    u, v = stations_m - lateral_m * slope / norm, f + lateral_m / norm
    cos, sin = math.cos(road.heading_rad), math.sin(road.heading_rad)
    return np.stack([road.x_m + u * cos - v * sin, road.y_m + u * sin + v * cos], axis=1)


def _blur(field: Tensor, sigma_m: float) -> Tensor:
    """Gaussian blur of a fine field."""
    if sigma_m < 0.02:
        return field
    half = max(1, math.ceil(2.5 * sigma_m / FINE_M))
    taps = torch.arange(-half, half + 1, device=field.device) * FINE_M
    kernel = torch.exp(-0.5 * (taps / sigma_m) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(field[None, None], (half, half, half, half), mode="replicate")
    rows = functional.conv2d(padded, kernel.reshape(1, 1, -1, 1))
    return functional.conv2d(rows, kernel.reshape(1, 1, 1, -1))[0, 0]


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=like.device)
