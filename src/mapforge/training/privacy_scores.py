"""How much of what must be hidden was: faces and plates counted as hidden when a blurred region covers them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mapforge.models.privacy_detector import CLASSES, PrivacyDetector
from mapforge.training.privacy_scenes import render_privacy_scene

COVERED_MIN = 0.8
"""Share of a face or plate that must be blurred for it to count as hidden."""
SIZES_PX = (0.0, 10.0, 20.0, 40.0, 1000.0)
"""Scores are told apart by the longer edge."""
MARGIN = 0.2
"""By which a region is widened on each side before it is blurred, as ingest does."""


def score_on_drawn(
    model: PrivacyDetector, seed: int, pictures: int, size_px: int, score_mins: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Of the held-out set `seed`: by threshold, recall of each class by size, and regions a picture on nothing."""
    scenes = [render_privacy_scene(seed, index, size_px) for index in range(pictures)]
    found = [model.detect(scene.image, min(score_mins), (1.0,)) for scene in scenes]
    scores: dict[str, dict[str, float]] = {}
    for score_min in score_mins:
        sizes, labels, hidden, needless = [], [], [], 0
        for scene, regions in zip(scenes, found):
            kept = _widened(regions.boxes_px[regions.scores >= score_min])
            covered = coverage(scene.boxes_px, kept)
            sizes.append((scene.boxes_px[:, 2:] - scene.boxes_px[:, :2]).max(axis=1, initial=0.0))
            labels.append(scene.labels)
            hidden.append(covered >= COVERED_MIN)
            needless += int((_touches(kept, scene.boxes_px) == 0).sum())
        entry = _recalls(np.concatenate(sizes), np.concatenate(labels), np.concatenate(hidden))
        scores[f"score_min {score_min}"] = {**entry, "needless_a_picture": round(needless / max(1, pictures), 3)}
    return scores


def coverage(truth_px: NDArray[np.float32], regions_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) share of each box (N, 4) that the one region (M, 4) that hides most of it covers."""
    if not len(regions_px):
        return np.zeros(len(truth_px))
    area = (truth_px[:, 2:] - truth_px[:, :2]).prod(axis=1)
    return np.asarray(_touches(truth_px, regions_px) / np.maximum(area, 1e-9))


def _widened(boxes_px: NDArray[np.float32]) -> NDArray[np.float32]:
    edges = boxes_px[:, 2:] - boxes_px[:, :2]
    return np.concatenate([boxes_px[:, :2] - MARGIN * edges, boxes_px[:, 2:] + MARGIN * edges], axis=1)


def _touches(a_px: NDArray[np.float32], b_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) largest shared area of each of `a_px` with one of `b_px`."""
    if not len(b_px):
        return np.zeros(len(a_px))
    a, b = a_px.astype(np.float64)[:, None], b_px.astype(np.float64)[None]
    shared = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    return np.asarray(shared.prod(axis=2).max(axis=1))


def _recalls(sizes: NDArray, labels: NDArray, hidden: NDArray) -> dict[str, float]:
    entry: dict[str, float] = {}
    for label, name in enumerate(CLASSES):
        entry[f"{name}_recall"] = _mean(hidden[labels == label])
        entry[f"{name}_n"] = float((labels == label).sum())
        for low, high in pairwise(SIZES_PX):
            inside = (labels == label) & (sizes >= low) & (sizes < high)
            entry[f"{name}_recall_{low:.0f}_{high:.0f}_px"] = _mean(hidden[inside])
    return entry


def _mean(values: NDArray) -> float:
    return round(float(values.mean()), 4) if len(values) else 0.0
