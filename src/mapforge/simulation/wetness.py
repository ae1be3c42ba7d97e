"""What rain and wet roads do to a lidar: fading, drops, mirror images below the road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.scene import Scene
from mapforge.simulation.surface import RoadSurface, film_of_water
from mapforge.simulation.world import Material

Float32 = NDArray[np.float32]

EXTINCTION_PER_M = 0.012
"""One way, in heavy rain (a visibility of about 250 m)."""
DROP_SHARE = 0.03
DROP_SCALE_M = 3.5
DROP_NEAREST_M = 1.2
DROP_INTENSITY = (0.004, 0.035)
MIRROR_SHARE = 0.35
MIRROR_FLAT = 0.22
"""Only rays that meet the road at a sine below this are mirrored."""
ASIDE_M = 0.02


def extinction(range_m: Float32, rain: float) -> Float32:
    """(N,) share of light left after the way through rain and back."""
    return np.exp(np.float32(-2.0 * EXTINCTION_PER_M * rain) * range_m)


def strike_drops(
    range_m: Float32, gain: float, rain: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Float32, Float32]:
    """Rays that meet a drop first: their numbers (K,), ranges (K,) and intensities (K,) 0..255.

    range_m: (N,) of all rays, inf where nothing is; drops lie before what is there.
    """
    hit = np.flatnonzero(rng.random(len(range_m), dtype=np.float32) < DROP_SHARE * rain)
    near = DROP_NEAREST_M + rng.exponential(DROP_SCALE_M, len(hit))
    first = near < range_m[hit]
    intensity = 255.0 * gain * rng.uniform(*DROP_INTENSITY, int(first.sum()))
    return hit[first], near[first].astype(np.float32), np.rint(intensity).astype(np.float32)


def mirror(
    scene: Scene,
    surface: RoadSurface,
    rays: Float32,
    range_m: Float32,
    triangle: NDArray[np.int32],
    wet_road: float,
    rng: np.random.Generator,
) -> None:
    """Some flat rays glance off the film of water and meet something else: it is seen below the road, further away.

    rays: (N, 6); range_m (N,) and triangle (N,) are changed in place.
    """
    flat = (triangle >= 0) & (np.abs(rays[:, 5]) < MIRROR_FLAT) & np.isfinite(range_m)
    road = np.flatnonzero(flat)
    road = road[scene.triangles.materials[triangle[road]] == Material.ASPHALT]
    place = rays[road, :3] + rays[road, 3:] * range_m[road, None]
    chance = MIRROR_SHARE * film_of_water(surface, place[:, 0], place[:, 1], wet_road)
    chosen = rng.random(len(road), dtype=np.float32) < chance
    road, place = road[chosen], place[chosen]
    if not len(road):
        return
    away = rays[road, 3:] * np.array([1.0, 1.0, -1.0], dtype=np.float32)
    glance = np.concatenate([place + ASIDE_M * away, away], axis=1).astype(np.float32)
    answer = scene.cast_still(glance)
    seen = answer.triangle >= 0
    range_m[road] = np.where(seen, range_m[road] + answer.range_m, np.inf)
    triangle[road] = answer.triangle
