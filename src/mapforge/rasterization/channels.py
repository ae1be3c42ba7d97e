"""From sums to the channels of a raster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.grid import BevGrid
from mapforge.rasterization.accumulate import HEIGHT_STEPS, REFLECTIVITY_STEPS
from mapforge.rasterization.open_tiles import TileSums

UINT16_MAX = 65535
UINT8_MAX = 255


def channels_of(sums: TileSums, ground_z_m: NDArray[np.float32], grid: BevGrid) -> dict[str, NDArray]:
    """LIDAR_CHANNELS, and CAMERA_CHANNELS where there was a camera, as (rows, columns) arrays."""
    s = sums.arrays()
    hits = s["hits"].astype(np.float64)
    hit = s["hits"] > 0
    intensity_mean, intensity_std = _moments(
        s["reflectivity_sum"], s["reflectivity_square_sum"], hits, REFLECTIVITY_STEPS
    )
    height_mean, height_std = _moments(s["height_sum"], s["height_square_sum"], hits, HEIGHT_STEPS)
    flat = {
        "surface_hits": np.minimum(s["hits"], UINT16_MAX).astype(np.uint16),
        "sweeps": np.minimum(s["sweeps"], UINT16_MAX).astype(np.uint16),
        "intensity_mean": intensity_mean,
        "intensity_max": np.where(hit, s["reflectivity_max"], 0.0).astype(np.float16),
        "intensity_std": intensity_std,
        "height_mean_m": height_mean,
        "height_min_m": np.where(hit, s["height_min"], 0.0).astype(np.float16),
        "height_max_m": np.where(hit, s["height_max"], 0.0).astype(np.float16),
        "height_std_m": height_std,
        "obstacle_ratio": (s["obstacle_sweeps"] / np.maximum(s["sweeps"], 1)).astype(np.float16),
    }
    if len(s["colour_hits"]):
        seen = np.maximum(s["colour_hits"], 1)
        colours = ((s["colour_sum"] + seen // 2) // seen).astype(np.uint8)
        flat.update(zip(("red", "green", "blue"), colours))
        flat["camera_hits"] = np.minimum(s["colour_hits"], UINT8_MAX).astype(np.uint8)
    return {**{name: values.reshape(grid.shape) for name, values in flat.items()}, "ground_z_m": ground_z_m}


def _moments(
    total: NDArray, square: NDArray, hits: NDArray[np.float64], steps: int
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Mean and standard deviation of sums, `steps` to a unit where they are int64; 0 where there were no hits."""
    scale = 1.0 / (np.maximum(hits, 1.0) * (steps if total.dtype == np.int64 else 1))
    mean = total * scale
    spread = np.sqrt(np.maximum(square * scale - mean * mean, 0.0))
    return mean.astype(np.float16), spread.astype(np.float16)
