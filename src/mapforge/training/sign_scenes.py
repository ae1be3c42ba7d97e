"""Pictures to train and test the sign detector on: plates put up in drawn streets, seen through bad cameras."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mapforge.models.sign_detector import CLASSES, TRAFFIC_LIGHT
from mapforge.training.sign_backgrounds import random_background, smooth_noise
from mapforge.training.sign_plates import Plate, random_decoy, random_plate

SIZE_MIN_PX, SIZE_MAX_PX = 8.0, 170.0
_VISIBLE_MIN = 0.6
_OVERSAMPLING = 2
_CROWD = 14
_LIGHT = CLASSES.index(TRAFFIC_LIGHT)

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SignScene:
    """One labelled picture.

    image: (H, W, 3) uint8 RGB. boxes_px: (N, 4) float32 x0, y0, x1, y1. labels: (N,) int64, index into CLASSES.
    decoys_px: (M, 4) boxes of what looks like a sign and is none.
    """

    image: NDArray[np.uint8]
    boxes_px: NDArray[np.float32]
    labels: NDArray[np.int64]
    decoys_px: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), dtype=np.float32))


def render_scene(seed: int, index: int, size_px: int = 256, crowded: bool = False) -> SignScene:
    """Picture number `index` of the endless set `seed`: the same two numbers give the same picture.

    crowded: with as many plates as find room, to learn reading from; otherwise few, as streets have them.
    """
    rng = np.random.default_rng([seed, index])
    image = dimmed(random_background(rng, size_px), rng)
    boxes: list[Float] = []
    labels: list[int] = []
    taken: list[Float] = []
    light = rng.uniform(0.45, 1.15)
    aliased = rng.random() < 0.25
    for _ in range(int(rng.integers(0, 4))):
        _put_up(image, random_decoy(rng), rng, taken, light, aliased)
    decoys = [np.clip(box, 0, size_px) for box in taken]
    few = int(rng.choice([0, 1, 2, 3, 4, 6], p=[0.06, 0.3, 0.28, 0.2, 0.1, 0.06]))
    for _ in range(_CROWD if crowded else few):
        plate = random_plate(rng)
        box = _put_up(image, plate, rng, taken, light, aliased)
        if box is not None:
            boxes.append(box)
            labels.append(plate.label)
    picture = through_a_camera(image, rng)
    return SignScene(
        picture,
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(labels, dtype=np.int64),
        np.array(decoys, dtype=np.float32).reshape(-1, 4),
    )


def dimmed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Night and dusk: everything but the plates, which throw the headlights back."""
    if rng.random() > 0.2:
        return image
    tint = np.array([1.0, 1.0, rng.uniform(1.0, 1.4)]) * rng.uniform(0.1, 0.6)
    return Image.fromarray(np.clip(np.asarray(image) * tint, 0, 255).astype(np.uint8))


def _put_up(
    image: Image.Image, plate: Plate, rng: np.random.Generator, taken: list[Float], light: float, aliased: bool
) -> Float | None:
    """Draws a plate on its pole where there is room; its visible box, None when there was none."""
    quad = _seen_from_an_angle(plate, rng)
    for _ in range(8):
        placed = quad + _place(rng, image.width, taken)
        box = np.concatenate([placed.min(axis=0), placed.max(axis=0)])
        clipped = np.clip(box, 0, image.width)
        area, full = np.prod(clipped[2:] - clipped[:2]), np.prod(box[2:] - box[:2])
        if area >= _VISIBLE_MIN * full and not any(_overlap(box, other) for other in taken):
            break
    else:
        return None
    taken.append(box)
    _draw_pole(image, rng, box)
    rgba = plate.rgba if aliased else _shrunk(plate.rgba, placed)
    paste(image, _weathered(rgba, rng, light, plate.label == _LIGHT), placed, aliased)
    if rng.random() < 0.12:
        occlude(image, rng, box)
    return clipped


def _seen_from_an_angle(plate: Plate, rng: np.random.Generator) -> Float:
    """(4, 2) pixel corners (top left, clockwise) round the origin: yawed, pitched, rolled, in perspective."""
    rows, columns = plate.rgba.shape[:2]
    edge = SIZE_MIN_PX * (SIZE_MAX_PX / SIZE_MIN_PX) ** (rng.random() ** 1.25)
    half = np.array([columns, rows]) / max(rows, columns) / 2
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * (*half, 0.0)
    yaw, pitch, roll = np.clip(rng.normal(0, (0.45, 0.06, 0.05)), -1.1, 1.1)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    xyz = corners @ (spin @ tilt @ turn).T
    distance = rng.uniform(4, 40)
    return np.asarray(edge * xyz[:, :2] * (distance / (distance + xyz[:, 2:])))


def _place(rng: np.random.Generator, size: int, taken: list[Float]) -> Float:
    """Anywhere, or below what is already up, as signs share poles."""
    if taken and rng.random() < 0.35:
        above = taken[-1]
        return np.array([(above[0] + above[2]) / 2, above[3] + rng.uniform(0.52, 0.7) * (above[3] - above[1])])
    return rng.uniform(0.02, 0.98, 2) * size


def _overlap(a: Float, b: Float) -> bool:
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])


