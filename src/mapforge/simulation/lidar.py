"""A spinning lidar: one turn at a time, skewed by the motion of the car, with what real returns suffer from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.simulation.config import LidarConfig, WeatherConfig
from mapforge.simulation.reflectance import reflectivity
from mapforge.simulation.scene import Scene
from mapforge.simulation.surface import RoadSurface
from mapforge.simulation.wetness import extinction, mirror, strike_drops

RANGE_MIN_M = 1.2
_SECTORS = 4
_RANGE_STEP_M = 1.0 / 1024.0
_EDGE_JUMP_M = 0.6
_EDGE_JUMP_MAX_M = 15.0
_NOWHERE_M = np.float32(1e6)
_EDGE_SHARE = 0.12
_GREY = 0.2
_FAINTEST = 2.2e-6
"""Reflectivity * cos(incidence) / range^2 of which half the returns are lost: dark asphalt at 55 m."""

Float32 = NDArray[np.float32]

RETURN = np.dtype(
    {
        "names": ["x", "y", "z", "intensity", "t", "ring"],
        "formats": ["<f4", "<f4", "<f4", "<f4", "<u4", "<u2"],
        "offsets": [0, 4, 8, 12, 16, 20],
        "itemsize": 24,
    }
)
"""x, y, z: metres, lidar frame, not motion compensated. intensity: 0..255. t: ns after the sweep's first column."""


@dataclass(frozen=True, eq=False)
class LidarUnit:
    """One device: directions of its rays and its own gains.

    directions: (columns, beams, 3) float32, lidar frame, clockwise from straight back. ring 0 is the lowest.
    """

    directions: Float32
    offsets_ns: NDArray[np.int64]
    period_ns: int
    gain: float
    gamma: float
    falloff: float
    beam_gain: Float32
    beam_range_bias_m: Float32


def build_lidar(config: LidarConfig, seed: int) -> LidarUnit:
    """Draws the gains and the beam pattern of one car's lidar."""
    rng = np.random.default_rng([seed, 2])
    elevation = beam_elevations_rad(config) + np.radians(rng.normal(0.0, 0.015, config.beams))
    azimuth = np.pi - 2.0 * np.pi * np.arange(config.columns) / config.columns
    turn = azimuth[:, None] + np.radians(rng.normal(0.0, 0.05, config.beams))[None]
    level = np.broadcast_to(np.cos(elevation), turn.shape)
    directions = np.stack(
        [level * np.cos(turn), level * np.sin(turn), np.broadcast_to(np.sin(elevation), turn.shape)], -1
    )
    period_ns = round(1e9 / config.rate_hz)
    return LidarUnit(
        directions=directions.astype(np.float32),
        offsets_ns=np.arange(config.columns, dtype=np.int64) * period_ns // config.columns,
        period_ns=period_ns,
        gain=float(np.exp(rng.normal(0.0, config.gain_sigma))),
        gamma=float(np.clip(rng.normal(0.95, config.gamma_sigma), 0.6, 1.4)),
        falloff=float(rng.uniform(0.08, 0.35)),
        beam_gain=_beam_gains(config, rng),
        beam_range_bias_m=rng.normal(0.0, 0.3 * config.range_noise_m, config.beams).astype(np.float32),
    )


def _beam_gains(config: LidarConfig, rng: np.random.Generator) -> Float32:
    """(beams,) factors; well and badly calibrated devices differ in how far their rings lie apart."""
    spread = config.beam_gain_sigma * np.exp(rng.normal(0.0, 0.6))
    return np.exp(spread * rng.standard_normal(config.beams)).astype(np.float32)


def beam_elevations_rad(config: LidarConfig) -> NDArray[np.float64]:
    """(beams,) elevations, lowest first: the upper half of the rings covers only 40 % of the opening angle."""
    share = np.interp(np.linspace(0.0, 1.0, config.beams), [0.0, 0.5, 1.0], [0.0, 0.6, 1.0])
    return np.radians(config.elevation_min_deg + share * (config.elevation_max_deg - config.elevation_min_deg))


def sweep(
    unit: LidarUnit,
    config: LidarConfig,
    scene: Scene,
    surface: RoadSurface,
    trajectory: Trajectory,
    ego_SE3_lidar: SE3,
    start_ns: int,
    rng: np.random.Generator,
    weather: WeatherConfig | None = None,
) -> NDArray[np.void]:
    """Returns (N,) RETURN records of the turn that starts at `start_ns`. weather: None: dry."""
    weather = weather or WeatherConfig()
    rays = _rays(unit, trajectory, ego_SE3_lidar, start_ns)
    columns, beams = unit.directions.shape[:2]
    range_m = np.empty(columns * beams, dtype=np.float32)
    triangle = np.empty(columns * beams, dtype=np.int32)
    bounds = np.linspace(0, columns, _SECTORS + 1).astype(int) * beams
    for k in range(_SECTORS):
        part = slice(bounds[k], bounds[k + 1])
        middle_ns = start_ns + (2 * k + 1) * unit.period_ns // (2 * _SECTORS)
        scene.set_time((middle_ns - trajectory.start_ns) * 1e-9)
        hits = scene.cast(rays[part])
        range_m[part], triangle[part] = hits.range_m, hits.triangle
    if weather.wet_road:
        mirror(scene, surface, rays, range_m, triangle, weather.wet_road, rng)
    seen = np.flatnonzero((range_m < config.range_max_m) & (range_m > RANGE_MIN_M))
    ring = (seen % beams).astype(np.uint16)
    intensity, kept = _intensity(
        unit, config, scene, surface, rays[seen], triangle[seen], range_m[seen], ring, rng, weather
    )
    measured = _edges(range_m.reshape(columns, beams), rng).reshape(-1)[seen]
    measured = measured + unit.beam_range_bias_m[ring]
    measured = measured + config.range_noise_m * rng.standard_normal(len(seen), dtype=np.float32)
    seen, measured, intensity, ring = seen[kept], measured[kept], intensity[kept], ring[kept]
    if weather.rain:
        hit, near_m, faint = strike_drops(range_m, unit.gain, weather.rain, rng)
        others = ~np.isin(seen, hit)
        seen = np.concatenate([seen[others], hit])
        order = np.argsort(seen, kind="stable")
        seen = seen[order]
        measured = np.concatenate([measured[others], near_m])[order]
        intensity = np.concatenate([intensity[others], faint])[order]
        ring = (seen % beams).astype(np.uint16)
    return _records(unit, seen, measured, intensity, ring)


