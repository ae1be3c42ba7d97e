"""Colours of surfaces as a camera sees them, linear light 0..1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.scene import SIGN_FACE, Triangles
from mapforge.simulation.surface import PAINT_COLOURS, RoadSurface
from mapforge.simulation.world import Material

Float32 = NDArray[np.float32]

_COLOURS = {
    Material.ASPHALT: (0.105, 0.105, 0.11),
    Material.SIDEWALK: (0.30, 0.29, 0.27),
    Material.CURB: (0.36, 0.35, 0.33),
    Material.GRASS: (0.09, 0.15, 0.045),
    Material.BUILDING: (0.40, 0.36, 0.30),
    Material.POLE: (0.24, 0.25, 0.26),
    Material.TRUNK: (0.12, 0.09, 0.06),
    Material.FOLIAGE: (0.055, 0.11, 0.03),
    Material.VEHICLE: (0.30, 0.30, 0.30),
    Material.GLASS: (0.035, 0.04, 0.05),
    Material.SIGN_BACK: (0.33, 0.34, 0.35),
    Material.LIGHT_HOUSING: (0.025, 0.027, 0.028),
    Material.CONE: (0.75, 0.16, 0.02),
    Material.CONCRETE: (0.42, 0.41, 0.39),
}
_BASE = np.array([_COLOURS[material] for material in Material] + [(0.4, 0.4, 0.4)], dtype=np.float32)
assert len(_BASE) == SIGN_FACE + 1

_PAINT = np.array([(0, 0, 0), (0.66, 0.66, 0.63), (0.62, 0.40, 0.05), (0.08, 0.20, 0.50)], dtype=np.float32)
assert len(_PAINT) == len(PAINT_COLOURS)

_FACADES = np.array(
    [
        *((0.55, 0.50, 0.40), (0.42, 0.20, 0.13), (0.62, 0.60, 0.56), (0.50, 0.42, 0.30)),
        *((0.30, 0.31, 0.33), (0.66, 0.55, 0.36), (0.36, 0.25, 0.20), (0.55, 0.58, 0.62)),
    ],
    dtype=np.float32,
)
_CARS = np.array(
    [
        *((0.70, 0.70, 0.70), (0.04, 0.04, 0.045), (0.28, 0.29, 0.31), (0.35, 0.03, 0.03)),
        *((0.05, 0.09, 0.28), (0.12, 0.13, 0.14), (0.55, 0.56, 0.57), (0.10, 0.16, 0.10)),
    ],
    dtype=np.float32,
)
_LEAVES = np.array([(0.05, 0.11, 0.03), (0.09, 0.13, 0.03), (0.04, 0.08, 0.035), (0.12, 0.11, 0.03)], dtype=np.float32)
_WINDOW = np.array([0.045, 0.055, 0.07], dtype=np.float32)


def albedo(triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32) -> Float32:
    """(3, N) colours at hit points. hit: (N,) triangle of each; xyz: (3, N) map frame."""
    material = triangles.materials[hit]
    colour = np.take(_BASE.T, material, axis=1)
    for kind, paint in (
        (Material.ASPHALT, _road),
        (Material.BUILDING, _facade),
        (Material.VEHICLE, _car),
        (Material.FOLIAGE, _leaves),
        (Material.GRASS, _soil),
        (Material.SIDEWALK, _soil),
    ):
        chosen = np.flatnonzero(material == kind)
        if len(chosen):
            colour[:, chosen] = paint(triangles, surface, hit[chosen], xyz[:, chosen], colour[:, chosen[0]])
    return np.asarray(colour)


def _road(triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32, base: Float32) -> Float32:
    bare = base[:, None] * surface.asphalt_at(xyz[0], xyz[1])
    colour, amount = surface.paint_at(xyz[0], xyz[1])
    painted = np.flatnonzero(colour)
    below = bare[:, painted]
    bare[:, painted] = below + amount[painted] * (np.take(_PAINT.T, colour[painted], axis=1) - below)
    return np.asarray(bare)


def _facade(triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32, base: Float32) -> Float32:
    """A wall in its building's colour with rows of windows whose size differs from house to house."""
    tone = triangles.tones[hit]
    normal_x, normal_y, normal_z = (np.take(triangles.normals[:, k], hit) for k in range(3))
    along = xyz[1] * normal_x - xyz[0] * normal_y
    z = xyz[2]
    colour = _pick(_FACADES, tone) * (0.8 + 0.35 * surface.grain.at(along, z))
    column, row = along / (2.2 + 1.6 * _fraction(tone * 57.0)), z / 3.1
    across, up = _fraction(column), _fraction(row)
    width = 0.25 + 0.3 * _fraction(tone * 23.0)
    inside = np.flatnonzero((np.abs(across - 0.5) < width / 2) & (up > 0.3) & (up < 0.8) & (np.abs(normal_z) < 0.3))
    shade = _fraction(np.floor(column[inside]) * 0.37 + np.floor(row[inside]) * 0.61)
    colour[:, inside] = _WINDOW[:, None] * (0.6 + 2.4 * shade * shade * shade)
    return np.asarray(colour)


def _car(triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32, base: Float32) -> Float32:
    return _pick(_CARS, triangles.tones[hit])


def _leaves(triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32, base: Float32) -> Float32:
    noise = surface.wear_coarse.at(xyz[0] + 0.7 * xyz[2], xyz[1] + 0.9 * xyz[2])
    return np.asarray(_pick(_LEAVES, triangles.tones[hit]) * (0.35 + 1.2 * noise))


def _soil(triangles: Triangles, surface: RoadSurface, hit: NDArray[np.int32], xyz: Float32, base: Float32) -> Float32:
    noise = 0.6 + 0.5 * surface.grain.at(xyz[0], xyz[1]) + 0.3 * surface.stain.at(xyz[0], xyz[1])
    return np.asarray(base[:, None] * noise)


def _fraction(values: Float32) -> Float32:
    return np.asarray(values - np.floor(values))


def _pick(palette: Float32, tone: Float32) -> Float32:
    """(3, N) one of the palette's colours a tone."""
    return np.take(palette.T, np.minimum((tone * len(palette)).astype(np.int32), len(palette) - 1), axis=1)
