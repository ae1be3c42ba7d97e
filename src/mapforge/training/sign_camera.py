"""What a camera adds to a drawn street: blur, exposure, glare, haze, rain, noise, JPEG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter


def through_a_camera(image: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur, exposure, colour cast, glare, haze, rain, noise and JPEG."""
    if rng.random() < 0.35:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.3)))
    if rng.random() < 0.15:
        _rain(image, rng)
    rgb = np.asarray(image, dtype=np.float32) / 255.0
    if rng.random() < 0.12:
        rgb = _motion(rgb, rng)
    if rng.random() < 0.15:
        rgb = _glare(rgb, rng)
    if rng.random() < 0.2:
        haze = rng.uniform(0.05, 0.45)
        rgb = rgb * (1 - haze) + haze * rng.uniform(0.5, 0.95)
    rgb *= (np.exp(rng.normal(0, 0.18)) * np.exp(rng.normal(0, 0.05, 3))).astype(np.float32)
    if rng.random() < 0.6:
        rgb += np.float32(rng.uniform(0.0, 0.04)) * rng.standard_normal(rgb.shape[:2], dtype=np.float32)[..., None]
        grain = rng.standard_normal((rgb.shape[0] // 2, rgb.shape[1] // 2, 3), dtype=np.float32)
        rgb += np.float32(rng.uniform(0.0, 0.02)) * grain.repeat(2, axis=0).repeat(2, axis=1)
    curve = (255.0 * np.linspace(0.0, 1.0, 256) ** np.exp(rng.normal(0, 0.2))).astype(np.uint8)
    picture = curve[np.clip(rgb * 255.0, 0, 255).astype(np.uint8)]
    return _jpeg(picture, int(rng.integers(45, 95))) if rng.random() < 0.8 else picture


def _rain(image: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    slant, tone = rng.normal(0, 4), int(rng.uniform(140, 220))
    for x, y, length in zip(*rng.uniform(0, image.width, (2, 60)), rng.uniform(4, 20, 60)):
        draw.line([x, y, x + slant, y + length], fill=(tone, tone, tone), width=1)


def _motion(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    steps = int(rng.integers(2, 6))
    axis = int(rng.random() < 0.3)
    return np.asarray(np.mean([np.roll(rgb, k, axis=1 - axis) for k in range(steps)], axis=0), dtype=np.float32)


def _glare(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    size = rgb.shape[0]
    x, y = rng.uniform(-0.2, 1.2, 2) * size
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    distance = np.hypot(columns - np.float32(x), rows - np.float32(y)) / np.float32(rng.uniform(0.1, 0.6) * size)
    return np.asarray(rgb + np.float32(rng.uniform(0.2, 0.9)) * np.exp(-distance)[..., None], dtype=np.float32)


def _jpeg(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))