def _rays(unit: LidarUnit, trajectory: Trajectory, ego_SE3_lidar: SE3, start_ns: int) -> Float32:
    """(columns * beams, 6) rays in the map frame, each column from where the lidar is at its instant."""
    columns, beams = unit.directions.shape[:2]
    map_R_ego, ego_m = trajectory.poses_at(start_ns + unit.offsets_ns)
    map_R_lidar = (map_R_ego @ ego_SE3_lidar.rotation).astype(np.float32)
    origin = map_R_ego @ ego_SE3_lidar.translation_m + ego_m
    rays = np.empty((columns, beams, 6), dtype=np.float32)
    rays[..., :3] = origin[:, None, :]
    np.matmul(unit.directions, map_R_lidar.transpose(0, 2, 1), out=rays[..., 3:])
    return rays.reshape(-1, 6)


def _intensity(
    unit: LidarUnit,
    config: LidarConfig,
    scene: Scene,
    surface: RoadSurface,
    rays: Float32,
    triangle: NDArray[np.int32],
    range_m: Float32,
    ring: NDArray[np.uint16],
    rng: np.random.Generator,
    weather: WeatherConfig,
) -> tuple[Float32, NDArray[np.bool_]]:
    """Intensity (N,) 0..255 and whether each return was strong (and lucky) enough to be noticed."""
    direction = rays[:, 3:]
    xyz = rays[:, :3] + direction * range_m[:, None]
    share = reflectivity(scene.triangles, surface, triangle, xyz, direction, range_m, weather.wet_road)
    share = share * extinction(range_m, weather.rain) if weather.rain else share
    cosine = np.abs(np.einsum("ij,ij->i", direction, scene.triangles.normals[triangle]))
    strength = np.log(np.maximum(share * cosine, 1e-9) / (range_m * range_m) / _FAINTEST)
    chance = (1.0 - config.dropout) / (1.0 + np.exp(-np.clip(strength * 3.0, -30.0, 30.0)))
    kept = rng.random(len(share), dtype=np.float32) < chance
    value = share * np.maximum(cosine, 0.02) ** unit.falloff * np.exp(-range_m / 180.0)
    speckle = 1.0 + 0.12 * rng.standard_normal(len(share), dtype=np.float32)
    value = _GREY * (value / _GREY) ** unit.gamma
    value = unit.gain * unit.beam_gain[ring] * value * speckle
    value = value + config.intensity_noise * rng.standard_normal(len(share), dtype=np.float32)
    return np.rint(np.clip(value / np.float32(config.saturation), 0.0, 1.0) * 255.0).astype(np.float32), kept


def _edges(range_m: Float32, rng: np.random.Generator) -> Float32:
    """Some of the returns at a jump in range lie in between: the spot met both surfaces. range_m: (columns, beams)."""
    mixed = np.minimum(range_m, _NOWHERE_M)
    jump = mixed[1:] - mixed[:-1]
    column, beam = np.nonzero((np.abs(jump) > _EDGE_JUMP_M) & (np.abs(jump) < _EDGE_JUMP_MAX_M))
    chosen = rng.random(len(column)) < _EDGE_SHARE
    column, beam = column[chosen], beam[chosen]
    mixed[column, beam] += jump[column, beam] * rng.random(len(column), dtype=np.float32)
    return mixed


def _records(
    unit: LidarUnit, ray: NDArray[np.int64], range_m: Float32, intensity: Float32, ring: NDArray[np.uint16]
) -> NDArray[np.void]:
    """Packs returns; coordinates are rounded to about a millimetre, as devices count in steps."""
    beams = unit.directions.shape[1]
    xyz = unit.directions.reshape(-1, 3)[ray] * range_m[:, None]
    xyz = np.rint(xyz / np.float32(_RANGE_STEP_M)) * np.float32(_RANGE_STEP_M)
    records = np.zeros(len(ray), dtype=RETURN)
    records["x"], records["y"], records["z"] = xyz.T
    records["intensity"] = intensity
    records["t"] = unit.offsets_ns[ray // beams]
    records["ring"] = ring
    return records
