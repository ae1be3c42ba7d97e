"""How a wet road looks to a camera: darker, and bright where the sky mirrors in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.daylight import Daylight
from mapforge.simulation.scene import Triangles
from mapforge.simulation.surface import RoadSurface, film_of_water
from mapforge.simulation.world import Material

Float32 = NDArray[np.float32]

DARKER = 0.5
STEEP_MIRROR, FLAT_MIRROR = 0.03, 0.55
"""Share of light that a film mirrors when looked at from above, and along it (after Schlick's approximation)."""


def wet_film(
    triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32, wet_road: float
) -> Float32:
    """(N,) film of water at hit points (3, N): 0 on everything but the road."""
    film = np.zeros(len(hit), dtype=np.float32)
    road = np.flatnonzero(triangles.materials[hit] == Material.ASPHALT)
    film[road] = film_of_water(surface, xyz[0, road], xyz[1, road], wet_road)
    return film


def darken(albedo: Float32, film: Float32) -> None:
    """Water lets light sink into the road. albedo: (3, N), changed in place."""
    albedo *= 1.0 - np.float32(DARKER) * film


def shine(colour: Float32, film: Float32, rays: Float32, light: Daylight, surface: RoadSurface) -> None:
    """Lays the mirrored sky over the road. colour: (3, N), changed in place; rays: (N, 3) unit directions."""
    wet = np.flatnonzero(film > 0)
    if not len(wet):
        return
    upward = rays[wet] * np.array([1.0, 1.0, -1.0], dtype=np.float32)
    steep = np.clip(upward[:, 2], 0.0, 1.0)
    share = film[wet] * (STEEP_MIRROR + (FLAT_MIRROR - STEEP_MIRROR) * (1.0 - steep) ** 5)
    colour[:, wet] += share * (light.sky(upward, surface.stain) - colour[:, wet])
