"""How well signs were found: boxes matched by overlap, types compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapforge.models.sign_detector import CLASSES, TRAFFIC_LIGHT, SignBoxes, SignDetector
from mapforge.training.sign_frames import listed, looked_at
from mapforge.training.sign_scenes import render_scene

OVERLAP_MIN = 0.4
NEAR_M = 40.0


@dataclass
class SignCounts:
    """Sums over pictures. found: truth that some detection covers; typed: of those, with the right class."""

    truth: int = 0
    found: int = 0
    typed: int = 0
    detections: int = 0
    right: int = 0
    """Detections that lie on some truth."""

    def as_dict(self) -> dict[str, float]:
        return {
            "n": self.truth,
            "recall": round(self.found / max(1, self.truth), 4),
            "precision": round(self.right / max(1, self.detections), 4),
            "type_accuracy": round(self.typed / max(1, self.found), 4),
        }


def match(found_px: NDArray[np.float32], truth_px: NDArray[np.float32], overlap_min: float) -> NDArray[np.int64]:
    """(N,) truth index of each detection, -1 for none; greedy in the order given, each truth once.

    found_px: (N, 4), truth_px: (M, 4) boxes x0, y0, x1, y1; overlap_min: intersection over union.
    """
    matched = np.full(len(found_px), -1, dtype=np.int64)
    overlap = overlaps(found_px, truth_px)
    for row in range(len(found_px)):
        if overlap.shape[1] and overlap[row].max() >= overlap_min:
            matched[row] = int(overlap[row].argmax())
            overlap[:, matched[row]] = -1.0
    return matched


def overlaps(a_px: NDArray[np.float32], b_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4)."""
    a, b = a_px.astype(np.float64)[:, None], b_px.astype(np.float64)[None]
    shared = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(axis=2)
    union = (a[..., 2:] - a[..., :2]).prod(axis=2) + (b[..., 2:] - b[..., :2]).prod(axis=2) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def count(counts: SignCounts, found: SignBoxes, truth_px: NDArray[np.float32], truth_labels: NDArray[np.int64]) -> None:
    """Adds one picture to `counts`."""
    matched = match(found.boxes_px, truth_px, OVERLAP_MIN)
    hit = matched >= 0
    counts.truth += len(truth_px)
    counts.detections += len(found)
    counts.found += int(hit.sum())
    counts.right += int(hit.sum())
    counts.typed += int((found.labels[hit] == truth_labels[matched[hit]]).sum())


def score_on_scenes(
    model: SignDetector, seed: int, pictures: int, size_px: int, score_min: float
) -> dict[str, dict[str, float]]:
    """Scores on drawn pictures: in all, by size of the sign (longer edge), and of each class by itself."""
    everything = SignCounts()
    by_group: dict[str, SignCounts] = {}
    for index in range(pictures):
        scene = render_scene(seed, index, size_px)
        found = model.detect(scene.image, score_min)
        count(everything, found, scene.boxes_px, scene.labels)
        matched = match(found.boxes_px, scene.boxes_px, OVERLAP_MIN)
        for k, (box, label) in enumerate(zip(scene.boxes_px, scene.labels)):
            edge = float(max(box[2] - box[0], box[3] - box[1]))
            hit = np.flatnonzero(matched == k)
            for group in (f"class {CLASSES[label]}", f"size {_size_band(edge)}"):
                counts = by_group.setdefault(group, SignCounts())
                counts.truth += 1
                counts.found += len(hit)
                counts.typed += int((found.labels[hit] == label).sum())
    scores = {"all": everything.as_dict()}
    for group in sorted(by_group):
        scores[group] = {key: value for key, value in by_group[group].as_dict().items() if key != "precision"}
    return scores


def score_on_frames(model: SignDetector, folder: Path, score_min: float) -> dict[str, dict[str, float]]:
    """Scores on a folder of simulated camera frames: in all, of signs and lights by range, and within 40 m.

    A detection on something smaller or more hidden than what is labelled counts as wrong.
    """
    everything = SignCounts()
    groups: dict[str, SignCounts] = {}
    for frame in listed(folder):
        scene, ranges_m = looked_at(folder, frame)
        found = model.detect(scene.image, score_min)
        count(everything, found, scene.boxes_px, scene.labels)
        matched = match(found.boxes_px, scene.boxes_px, OVERLAP_MIN)
        for k, (range_m, label) in enumerate(zip(ranges_m, scene.labels)):
            hit = np.flatnonzero(matched == k)
            kind = "lights" if CLASSES[label] == TRAFFIC_LIGHT else "signs"
            names = [f"{kind} of the range to {20 * (int(range_m // 20) + 1):03d} m"]
            for name in names + [f"{kind} within 40 m"] * bool(range_m <= NEAR_M):
                counts = groups.setdefault(name, SignCounts())
                counts.truth += 1
                counts.found += len(hit)
                counts.typed += int((found.labels[hit] == label).sum())
    scores = {"all": everything.as_dict()}
    for group in sorted(groups):
        scores[group] = {key: value for key, value in groups[group].as_dict().items() if key != "precision"}
    return scores


def _size_band(edge_px: float) -> str:
    bounds = (8, 12, 16, 24, 40, 80)
    above = [bound for bound in bounds if edge_px >= bound]
    return f"from {above[-1] if above else 0:03d} px"
