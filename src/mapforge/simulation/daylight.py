"""Sun, sky, haze and headlights of one drive."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3
from mapforge.simulation.config import WeatherConfig
from mapforge.simulation.texture import TileNoise

Float32 = NDArray[np.float32]

_ZENITH = np.array([0.22, 0.42, 0.85], dtype=np.float32)
_HORIZON = np.array([0.72, 0.82, 0.95], dtype=np.float32)
_CLOUD = np.array([0.92, 0.93, 0.95], dtype=np.float32)
_SUN = np.array([1.0, 0.94, 0.84], dtype=np.float32)
BEAM_COLOUR = np.array([1.0, 0.93, 0.8], dtype=np.float32)
_BEAM_PLACE_M = np.array([3.6, 0.0, 0.65])
_BEAM_POWER = 60.0
_BEAM_DOWN = 0.03
_RETRO_POWER = 900.0
_HAZE_M = 900.0
_HAZE = np.array([0.72, 0.8, 0.9], dtype=np.float32)
_STREET_LAMPS = np.array([0.055, 0.045, 0.03], dtype=np.float32)
_GLARE_ELEVATION_DEG = (4.0, 14.0)
_VEIL, _BLOOM = 0.9, 9.0
_VEIL_RAD, _BLOOM_RAD = 0.5, 0.09


@dataclass(frozen=True, eq=False)
class Headlights:
    """place_m, ahead: (3,) map frame, of the lamps and their middle ray."""

    place_m: NDArray[np.float64]
    ahead: NDArray[np.float64]
    power: float

    def on(self, xyz: Float32, normals: Float32) -> Float32:
        """(N,) light on surfaces of unit normals (N, 3) at xyz (3, N)."""
        away = xyz.T - self.place_m.astype(np.float32)
        distance = np.sqrt((away * away).sum(axis=1)) + 0.5
        lobe = self._lobe(away, distance)
        flat = np.abs((away * normals).sum(axis=1)) / distance
        return np.asarray(self.power * _BEAM_POWER * lobe * (0.15 + 0.85 * flat) / (distance * distance))

    def returned(self, xyz: NDArray[np.float64]) -> float:
        """Light that a reflecting sheet at (3,) sends back to the car."""
        away = (xyz - self.place_m).astype(np.float32)[None]
        distance = np.sqrt((away * away).sum(axis=1)) + 0.5
        return float((self.power * _RETRO_POWER * self._lobe(away, distance) / (distance * distance))[0])

    def _lobe(self, away: Float32, distance: Float32) -> Float32:
        """Bright ahead, less to the sides, little above the horizon."""
        towards = away / distance[:, None]
        ahead = np.clip(towards @ self.ahead.astype(np.float32), 0.0, 1.0)
        below = np.clip((0.06 - towards[:, 2]) / 0.06, 0.12, 1.0)
        return np.asarray(ahead**12 * below + 0.05 * ahead**2)


@dataclass(frozen=True, eq=False)
class Daylight:
    """to_sun: (3,) unit vector, map frame. sun, ambient: (3,) linear light on a surface that faces it. cover: share
    of the sky in cloud, 0..1. day: 1 by day, near 0 by night. glare: 0..1. clear_m: how far one sees. beam: the car's
    own lamps, when they are lit."""

    to_sun: NDArray[np.float64]
    sun: Float32
    ambient: Float32
    cover: float
    day: float = 1.0
    glare: float = 0.0
    clear_m: float = _HAZE_M
    beam: Headlights | None = None

    @property
    def haze(self) -> Float32:
        """(3,) light of the air itself."""
        return _HAZE if self.day == 1.0 else _HAZE * np.float32(self.day)

    def with_headlights(self, map_SE3_ego: SE3) -> Daylight:
        """The same light with the lamps of a car that stands there; by day they are not seen."""
        if self.day > 0.5:
            return self
        ahead = map_SE3_ego.rotation @ np.array([1.0, 0.0, -_BEAM_DOWN])
        return replace(self, beam=Headlights(map_SE3_ego.transform(_BEAM_PLACE_M[None])[0], ahead, 1.0 - self.day))

    def dazzle(self, rays: Float32) -> Float32:
        """(3, N) light that a low sun scatters in the lens along unit rays (N, 3)."""
        apart = np.arccos(np.clip(rays @ self.to_sun.astype(np.float32), -1.0, 1.0))
        strength = _VEIL * np.exp(-apart / _VEIL_RAD) + _BLOOM * np.exp(-((apart / _BLOOM_RAD) ** 2))
        return np.asarray(np.float32(self.glare) * strength * _SUN[:, None], dtype=np.float32)

    def weights(self, normals: Float32) -> tuple[Float32, Float32]:
        """Shares (N,) of sun and (N,) of ambient light that surfaces of unit normals (N, 3) get."""
        return np.maximum(normals @ self.to_sun.astype(np.float32), 0.0), 0.65 + 0.35 * normals[:, 2]

    def on(self, normals: Float32) -> Float32:
        """(N, 3) light on surfaces of unit normals (N, 3) outside of any shadow."""
        sun, ambient = self.weights(normals)
        return np.asarray(sun[:, None] * self.sun + ambient[:, None] * self.ambient)

    def sky(self, rays: Float32, clouds: TileNoise) -> Float32:
        """(3, N) light from the sky along unit rays (N, 3)."""
        up = np.maximum(rays[:, 2], 0.0)
        colour = _HORIZON[:, None] + np.sqrt(up) * (_ZENITH - _HORIZON)[:, None]
        scale = 12.0 / (up + 0.12)
        noise = clouds.at(rays[:, 0] * scale, rays[:, 1] * scale)
        cloudy = np.clip((noise - (1.0 - self.cover)) * 3.0 + 0.5 * self.cover, 0.0, 1.0)
        cloud = _CLOUD[:, None] * np.float32(1.1 - 0.35 * self.cover)
        bright = colour + cloudy * (cloud - colour)
        return np.asarray(bright if self.day == 1.0 else bright * np.float32(self.day), dtype=np.float32)


def daylight_of(seed: int, weather: WeatherConfig | None = None) -> Daylight:
    """The light of a drive: sun at 20 to 60 degrees, from clear to overcast; changed by rain, night and glare."""
    plain = _fair_light(seed)
    if weather is None or not (weather.rain or weather.darkness or weather.glare):
        return plain
    rng = np.random.default_rng([seed, 8])
    if weather.glare:
        low = np.radians(rng.uniform(*_GLARE_ELEVATION_DEG))
        level = plain.to_sun[:2] / np.linalg.norm(plain.to_sun[:2])
        to_sun = np.array([*(np.cos(low) * level), np.sin(low)])
        plain = replace(plain, to_sun=to_sun, sun=np.float32(2.2) * _SUN, cover=min(plain.cover, 0.3))
    day = (1.0 - weather.darkness) ** 2 + 0.0015
    dull = np.float32(1.0 - 0.9 * weather.rain)
    lamps = np.float32(weather.darkness) * _STREET_LAMPS * np.float32(rng.uniform(0.2, 1.0))
    return replace(
        plain,
        sun=np.asarray(plain.sun * np.float32(day) * dull, dtype=np.float32),
        ambient=np.asarray(plain.ambient * np.float32(day) + lamps, dtype=np.float32),
        cover=max(plain.cover, weather.rain),
        day=min(1.0, day),
        glare=weather.glare,
        clear_m=_HAZE_M / (1.0 + 7.0 * weather.rain),
    )


def _fair_light(seed: int) -> Daylight:
    rng = np.random.default_rng([seed, 3])
    elevation, azimuth = np.radians(rng.uniform(20.0, 60.0)), rng.uniform(0.0, 2.0 * np.pi)
    cover = float(rng.uniform(0.0, 1.0))
    to_sun = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    strength = np.float32(2.4 * (1.0 - 0.9 * np.clip((cover - 0.35) / 0.5, 0.0, 1.0)))
    ambient = np.array([0.55, 0.62, 0.74], dtype=np.float32) + np.float32(0.25 * cover)
    return Daylight(to_sun, strength * _SUN, ambient, cover)
