"""The lie of the land: gentle hills, and the crown of the road on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from mapforge.geometry.grid import BevGrid
from mapforge.simulation.world import Heightfield

Float = NDArray[np.float64]

GROUND_STEP_M = 0.5
MAX_SLOPE = 0.05
CROWN_SLOPE = 0.02
CROWN_REACH_M = 3.5


@dataclass(frozen=True, eq=False)
class Hills:
    """A sum of waves. waves: (K, 2) radians a metre; amplitude_m, phase_rad: (K,)."""

    base_m: float
    waves: Float
    amplitude_m: Float
    phase_rad: Float

    def __call__(self, xy_map: Float) -> Float:
        """(N,) height at (N, 2)."""
        angles = np.asarray(xy_map)[:, :2] @ self.waves.T + self.phase_rad
        return self.base_m + np.cos(angles) @ self.amplitude_m


def draw_hills(rng: np.random.Generator, relief_m: float, base_m: float) -> Hills:
    """Hills of about `relief_m` from valley to top, nowhere steeper than 5 % a wave."""
    length = rng.uniform(110.0, 420.0, 5)
    direction = rng.uniform(0, 2 * np.pi, 5)
    waves = (2 * np.pi / length)[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1)
    amplitude = rng.dirichlet(np.ones(5) * 3) * relief_m / 2
    amplitude = np.minimum(amplitude, MAX_SLOPE / 2 * length / (2 * np.pi))
    return Hills(base_m, waves, amplitude, rng.uniform(0, 2 * np.pi, 5))


def build_ground(
    asphalt: shapely.Geometry,
    terrain: Callable[[Float], Float],
    bounds_m: tuple[float, float, float, float],
    crown_slope: float = CROWN_SLOPE,
) -> Heightfield:
    """The terrain on a grid, with asphalt rising from its edges towards its middle."""
    xmin, ymin, xmax, ymax = bounds_m
    step = GROUND_STEP_M
    x0, y0 = np.floor(xmin), np.floor(ymin)
    grid = BevGrid(float(x0), float(y0), step, int(np.ceil((ymax - y0) / step)), int(np.ceil((xmax - x0) / step)))
    rows, columns = np.indices(grid.shape)
    xy = grid.centres_of(rows.ravel(), columns.ravel())
    shapely.prepare(asphalt)
    inside = shapely.contains_xy(asphalt, xy[:, 0], xy[:, 1]).reshape(grid.shape)
    from_edge = distance_transform_edt(inside) * step
    crown = gaussian_filter(crown_slope * np.minimum(from_edge, CROWN_REACH_M), sigma=1.2 / step)
    z = terrain(xy).reshape(grid.shape) + crown
    return Heightfield(grid, z.astype(np.float32))
