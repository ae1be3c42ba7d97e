"""Dirt and drops on a lens: what lies behind is dimmed and blurred."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from mapforge.simulation.rig import Pinhole

Float32 = NDArray[np.float32]

SPECK_SHARE = (0.008, 0.05)
"""Radius of a speck over the width of the picture."""
OPACITY = (0.35, 0.95)
BLUR_SHARE = 0.03
GREY = 0.7
"""Brightness of a speck over what lies behind it, blurred."""
SHRINK = 8
MANY = 400


def smudges(pinhole: Pinhole, share: float, rng: np.random.Generator) -> Float32:
    """(H, W) 0 clear .. 1 covered: soft specks until about `share` of the picture lies behind them."""
    height, width = pinhole.height_px // SHRINK + 1, pinhole.width_px // SHRINK + 1
    v, u = np.indices((height, width))
    cover = np.zeros((height, width))
    for _ in range(MANY):
        if (cover > 0.2).mean() >= share:
            break
        radius = width * rng.uniform(*SPECK_SHARE) * np.array([1.0, rng.uniform(0.6, 1.6)])
        place = rng.uniform(0, [width, height])
        reach = np.hypot((u - place[0]) / radius[0], (v - place[1]) / radius[1])
        cover = np.maximum(cover, rng.uniform(*OPACITY) * np.clip(1.5 * (1.0 - reach**3), 0.0, 1.0))
    soft = gaussian_filter(cover, 0.7)
    full = zoom(soft, SHRINK, order=1)[: pinhole.height_px, : pinhole.width_px]
    return np.asarray(full, dtype=np.float32)


def blur_behind(picture: Float32, dirt: Float32) -> None:
    """Lays the dirt (H, W) over a picture (3, H, W), which is changed in place."""
    sigma = BLUR_SHARE * picture.shape[2] / SHRINK
    for plane in picture:
        small = gaussian_filter(plane[::SHRINK, ::SHRINK], sigma)
        behind = zoom(small, SHRINK, order=1)[: plane.shape[0], : plane.shape[1]]
        plane += dirt * (np.float32(GREY) * behind - plane)
