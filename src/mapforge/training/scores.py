"""How good a BEV network is on labelled crops: per class, cell by cell, and how exact its lines are."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from mapforge.models.bev_segmenter import CLASSES, BevSegmenter
from mapforge.schemas.rasters import OBSERVED_LINE_CLASSES
from mapforge.training.batches import Batch

_THRESHOLD = 0.5
_CALIBRATION_BINS = 10


class PixelScores:
    """Counts over batches; `summary` gives IoU, F1, calibration a class, median offset error, attribute accuracy."""

    def __init__(self) -> None:
        self._overlap = torch.zeros(len(CLASSES), 3, dtype=torch.float64)
        self._bins = torch.zeros(len(CLASSES), _CALIBRATION_BINS, 3, dtype=torch.float64)
        self._offsets: list[list[Tensor]] = [[] for _ in OBSERVED_LINE_CLASSES]
        self._attributes = torch.zeros(3, 2, dtype=torch.float64)

    def add(self, outputs: dict[str, Tensor], batch: Batch) -> None:
        known = batch.known[:, None] > 0
        probability, truth = torch.sigmoid(outputs["classes"]), batch.classes > 0.5
        said = (probability > _THRESHOLD) & known
        for i in range(len(CLASSES)):
            counts = ((said & truth)[:, i].sum(), said[:, i].sum(), (truth & known)[:, i].sum())
            self._overlap[i] += torch.stack(counts).cpu()
            self._calibrate(i, probability[:, i][known[:, 0]], truth[:, i][known[:, 0]])
        error = (outputs["offset_m"] - batch.offset_m).unflatten(1, (len(OBSERVED_LINE_CLASSES), 2)).norm(dim=2)
        for i in range(len(OBSERVED_LINE_CLASSES)):
            self._offsets[i].append(error[:, i][(truth & said)[:, i] & (batch.near[:, i] > 0)].float().cpu())
        divider, boundary = (truth & said)[:, 0], (truth & said)[:, 1]
        self._count(0, (outputs["marking_type"].argmax(1) == batch.marking_type)[divider])
        self._count(1, (outputs["colour"].argmax(1) == batch.colour)[divider])
        self._count(2, ((outputs["curb"][:, 0] > 0) == (batch.curb > 0.5))[boundary])

    def summary(self) -> dict[str, dict[str, float]]:
        result: dict[str, dict[str, float]] = {}
        for i, name in enumerate(CLASSES):
            both, said, true = self._overlap[i].tolist()
            bins = self._bins[i]
            gap = (bins[:, 1] - bins[:, 2]).abs().sum() / bins[:, 0].sum().clamp(min=1)
            result[name] = {
                "iou": both / max(said + true - both, 1.0),
                "f1": 2 * both / max(said + true, 1.0),
                "calibration_error": float(gap),
            }
        for i, name in enumerate(OBSERVED_LINE_CLASSES):
            offsets = torch.cat(self._offsets[i]) if self._offsets[i] else torch.zeros(0)
            if len(offsets):
                result[name]["offset_median_m"] = float(offsets.median())
                result[name]["offset_p95_m"] = float(torch.quantile(offsets[:: len(offsets) // 1_000_000 + 1], 0.95))
        for i, (name, key) in enumerate(
            (("lane_divider", "type_accuracy"), ("lane_divider", "colour_accuracy"), ("road_boundary", "curb_accuracy"))
        ):
            right, total = self._attributes[i].tolist()
            result[name][key] = right / max(total, 1.0)
        return {name: {key: round(value, 4) for key, value in row.items()} for name, row in result.items()}

    def _count(self, row: int, right: Tensor) -> None:
        self._attributes[row] += torch.tensor([float(right.sum()), float(right.numel())])

    def _calibrate(self, row: int, probability: Tensor, truth: Tensor) -> None:
        """Only where p >= 0.05: elsewhere the road is empty and everybody is right."""
        kept = probability >= 0.05
        p, t = probability[kept].double().cpu(), truth[kept].double().cpu()
        index = (p * _CALIBRATION_BINS).long().clamp(max=_CALIBRATION_BINS - 1)
        for column, value in enumerate((torch.ones_like(p), p, t)):
            self._bins[row, :, column] += torch.zeros(_CALIBRATION_BINS, dtype=torch.float64).scatter_add(
                0, index, value
            )


def evaluate(model: BevSegmenter, batches: Iterable[Batch], device: str, bfloat16: bool) -> dict[str, dict[str, float]]:
    """Scores of a model in evaluation mode over batches."""
    scores = PixelScores()
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            on_device = batch.to(device)
            with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=bfloat16):
                outputs = model(on_device.features())
            scores.add(outputs, on_device)
    model.train(was_training)
    return scores.summary()


def mean_f1(summary: dict[str, dict[str, float]]) -> float:
    """One number to compare weights by."""
    return sum(summary[name]["f1"] for name in CLASSES) / len(CLASSES)
