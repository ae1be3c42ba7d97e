"""Makes the network's probabilities true: scale and shift of its logits, fitted on held-out samples, become weights.

Classes and curb: Platt scaling (Platt 1999). Marking type and colour: a temperature (Guo et al. 2017). Both are linear
in the logits, so they are folded into the last convolution: inference and what is most probable stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mapforge.errors import ConfigurationError
from mapforge.models.bev_segmenter import CLASSES, HEAD_SIZES, BevSegmenter
from mapforge.training.batches import Batch

Float = NDArray[np.float64]

CALIBRATED_FROM = 0.03
"""Cells less probable than this, after calibration, do not take part in it: nearly all of a tile is empty road."""

MIN_CELLS = 200
"""A head with fewer cells of either kind is left as it is."""

_LOGIT_LIMIT, _LOGIT_STEP = 16.0, 0.02
_EDGES = np.arange(-_LOGIT_LIMIT, _LOGIT_LIMIT + _LOGIT_STEP / 2, _LOGIT_STEP)
_CENTRES = 0.5 * (_EDGES[1:] + _EDGES[:-1])
_LEAST_SCALE = 0.1
"""A fit below this says that the logit tells nothing: it is left as it is."""

_SHARPNESS = torch.exp(torch.linspace(-2.0, 2.0, 81, dtype=torch.float64))
"""Inverse temperatures that are tried."""

_ROUNDS, _NEWTON_STEPS, _RIDGE = 20, 50, 1e-6


@dataclass(frozen=True)
class LogitScale:
    """A logit z becomes scale * z + shift. cells: of how many cells it was learnt, 0: left as it is."""

    scale: float = 1.0
    shift: float = 0.0
    cells: int = 0


@dataclass
class LogitCounts:
    """Cells by logit and truth: what a Platt fit needs of any number of samples.

    of_truth: (2, bins) cells that are not, and are, of the class.
    """

    of_truth: Float = field(default_factory=lambda: np.zeros((2, len(_CENTRES))))

    def add(self, logits: Tensor, truth: Tensor) -> None:
        """logits, truth (bool): (N,) of the cells whose label counts."""
        bins = ((logits.float().clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT) + _LOGIT_LIMIT) / _LOGIT_STEP).long()
        bins = bins.clamp(max=len(_CENTRES) - 1) + truth.long() * len(_CENTRES)
        self.of_truth += torch.bincount(bins, minlength=self.of_truth.size).cpu().numpy().reshape(self.of_truth.shape)


@dataclass
class SharpnessLoss:
    """Cross entropy of a head at every inverse temperature that is tried, summed over cells."""

    loss: Tensor = field(default_factory=lambda: torch.zeros(len(_SHARPNESS), dtype=torch.float64))
    cells: int = 0

    def add(self, logits: Tensor, truth: Tensor) -> None:
        """logits: (N, K). truth: (N,) indices."""
        if len(logits):
            sharpened = [functional.cross_entropy(float(k) * logits, truth, reduction="sum") for k in _SHARPNESS]
            self.loss += torch.stack(sharpened).double().cpu()
            self.cells += len(logits)


def calibrate(model: BevSegmenter, batches: Iterable[Batch], bfloat16: bool = False) -> dict[str, LogitScale]:
    """Changes the last convolution of a trained network so that its probabilities are those of held-out samples.

    batches: of places that are neither trained on nor evaluated on; read once. bfloat16: run the network in it. Returns
    what was done to each class (of CLASSES) and to `curb`, `marking_type`, `colour`.
    Raises ConfigurationError without any batch.
    """
    counts = {name: LogitCounts() for name in (*CLASSES, "curb")}
    losses = {name: SharpnessLoss() for name in ("marking_type", "colour")}
    _look(model, batches, bfloat16, counts, losses)
    scales = {name: platt(own) for name, own in counts.items()} | {name: sharpest(own) for name, own in losses.items()}
    _fold(model, scales)
    return scales


def _look(
    model: BevSegmenter,
    batches: Iterable[Batch],
    bfloat16: bool,
    counts: dict[str, LogitCounts],
    losses: dict[str, SharpnessLoss],
) -> None:
    """Collects what the fits need in one pass, as the network is used: in evaluation mode."""
    device = model.heads.weight.device
    was_training, seen = model.training, 0
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            on_device = batch.to(str(device))
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
                outputs = model(on_device.features())
            _count(outputs, on_device, counts, losses)
            seen += 1
    model.train(was_training)
    if not seen:
        raise ConfigurationError("calibration was given no samples: hold some crops or drives back from training")


def _count(
    outputs: dict[str, Tensor], batch: Batch, counts: dict[str, LogitCounts], losses: dict[str, SharpnessLoss]
) -> None:
    known, truth = batch.known > 0, batch.classes > 0.5
    for i, name in enumerate(CLASSES):
        counts[name].add(outputs["classes"][:, i][known], truth[:, i][known])
    divider, boundary = (truth[:, i] & known for i in range(2))
    counts["curb"].add(outputs["curb"][:, 0][boundary], batch.curb[boundary] > 0.5)
    for name, target in (("marking_type", batch.marking_type), ("colour", batch.colour)):
        losses[name].add(outputs[name].movedim(1, -1)[divider], target[divider])


def platt(counts: LogitCounts) -> LogitScale:
    """Most likely scale and shift for the cells that come out at CALIBRATED_FROM or above.

    Which cells those are depends on the result, so that it is repeated until they stay the same. Leaving cells out by
    their logit, never by their truth, biases nothing.
    """
    found, kept = LogitScale(), np.zeros(len(_CENTRES), dtype=bool)
    for _ in range(_ROUNDS):
        before, kept = kept, found.scale * _CENTRES + found.shift >= np.log(CALIBRATED_FROM / (1.0 - CALIBRATED_FROM))
        negatives, positives = counts.of_truth[:, kept]
        if min(positives.sum(), negatives.sum()) < MIN_CELLS:
            return found
        if (kept == before).all():
            break
        scale, shift = _logistic(_CENTRES[kept], *_softened(negatives, positives))
        if scale < _LEAST_SCALE:
            return LogitScale()
        found = LogitScale(scale, shift, int(negatives.sum() + positives.sum()))
    return found


def _softened(negatives: Float, positives: Float) -> tuple[Float, Float]:
    """Platt's targets, a little off 0 and 1: classes that a logit tells apart without fault have a finite scale."""
    wrong_negative, wrong_positive = 1.0 / (negatives.sum() + 2.0), 1.0 / (positives.sum() + 2.0)
    moved = positives * wrong_positive - negatives * wrong_negative
    return negatives + moved, positives - moved


