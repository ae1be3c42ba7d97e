"""Crops of simulated camera frames with the boxes of the signs in them: what the simulator's cameras really give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapforge.errors import MissingInputError
from mapforge.training.sign_camera import through_a_camera
from mapforge.training.sign_scenes import SignScene, dimmed

INDEX = "frames.json"
_KEPT_SHARE = 0.5


def listed(folder: Path) -> list[dict[str, Any]]:
    """The frames of a folder: {image, boxes_px, labels, ranges_m, rows_px} each. Raises MissingInputError."""
    index = folder / INDEX
    if not index.exists():
        raise MissingInputError(f"{index} is missing: make it with `sign_truth.write_frames`")
    return list(json.loads(index.read_text(encoding="utf-8")))


def looked_at(folder: Path, frame: dict[str, Any]) -> tuple[SignScene, NDArray[np.float64]]:
    """What a detector gets of a frame, the road near the car cut off, and (N,) ranges of its signs, NaN if unknown."""
    with Image.open(folder / frame["image"]) as opened:
        picture = np.asarray(opened.convert("RGB"))[: frame.get("rows_px")]
    boxes = np.array(frame["boxes_px"], dtype=np.float32).reshape(-1, 4)
    ranges = np.array(frame.get("ranges_m", [np.nan] * len(boxes)), dtype=np.float64)
    kept = (boxes[:, 1] + boxes[:, 3]) / 2 < len(picture)
    labels = np.array(frame["labels"], dtype=np.int64)
    return SignScene(picture, np.clip(boxes, 0, None)[kept], labels[kept]), ranges[kept]


class FrameCrops:
    """A folder of frames: `frames.json` lists them; images lie beside it."""

    def __init__(self, folder: Path) -> None:
        """Raises MissingInputError when the list is missing or empty."""
        self.folder = folder
        self.frames = listed(folder)
        if not self.frames:
            raise MissingInputError(f"{folder / INDEX} lists no frame: simulate drives with cameras")

    def crop(self, seed: int, index: int, size_px: int) -> SignScene:
        """Crop number `index` of the endless set `seed`; mostly round a sign, at 0.75 to 1.5 times its size."""
        rng = np.random.default_rng([seed, index, 2])
        frame = self.frames[int(rng.integers(len(self.frames)))]
        boxes = np.array(frame["boxes_px"], dtype=np.float64).reshape(-1, 4)
        labels = np.array(frame["labels"], dtype=np.int64)
        scale = float(np.exp(rng.uniform(np.log(0.75), np.log(1.5))))
        with Image.open(self.folder / frame["image"]) as opened:
            window = _window(rng, boxes, opened.width, opened.height, size_px / scale)
            picture = opened.convert("RGB").resize((size_px, size_px), Image.Resampling.BILINEAR, box=tuple(window))
        boxes, labels = _inside(boxes, labels, window, size_px)
        return SignScene(_seen(picture, rng), boxes.astype(np.float32), labels)


def _seen(picture: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Half as the simulator's camera took it but for exposure and noise, half at dusk or through a worse camera."""
    if rng.random() < 0.5:
        return through_a_camera(dimmed(picture, rng) if rng.random() < 0.3 else picture, rng)
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.05, 3))
    noise = rng.uniform(0, 6) * rng.standard_normal((picture.height, picture.width, 3), dtype=np.float32)
    return np.clip(np.asarray(picture) * gain + noise, 0, 255).astype(np.uint8)


def _window(
    rng: np.random.Generator, boxes: NDArray[np.float64], width: int, height: int, extent: float
) -> NDArray[np.float64]:
    """(4,) crop box inside the frame, `extent` wide and high (less in a smaller frame)."""
    extent = min(extent, width, height)
    corner = rng.uniform(0, 1, 2) * (width - extent, height - extent)
    if len(boxes) and rng.random() < 0.85:
        box = boxes[int(rng.integers(len(boxes)))]
        centre = (box[:2] + box[2:]) / 2
        corner = np.clip(centre - rng.uniform(0.15, 0.85, 2) * extent, 0, (width - extent, height - extent))
    return np.array([*corner, *(corner + extent)])


def _inside(
    boxes: NDArray[np.float64], labels: NDArray[np.int64], window: NDArray[np.float64], size_px: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Boxes in crop pixels; those mostly cut off are left out."""
    scale = size_px / (window[2] - window[0])
    moved = (boxes - np.tile(window[:2], 2)) * scale
    clipped = np.clip(moved, 0, size_px)
    area = (moved[:, 2:] - moved[:, :2]).prod(axis=1)
    kept = (clipped[:, 2:] - clipped[:, :2]).prod(axis=1) >= _KEPT_SHARE * np.maximum(area, 1e-6)
    return clipped[kept], labels[kept]
