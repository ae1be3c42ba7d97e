"""Boxes to learn reading from: signs and lights as a detector would hit them, decoys, and places with nothing."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapforge.models.sign_detector import CLASSES
from mapforge.training.sign_scenes import SignScene
from mapforge.training.sign_scores import overlaps

NOTHING = len(CLASSES)
_EMPTY_PLACES = 4
_OVERLAP_OF_NOTHING = 0.15


def reading_boxes(scene: SignScene, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """(N, 4) boxes px and (N,) labels, the last class for nothing, of one scene."""
    size = scene.image.shape[0]
    truth = np.clip(_shaken(scene.boxes_px, rng), 0, size)
    edges = 8.0 * 10.0 ** rng.uniform(0, 1, (_EMPTY_PLACES, 1)) * np.exp(rng.normal(0, 0.2, (_EMPTY_PLACES, 2)))
    corner = rng.uniform(0, 1, (_EMPTY_PLACES, 2)) * np.maximum(size - edges, 1)
    empty = np.concatenate([_shaken(scene.decoys_px, rng), np.concatenate([corner, corner + edges], axis=1)])
    if len(scene.boxes_px):
        empty = empty[overlaps(empty.astype(np.float32), scene.boxes_px).max(axis=1) < _OVERLAP_OF_NOTHING]
    boxes = np.concatenate([truth, empty]).astype(np.float32)
    labels = np.concatenate([scene.labels, np.full(len(empty), NOTHING)])
    return torch.from_numpy(boxes), torch.from_numpy(labels)


def _shaken(boxes_px: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """Boxes as far off as a detector's: shifted and scaled by some tenths of their size, at least half a pixel."""
    boxes = boxes_px.astype(np.float64)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    centre = centre + rng.normal(0, 1, centre.shape) * (0.08 * half + 0.3)
    half = half * np.exp(rng.normal(0, 0.08, half.shape))
    return np.concatenate([centre - half, centre + half], axis=1)