def _logistic(logits: Float, negatives: Float, positives: Float) -> tuple[float, float]:
    """Logistic regression of grouped cells on their logit, by Newton's method with halved steps."""
    design = np.column_stack([logits, np.ones(len(logits))])
    total = negatives + positives
    beta = np.array([1.0, 0.0])
    loss = _cross_entropy(design @ beta, negatives, positives)
    for _ in range(_NEWTON_STEPS):
        p = np.exp(-np.logaddexp(0.0, -(design @ beta)))
        gradient = design.T @ (total * p - positives)
        curvature = (design * (total * p * (1.0 - p))[:, None]).T @ design + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (moved := _cross_entropy(design @ (beta - step), negatives, positives)) > loss and abs(step).max() > 1e-9:
            step = step / 2
        beta = beta - step
        if loss - moved < 1e-12 * max(loss, 1.0):
            break
        loss = moved
    return float(beta[0]), float(beta[1])


def _cross_entropy(logits: Float, negatives: Float, positives: Float) -> float:
    return float((negatives * np.logaddexp(0.0, logits) + positives * np.logaddexp(0.0, -logits)).sum())


def sharpest(losses: SharpnessLoss) -> LogitScale:
    """The inverse temperature of least loss, between those tried by a parabola."""
    if losses.cells < MIN_CELLS:
        return LogitScale()
    best = int(losses.loss.argmin())
    place = torch.log(_SHARPNESS)
    if not 0 < best < len(_SHARPNESS) - 1:
        return LogitScale(float(_SHARPNESS[best]), 0.0, losses.cells)
    before, at, after = (float(losses.loss[best + k]) for k in (-1, 0, 1))
    offset = 0.5 * (before - after) / max(before - 2 * at + after, 1e-12)
    return LogitScale(float(torch.exp(place[best] + offset * (place[1] - place[0]))), 0.0, losses.cells)


def _fold(model: BevSegmenter, scales: dict[str, LogitScale]) -> None:
    """Multiplies and shifts the rows of the last convolution that make each head."""
    assert model.heads.bias is not None
    with torch.no_grad():
        for name, rows in _rows().items():
            own = scales.get(name)
            if own is not None:
                model.heads.weight[rows] *= own.scale
                model.heads.bias[rows] = own.scale * model.heads.bias[rows] + own.shift


def _rows() -> dict[str, slice]:
    """Output channels of each head, of each class by itself."""
    rows, first = {}, 0
    for head, size in HEAD_SIZES.items():
        rows[head] = slice(first, first + size)
        first += size
    classes = rows.pop("classes")
    return rows | {name: slice(classes.start + i, classes.start + i + 1) for i, name in enumerate(CLASSES)}
