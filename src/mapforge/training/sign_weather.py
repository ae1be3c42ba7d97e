"""What years, dirt, light and branches do to plates before a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mapforge.training.sign_backgrounds import smooth_noise

Float = NDArray[np.float64]
_LAMP_MIN = 200
"""A channel of a light above this belongs to a lit lamp, which keeps its own brightness."""


@dataclass(frozen=True)
class PlateLight:
    """How plates of one picture are lit.

    gain: of their colours. veil: 0..255 of light scattered over them, which a low sun behind them brings.
    """

    gain: float
    veil: float


def plate_light(rng: np.random.Generator, dark: bool) -> PlateLight:
    """Mostly lit from before; else from behind, unless it is night, when headlights are thrown back."""
    if not dark and rng.random() < 0.25:
        return PlateLight(float(rng.uniform(0.12, 0.5)), float(rng.uniform(0, 90)))
    return PlateLight(float(rng.uniform(0.45, 1.15)), float(rng.uniform(0, 25)))


def weathered(
    rgba: NDArray[np.uint8], rng: np.random.Generator, light: PlateLight, is_light: bool
) -> NDArray[np.uint8]:
    """Faded, dirty, shaded or glaring; a lit lamp keeps its own brightness."""
    picture = rgba.astype(np.float32)
    rgb: NDArray[np.floating] = picture[..., :3]
    if not is_light:
        grey = (rgb[..., :1] + rgb[..., 1:2] + rgb[..., 2:]) / 3
        rgb = grey + (rgb - grey) * rng.uniform(0.25, 1.15)
        rgb = (rgb * light.gain + light.veil) * rng.uniform(0.8, 1.1)
    else:
        lamp = rgb.max(axis=-1, keepdims=True) > _LAMP_MIN
        unlit = rgb * min(1.0, light.gain * rng.uniform(0.9, 1.5)) + light.veil * rng.uniform(0.3, 1.0)
        rgb = np.where(lamp, rgb * rng.uniform(0.8, 1.2), unlit)
    side = max(rgba.shape[:2])
    if rng.random() < 0.35:
        dirt = np.clip(smooth_noise(rng, side, int(rng.integers(3, 20))) - rng.uniform(0.3, 1.5), 0, 0.8)
        dirt = dirt[: rgba.shape[0], : rgba.shape[1], None]
        rgb = rgb * (1 - dirt) + dirt * rng.uniform(20, 170)
    if rng.random() < 0.25:
        ramp = np.linspace(rng.uniform(0.5, 1.0), rng.uniform(0.7, 1.3), rgba.shape[1], dtype=np.float32)
        rgb = rgb * ramp[None, :, None]
    return np.dstack([np.clip(rgb, 0, 255), picture[..., 3]]).astype(np.uint8)


def occlude(image: Image.Image, rng: np.random.Generator, box: Float) -> None:
    """Branches, leaves, a post or a body hide a part of what is there."""
    draw = ImageDraw.Draw(image)
    w, h = box[2:] - box[:2]
    r, g, b = rng.uniform(20, 120, 3).astype(int).tolist()
    kind = int(rng.integers(4))
    if kind == 0:
        for _ in range(int(rng.integers(2, 7))):
            x0, x1 = box[0] + rng.uniform(-0.3, 1.3, 2) * w
            y0, y1 = box[1] + rng.uniform(-0.3, 1.3, 2) * h
            draw.line([x0, y0, x1, y1], fill=(r, g, b), width=max(1, int(0.04 * w)))
    elif kind == 1:
        corner = box[:2] + rng.integers(0, 2, 2) * (w, h)
        for x, y in corner + rng.normal(0, 0.22, (int(rng.integers(8, 30)), 2)) * (w, h):
            leaf = rng.normal(0, 0.08, (3, 2)) * max(w, h) + (x, y)
            draw.polygon([(float(u), float(v)) for u, v in leaf], fill=(r // 2, g, b // 2))
    elif kind == 2:
        x = box[0] + rng.uniform(0.0, 1.0) * w
        draw.line([x, box[1] - h, x, box[3] + 3 * h], fill=(r, g, b), width=max(1, int(rng.uniform(0.06, 0.22) * w)))
    else:
        share = rng.uniform(0.15, 0.4)
        low = (box[0] - 2, box[1] - 2, box[0] + share * w, box[3] + 2)
        high = (box[2] - share * w, box[1] - 2, box[2] + 2, box[3] + 2)
        under = (box[0] - 2, box[3] - share * h, box[2] + 2, box[3] + 2)
        draw.rectangle((low, high, under)[int(rng.integers(3))], fill=(r, g, b))
