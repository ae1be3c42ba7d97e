"""Sun, sky and haze of one drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.texture import TileNoise

Float32 = NDArray[np.float32]

_ZENITH = np.array([0.22, 0.42, 0.85], dtype=np.float32)
_HORIZON = np.array([0.72, 0.82, 0.95], dtype=np.float32)
_CLOUD = np.array([0.92, 0.93, 0.95], dtype=np.float32)
_SUN = np.array([1.0, 0.94, 0.84], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Daylight:
    """to_sun: (3,) unit vector, map frame. sun, ambient: (3,) linear light on a surface that faces it. cover: share
    of the sky in cloud, 0..1."""

    to_sun: NDArray[np.float64]
    sun: Float32
    ambient: Float32
    cover: float

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
        return np.asarray(colour + cloudy * (cloud - colour), dtype=np.float32)


def daylight_of(seed: int) -> Daylight:
    """The weather of a drive: sun at 20 to 60 degrees, from clear to overcast."""
    rng = np.random.default_rng([seed, 3])
    elevation, azimuth = np.radians(rng.uniform(20.0, 60.0)), rng.uniform(0.0, 2.0 * np.pi)
    cover = float(rng.uniform(0.0, 1.0))
    to_sun = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    strength = np.float32(2.4 * (1.0 - 0.9 * np.clip((cover - 0.35) / 0.5, 0.0, 1.0)))
    ambient = np.array([0.55, 0.62, 0.74], dtype=np.float32) + np.float32(0.25 * cover)
    return Daylight(to_sun, strength * _SUN, ambient, cover)