def _draw_pole(image: Image.Image, rng: np.random.Generator, box: Float) -> None:
    kind, tone = rng.random(), int(rng.uniform(30, 190))
    x, y, width = (
        (box[0] + box[2]) / 2,
        (box[1] + box[3]) / 2,
        max(1, round((box[2] - box[0]) * rng.uniform(0.05, 0.25))),
    )
    end = (x, y + rng.uniform(1, 8) * (box[3] - box[1]))
    if kind < 0.15:
        end = (x + rng.choice([-1, 1]) * image.width, y)
    elif kind < 0.3:
        end = (x, y - image.height)
    if kind < 0.9:
        ImageDraw.Draw(image).line([(x, y), end], fill=(tone, tone, tone), width=width)


def _weathered(rgba: NDArray[np.uint8], rng: np.random.Generator, light: float, is_light: bool) -> NDArray[np.uint8]:
    """Faded, dirty, shaded or glaring; a lamp keeps its own brightness."""
    picture = rgba.astype(np.float32)
    rgb: NDArray[np.floating] = picture[..., :3]
    if not is_light:
        grey = (rgb[..., :1] + rgb[..., 1:2] + rgb[..., 2:]) / 3
        rgb = grey + (rgb - grey) * rng.uniform(0.45, 1.15)
        rgb = (rgb * light + rng.uniform(0, 25)) * rng.uniform(0.8, 1.1)
    else:
        rgb = rgb * rng.uniform(0.8, 1.2) + rng.uniform(0, 30)
    side = max(rgba.shape[:2])
    if rng.random() < 0.35:
        dirt = np.clip(smooth_noise(rng, side, int(rng.integers(3, 20))) - rng.uniform(0.3, 1.5), 0, 0.8)
        dirt = dirt[: rgba.shape[0], : rgba.shape[1], None]
        rgb = rgb * (1 - dirt) + dirt * rng.uniform(20, 170)
    if rng.random() < 0.25:
        ramp = np.linspace(rng.uniform(0.5, 1.0), rng.uniform(0.7, 1.3), rgba.shape[1], dtype=np.float32)
        rgb = rgb * ramp[None, :, None]
    return np.dstack([np.clip(rgb, 0, 255), picture[..., 3]]).astype(np.uint8)


def _shrunk(rgba: NDArray[np.uint8], quad: Float) -> NDArray[np.uint8]:
    """The plate at the resolution it will be drawn with, so that nothing finer than a sample is left."""
    edges = _OVERSAMPLING * np.linalg.norm([quad[1] - quad[0], quad[3] - quad[0]], axis=1)
    columns, rows = (min(max(4, int(edge)), limit) for edge, limit in zip(edges, rgba.shape[1::-1]))
    return np.asarray(Image.fromarray(rgba).resize((columns, rows), Image.Resampling.BOX))


def paste(image: Image.Image, rgba: NDArray[np.uint8], quad: Float, aliased: bool) -> None:
    """Draws a plate into the quadrilateral; aliased: one sample a pixel, as ray casting sees it."""
    origin = np.floor(quad.min(axis=0)).astype(int) - 1
    extent = np.ceil(quad.max(axis=0)).astype(int) + 1 - origin
    factor = 1 if aliased else _OVERSAMPLING
    face = Image.fromarray(rgba)
    corners = np.array([[0, 0], [face.width, 0], [face.width, face.height], [0, face.height]], dtype=np.float64)
    mapping = homography((quad - origin) * factor, corners)
    sampling = Image.Resampling.NEAREST if aliased else Image.Resampling.BILINEAR
    size = (int(extent[0]) * factor, int(extent[1]) * factor)
    patch = face.transform(size, Image.Transform.PERSPECTIVE, mapping.tolist(), sampling)
    patch = patch if factor == 1 else patch.reduce(factor)
    image.paste(patch, (int(origin[0]), int(origin[1])), patch.getchannel("A"))


def homography(source: Float, target: Float) -> Float:
    """(8,) coefficients that take 4 source points to 4 target points (Pillow's order)."""
    (x, y), (u, v) = source.T, target.T
    one, zero = np.ones(4), np.zeros(4)
    upper = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1)
    lower = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1)
    return np.asarray(np.linalg.solve(np.concatenate([upper, lower]), np.concatenate([u, v])))


def occlude(image: Image.Image, rng: np.random.Generator, box: Float) -> None:
    """A branch, a post or a body hides a part of what is there."""
    draw = ImageDraw.Draw(image)
    w, h = box[2] - box[0], box[3] - box[1]
    tone = tuple(int(v) for v in rng.uniform(20, 120, 3))
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(2, 7))):
            x0, x1 = box[0] + rng.uniform(-0.3, 1.3, 2) * w
            y0, y1 = box[1] + rng.uniform(-0.3, 1.3, 2) * h
            draw.line([x0, y0, x1, y1], fill=tone, width=max(1, int(0.04 * w)))
        return
    share = rng.uniform(0.15, 0.4)
    side = int(rng.integers(3))
    low = (box[0] - 2, box[1] - 2, box[0] + share * w, box[3] + 2)
    high = (box[2] - share * w, box[1] - 2, box[2] + 2, box[3] + 2)
    under = (box[0] - 2, box[3] - share * h, box[2] + 2, box[3] + 2)
    draw.rectangle((low, high, under)[side], fill=tone)


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
