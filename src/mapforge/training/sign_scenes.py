"""Pictures to train and test the sign detector on: plates put up in drawn streets, seen through bad cameras."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mapforge.models.sign_detector import CLASSES, TRAFFIC_LIGHT
from mapforge.training.sign_backgrounds import random_background
from mapforge.training.sign_camera import through_a_camera
from mapforge.training.sign_plates import Plate, random_decoy, random_plate
from mapforge.training.sign_weather import PlateLight, occlude, plate_light, weathered

SIZE_MIN_PX, SIZE_MAX_PX = 6.5, 220.0
_SMALLNESS = 1.5
"""Above 1, small sizes come more often than evenly on a logarithmic scale: most signs in a frame are far away."""
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
    dark = rng.random() < 0.2
    image = random_background(rng, size_px)
    image = dimmed(image, rng) if dark else image
    boxes: list[Float] = []
    labels: list[int] = []
    taken: list[Float] = []
    light = plate_light(rng, dark)
    aliased = rng.random() < 0.12
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
    tint = np.array([1.0, 1.0, rng.uniform(1.0, 1.4)]) * rng.uniform(0.1, 0.6)
    return Image.fromarray(np.clip(np.asarray(image) * tint, 0, 255).astype(np.uint8))


def _put_up(
    image: Image.Image, plate: Plate, rng: np.random.Generator, taken: list[Float], light: PlateLight, aliased: bool
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
    paste(image, weathered(rgba, rng, light, plate.label == _LIGHT), placed, aliased)
    if rng.random() < 0.2:
        occlude(image, rng, box)
    return clipped


def _seen_from_an_angle(plate: Plate, rng: np.random.Generator) -> Float:
    """(4, 2) pixel corners (top left, clockwise) round the origin: yawed, pitched, rolled, in perspective."""
    rows, columns = plate.rgba.shape[:2]
    edge = SIZE_MIN_PX * (SIZE_MAX_PX / SIZE_MIN_PX) ** (rng.random() ** _SMALLNESS)
    half = np.array([columns, rows]) / max(rows, columns) / 2
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * (*half, 0.0)
    yaw, pitch, roll = np.clip(rng.normal(0, (0.55, 0.06, 0.05)), -1.3, 1.3)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    xyz = corners @ (spin @ tilt @ turn).T
    distance = rng.uniform(4, 40)
    return np.asarray(edge * xyz[:, :2] * (distance / (distance + xyz[:, 2:])))


def _place(rng: np.random.Generator, size: int, taken: list[Float]) -> Float:
    """Anywhere, or below or beside what is already up, as signs share poles and lights hang in pairs."""
    chance = rng.random()
    if taken and chance < 0.15:
        beside = taken[-1]
        reach = rng.uniform(0.95, 1.25) * (beside[2] - beside[0])
        middle = (beside[:2] + beside[2:]) / 2
        return np.asarray(middle + (rng.choice([-1.0, 1.0]) * reach, rng.normal(0, 0.05) * reach))
    if taken and chance < 0.45:
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
