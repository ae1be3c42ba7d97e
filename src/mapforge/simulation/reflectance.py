"""How much near-infrared light a surface sends back to a lidar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.scene import SIGN_FACE, Triangles
from mapforge.simulation.surface import PAINT_COLOURS, RoadSurface, film_of_water
from mapforge.simulation.world import Material

Float32 = NDArray[np.float32]

_REFLECTIVITY = {
    Material.ASPHALT: 0.20,
    Material.SIDEWALK: 0.30,
    Material.CURB: 0.34,
    Material.GRASS: 0.42,
    Material.BUILDING: 0.40,
    Material.POLE: 0.38,
    Material.TRUNK: 0.33,
    Material.FOLIAGE: 0.40,
    Material.VEHICLE: 0.30,
    Material.GLASS: 0.06,
    Material.SIGN_BACK: 0.48,
    Material.LIGHT_HOUSING: 0.10,
    Material.CONE: 0.70,
    Material.CONCRETE: 0.36,
}
_BASE = np.array([_REFLECTIVITY[material] for material in Material] + [1.6], dtype=np.float32)
_VARIES = np.zeros(len(_BASE), dtype=np.float32)
_VARIES[[Material.BUILDING, Material.VEHICLE, Material.FOLIAGE, Material.TRUNK]] = [0.9, 1.4, 0.4, 0.3]
_PAINT = np.array([0.0, 0.58, 0.47, 0.36], dtype=np.float32)
assert len(_PAINT) == len(PAINT_COLOURS) and len(_BASE) == SIGN_FACE + 1

WET_ASPHALT, WET_PAINT = 0.45, 0.72
"""Shares of what comes back from dry asphalt and paint that a full film of water leads away (the beads in the paint
drown, so paint loses more)."""
_BEAM_SPREAD_RAD = 0.0013
_SPREAD_MAX_M = 0.8


def reflectivity(
    triangles: Triangles,
    surface: RoadSurface,
    hit: NDArray[np.int32],
    xyz: Float32,
    ray: Float32,
    range_m: Float32,
    wet_road: float = 0.0,
) -> Float32:
    """(N,) share of light sent back at hit points.

    hit: (N,) triangle of each; xyz: (N, 3) map frame; ray: (N, 3) unit directions; range_m: (N,). wet_road: 0 dry,
    1 under a film of water.
    """
    material = triangles.materials[hit]
    value = _BASE[material] * (1.0 + _VARIES[material] * (triangles.tones[hit] - 0.5))
    road = np.flatnonzero(material == Material.ASPHALT)
    value[road] = _road_reflectivity(surface, xyz[road], ray[road], range_m[road], wet_road)
    other = np.flatnonzero((material == Material.SIDEWALK) | (material == Material.GRASS) | (material == Material.CURB))
    x, y = xyz[other, 0], xyz[other, 1]
    value[other] *= 0.75 + 0.25 * surface.grain.at(x, y) + 0.25 * surface.stain.at(y, x)
    return np.asarray(value, dtype=np.float32)


def _road_reflectivity(surface: RoadSurface, xyz: Float32, ray: Float32, range_m: Float32, wet_road: float) -> Float32:
    """Asphalt and paint averaged along the light spot, which a flat view angle stretches on the ground."""
    flat = np.hypot(ray[:, 0], ray[:, 1])
    reach = np.minimum(_BEAM_SPREAD_RAD * range_m / np.maximum(np.abs(ray[:, 2]), 1e-3), _SPREAD_MAX_M)
    step_x, step_y = ray[:, 0] / flat * reach, ray[:, 1] / flat * reach
    total = np.zeros(len(xyz), dtype=np.float32)
    bare = _BASE[Material.ASPHALT] * surface.asphalt_at(xyz[:, 0], xyz[:, 1])
    painted: Float32 | np.float32 = np.float32(1.0)
    if wet_road:
        film = film_of_water(surface, xyz[:, 0], xyz[:, 1], wet_road)
        bare, painted = bare * (1.0 - WET_ASPHALT * film), 1.0 - WET_PAINT * film
    for share in (-0.7, 0.0, 0.7):
        colour, amount = surface.paint_at(xyz[:, 0] + share * step_x, xyz[:, 1] + share * step_y)
        total += bare + amount * (_PAINT[colour] * painted - bare)
    return np.asarray(total / 3.0)
