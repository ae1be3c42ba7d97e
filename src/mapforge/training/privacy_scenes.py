"""Pictures to train and test the privacy detector on: drawn people and cars in drawn streets, through bad cameras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapforge.models.privacy_detector import CLASSES
from mapforge.training.privacy_cars import car, number_plate
from mapforge.training.privacy_faces import person
from mapforge.training.sign_backgrounds import random_background
from mapforge.training.sign_camera import through_a_camera
from mapforge.training.sign_plates import random_decoy, random_plate
from mapforge.training.sign_scenes import dimmed, paste
from mapforge.training.sign_weather import occlude

FACE, PLATE = CLASSES.index("face"), CLASSES.index("number_plate")
HEAD_MIN_PX, HEAD_MAX_PX = 7.0, 70.0
CAR_MIN_PX, CAR_MAX_PX = 32.0, 300.0
VISIBLE_MIN = 0.5

Float = NDArray[np.float64]
Turn = Callable[[Float], Float]


@dataclass(frozen=True, eq=False)
class PrivacyScene:
    """One labelled picture.

    image: (H, W, 3) uint8 RGB. boxes_px: (N, 4) float32 x0, y0, x1, y1. labels: (N,) int64, index into CLASSES.
    """

    image: NDArray[np.uint8]
    boxes_px: NDArray[np.float32]
    labels: NDArray[np.int64]

    def mirrored(self) -> PrivacyScene:
        """Left and right exchanged."""
        boxes = self.boxes_px.copy()
        boxes[:, [0, 2]] = self.image.shape[1] - self.boxes_px[:, [2, 0]]
        return PrivacyScene(np.ascontiguousarray(self.image[:, ::-1]), boxes, self.labels)


def render_privacy_scene(seed: int, index: int, size_px: int) -> PrivacyScene:
    """Picture number `index` of the endless set `seed`: the same two numbers give the same picture."""
    rng = np.random.default_rng([seed, index, 17])
    image = random_background(rng, size_px, cars=False)
    image = dimmed(image, rng) if rng.random() < 0.2 else image
    taken: list[Float] = []
    boxes: list[Float] = []
    labels: list[int] = []
    counts = [int(rng.integers(0, most)) for most in (3, 4, 4)]
    for kind in rng.permutation(np.repeat(np.arange(3), counts)):
        place = (_put_sign, _put_car, _put_person)[int(kind)]
        for box, label in place(image, rng, taken):
            clipped = np.clip(box, 0, size_px)
            if np.prod(clipped[2:] - clipped[:2]) >= VISIBLE_MIN * np.prod(box[2:] - box[:2]):
                boxes.append(clipped)
                labels.append(label)
                if rng.random() < 0.06:
                    occlude(image, rng, box)
    picture = through_a_camera(image, rng)
    return PrivacyScene(picture, np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(labels, dtype=np.int64))


def _put_person(image: Image.Image, rng: np.random.Generator, taken: list[Float]) -> list[tuple[Float, int]]:
    head_px = _between(rng, HEAD_MIN_PX, HEAD_MAX_PX)
    shows_face = rng.random() < 0.85
    figure, face = person(rng, head_px, shows_face)
    corner = _free_corner(image, rng, figure, taken)
    if corner is None:
        return []
    image.paste(_dulled(figure, rng), corner, figure)
    return [(face + (*corner, *corner), FACE)] if shows_face else []


def _put_car(image: Image.Image, rng: np.random.Generator, taken: list[Float]) -> list[tuple[Float, int]]:
    width_px = min(_between(rng, CAR_MIN_PX, CAR_MAX_PX), 1.6 * image.width)
    drawn, plate = car(rng, width_px, rng.random() < 0.92)
    figure, turn = _turned(drawn, rng)
    corner = _free_corner(image, rng, figure, taken)
    if corner is None:
        return []
    image.paste(_dulled(figure, rng), corner, figure)
    if plate is None:
        return []
    seen = turn(plate) + corner
    box = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
    return [(box, PLATE)] if box[2] - box[0] >= 6.0 else []


def _put_sign(image: Image.Image, rng: np.random.Generator, taken: list[Float]) -> list[tuple[Float, int]]:
    """Traffic signs carry letters too and must be left alone; a plate may also lie about without a car."""
    loose = rng.random() < 0.15
    rgba = number_plate(rng) if loose else (random_plate(rng) if rng.random() < 0.7 else random_decoy(rng)).rgba
    wide = _between(rng, 10.0, 90.0)
    half = np.array([wide, wide * rgba.shape[0] / rgba.shape[1]]) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + rng.normal(0, 0.06, (4, 2)) * half
    placed = corners + rng.uniform(0.05, 0.95, 2) * image.width
    box = np.concatenate([placed.min(axis=0), placed.max(axis=0)])
    if any(_overlap(box, other) for other in taken):
        return []
    taken.append(box)
    small = Image.fromarray(rgba).resize((max(4, round(wide * 2)), max(4, round(half[1] * 4))), Image.Resampling.BOX)
    paste(image, np.asarray(small), placed, False)
    return [(box, PLATE)] if loose else []


def _turned(figure: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Turn]:
    """A car seen from aside: squashed and sheared; and what becomes of points of it."""
    squash, lean = float(np.clip(1.0 - abs(rng.normal(0, 0.2)), 0.45, 1.0)), float(rng.normal(0, 0.1))
    columns = max(8, round(figure.width * squash))
    rise = lean * columns
    rows = round(figure.height + abs(rise))
    below = -min(rise, 0.0)
    sheared = figure.resize((columns, figure.height), Image.Resampling.BOX).transform(
        (columns, rows), Image.Transform.AFFINE, (1, 0, 0, -lean, 1, -below), Image.Resampling.BILINEAR
    )

    def turn(points: Float) -> Float:
        x = points[:, 0] * columns / figure.width
        return np.stack([x, points[:, 1] + lean * x + below], axis=1)

    return sheared, turn


def _free_corner(
    image: Image.Image, rng: np.random.Generator, figure: Image.Image, taken: list[Float]
) -> tuple[int, int] | None:
    """Where the figure's upper left goes, none when there was no room in a few tries."""
    size = np.array([figure.width, figure.height])
    low, high = -np.array([0.35, 0.25]) * size, image.width - np.array([0.65, 0.5]) * size
    for _ in range(6):
        x, y = low + rng.random(2) * (high - low)
        box = np.array([x, y, x + figure.width, y + figure.height])
        if not any(_overlap(box, other) for other in taken):
            taken.append(box)
            return round(x), round(y)
    return None


def _dulled(figure: Image.Image, rng: np.random.Generator) -> Image.Image:
    """In the light of the place: shade, dusk or glass before it."""
    pixels = np.asarray(figure).astype(np.float32)
    gain = np.exp(rng.normal(-0.1, 0.3))
    pixels[..., :3] = np.clip(pixels[..., :3] * gain, 0, 255)
    if rng.random() < 0.15:
        veil = rng.uniform(0.1, 0.4)
        pixels[..., :3] = pixels[..., :3] * (1 - veil) + veil * rng.uniform(60, 220)
    return Image.fromarray(pixels.astype(np.uint8))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(low * (high / low) ** rng.random())


def _overlap(a: Float, b: Float) -> bool:
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])
