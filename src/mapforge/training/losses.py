"""What the BEV network is trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mapforge.models.bev_segmenter import CLASSES, BevSegmenter
from mapforge.schemas.rasters import OBSERVED_LINE_CLASSES
from mapforge.schemas.vocabulary import MARKING_TYPES
from mapforge.training.batches import Batch

_LINES = len(OBSERVED_LINE_CLASSES)
_CLASS_WEIGHT = (1.5, 1.5, 5.0, 1.2, 0.4)
_POSITIVE_WEIGHT = (1.0, 1.0, 2.0, 1.0, 1.0)
"""Stop lines cover about one cell in five hundred: without a premium on finding them, few are found."""
_TYPE_WEIGHT = {"double_solid": 1.5, "double_dashed": 3.0, "solid_dashed": 2.5, "dashed_solid": 2.5, "botts_dots": 2.0}
"""The other marking types count 1: they are many times as frequent."""
_OFFSET_SCALE_M = 0.1


class BevObjective(nn.Module):
    """The network and what it is to make small, as one module: processes that share it exchange its gradients."""

    def __init__(self, network: BevSegmenter, bfloat16: bool, hard_example_power: float = 0.0) -> None:
        super().__init__()
        self.network, self.uses_bfloat16, self.hard_example_power = network, bfloat16, hard_example_power

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss terms of a batch on the network's device."""
        with torch.no_grad():
            features = batch.features()
        with torch.autocast(features.device.type, dtype=torch.bfloat16, enabled=self.uses_bfloat16):
            outputs = self.network(features)
        return losses(outputs, batch, self.hard_example_power)


def losses(outputs: dict[str, Tensor], batch: Batch, hard_example_power: float = 0.0) -> dict[str, Tensor]:
    """Loss terms by name; their sum is to be minimised.

    Classes: cross entropy (calibrated) and dice (Milletari et al. 2016; against the rarity of lines). Offsets: absolute
    error near lines. Direction: 1 - cos of twice the angle between. Attributes: cross entropy on the lines.
    hard_example_power: samples count by their class loss over the batch's mean to this power, between a third and
    three times (0: all alike).
    """
    known = batch.known[:, None]
    weight = torch.tensor(_CLASS_WEIGHT, device=known.device).reshape(1, -1, 1, 1)
    premium = torch.tensor(_POSITIVE_WEIGHT, device=known.device).reshape(-1, 1, 1)
    entropy = functional.binary_cross_entropy_with_logits(
        outputs["classes"], batch.classes, reduction="none", pos_weight=premium
    )
    if hard_example_power:
        known = known * _emphasis(entropy.detach(), known, hard_example_power)
    lines, near = batch.classes[:, :_LINES] * known, batch.near * known
    offset_error = (outputs["offset_m"] - batch.offset_m).abs().unflatten(1, (_LINES, 2)).sum(2)
    agreement = (outputs["direction"] * batch.direction).unflatten(1, (_LINES, 2)).sum(2)
    divider, boundary = lines[:, 0], lines[:, 1]
    balance = torch.tensor([_TYPE_WEIGHT.get(name, 1.0) for name in MARKING_TYPES], device=known.device)
    kind = functional.cross_entropy(outputs["marking_type"], batch.marking_type, balance, reduction="none")
    colour = functional.cross_entropy(outputs["colour"], batch.colour, reduction="none")
    curb = functional.binary_cross_entropy_with_logits(outputs["curb"][:, 0], batch.curb, reduction="none")
    return {
        "entropy": 4.0 * _mean(entropy * weight, known.expand_as(entropy)),
        "dice": 0.5 * _dice(torch.sigmoid(outputs["classes"]), batch.classes, known),
        "offset": _mean(offset_error / _OFFSET_SCALE_M, near) * 0.3,
        "direction": _mean(1 - agreement, near) * 0.3,
        "marking_type": _mean(kind, divider) * 0.3,
        "colour": _mean(colour, divider) * 0.1,
        "curb": _mean(curb, boundary) * 0.15,
    }


def _emphasis(entropy: Tensor, known: Tensor, power: float) -> Tensor:
    """(B, 1, 1, 1) weight of each sample."""
    own = (entropy * known).sum((1, 2, 3)) / known.sum((1, 2, 3)).clamp(min=1.0)
    weight = (own / own.mean().clamp(min=1e-6)).pow(power).clamp(1 / 3, 3.0)
    return weight.reshape(-1, 1, 1, 1)


def _mean(value: Tensor, weight: Tensor) -> Tensor:
    return (value * weight).sum() / weight.sum().clamp(min=1.0)


def _dice(probability: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """1 - dice coefficient of each class over the batch, its mean over classes."""
    both = (probability * truth * known).sum((0, 2, 3))
    total = ((probability + truth) * known).sum((0, 2, 3))
    assert len(both) == len(CLASSES)
    return (1 - (2 * both + 20.0) / (total + 20.0)).mean()
