"""Crops of simulated camera frames with the boxes of the signs in them: what the simulator's cameras really give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapforge.errors import MissingInputError
from mapforge.training.sign_scenes import SignScene

_KEPT_SHARE = 0.5


class FrameCrops:
    """A folder of frames: `frames.json` lists {image, boxes_px, labels}; images lie beside it."""

    def __init__(self, folder: Path) -> None:
        """Raises MissingInputError when the list is missing or empty."""
        index = folder / "frames.json"
        if not index.exists():
            raise MissingInputError(f"{index} is missing: make it with `sign_truth.write_frames`")
        self.folder = folder
        self.frames = json.loads(index.read_text(encoding="utf-8"))
        if not self.frames:
            raise MissingInputError(f"{index} lists no frame: simulate drives with cameras")

    def crop(self, seed: int, index: int, size_px: int) -> SignScene:
        """Crop number `index` of the endless set `seed`; mostly round a sign, at 0.8 to 1.6 times its size."""
        rng = np.random.default_rng([seed, index, 2])
        frame = self.frames[int(rng.integers(len(self.frames)))]
        boxes = np.array(frame["boxes_px"], dtype=np.float64).reshape(-1, 4)
        labels = np.array(frame["labels"], dtype=np.int64)
        scale = float(np.exp(rng.uniform(np.log(0.8), np.log(1.6))))
        with Image.open(self.folder / frame["image"]) as opened:
            window = _window(rng, boxes, opened.width, opened.height, size_px / scale)
            picture = opened.convert("RGB").resize((size_px, size_px), Image.Resampling.BILINEAR, box=tuple(window))
        boxes, labels = _inside(boxes, labels, window, size_px)
        gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.05, 3))
        noise = rng.uniform(0, 6) * rng.standard_normal((size_px, size_px, 3), dtype=np.float32)
        image = np.clip(np.asarray(picture) * gain + noise, 0, 255).astype(np.uint8)
        return SignScene(image, boxes.astype(np.float32), labels)


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
