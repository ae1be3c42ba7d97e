"""The pyramid of web maps: spherical Mercator on the unit square, x from west to east, y from north to south.

Used for publishing only; the map itself stays in its projected CRS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LARGEST_LATITUDE_DEG = 85.051128779806
EQUATOR_M = 40_075_016.685578488


def to_unit_square(lon_lat_deg: Float) -> Float:
    """(N, >=2) degrees to (N, 2); latitudes beyond 85.05 degrees are drawn at the edge."""
    latitude = np.radians(np.clip(lon_lat_deg[:, 1], -LARGEST_LATITUDE_DEG, LARGEST_LATITUDE_DEG))
    x = lon_lat_deg[:, 0] / 360.0 + 0.5
    return np.column_stack([x, 0.5 - np.arcsinh(np.tan(latitude)) / (2.0 * np.pi)])


def from_unit_square(xy: Float) -> Float:
    """(N, 2) to (N, 2) longitude, latitude in degrees."""
    latitude = np.degrees(np.arctan(np.sinh((0.5 - xy[:, 1]) * 2.0 * np.pi)))
    return np.column_stack([(xy[:, 0] - 0.5) * 360.0, latitude])


def metres_a_tile(zoom: int, latitude_deg: float) -> float:
    """Length on the ground of a tile's edge."""
    return float(EQUATOR_M * np.cos(np.radians(latitude_deg)) / 2**zoom)
