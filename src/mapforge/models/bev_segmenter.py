"""BEV segmentation with line-geometry heads: what lies where on the road surface, and exactly where its lines run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from mapforge.models.config import BevSegmenterConfig
from mapforge.models.normalisation import INPUT_FEATURES
from mapforge.models.weights import ModelWeights, load_tensors, read_weights
from mapforge.schemas.rasters import OBSERVED_AREA_CLASSES, OBSERVED_LINE_CLASSES
from mapforge.schemas.vocabulary import COLOURS, MARKING_TYPES

ARCHITECTURE = "bev_segmenter.v3"
CLASSES = (*OBSERVED_LINE_CLASSES, *OBSERVED_AREA_CLASSES)
STRIDE_CELLS = 8
"""Input edges must be multiples of this, and start at multiples of it, for tiles to agree."""

REACH_CELLS = 96
"""No output cell depends on input cells further away than this (19.2 m), filters of the normalisation included."""

OFFSET_LIMIT_M = 0.6
HEAD_SIZES = {
    "classes": len(CLASSES),
    "offset_m": 2 * len(OBSERVED_LINE_CLASSES),
    "direction": 2 * len(OBSERVED_LINE_CLASSES),
    "marking_type": len(MARKING_TYPES),
    "colour": len(COLOURS),
    "curb": 1,
}


class BevSegmenter(nn.Module):
    """A UNet at 0.2, 0.4, 0.8 and 1.6 m (Ronneberger et al. 2015) with additive skips.

    Batch statistics are frozen at inference, so that a cell's result depends on its surroundings within REACH_CELLS
    only, and not on the size of what is computed with it.
    """

    def __init__(self, config: BevSegmenterConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.encode_0 = nn.Sequential(_step(INPUT_FEATURES, a), _step(a, a))
        self.encode_1 = nn.Sequential(_step(a, b, stride=2), _step(b, b), _step(b, b))
        self.encode_2 = nn.Sequential(_step(b, c, stride=2), _step(c, c), _step(c, c))
        self.encode_3 = nn.Sequential(
            _step(c, d, stride=2), _step(d, d, dilation=2), _step(d, d), _step(d, d, dilation=2)
        )
        self.lift_2, self.decode_2 = nn.Conv2d(d, c, 1), _step(c, c)
        self.lift_1, self.decode_1 = nn.Conv2d(c, b, 1), _step(b, b)
        self.lift_0, self.decode_0 = nn.Conv2d(b, a, 1), _step(a, a)
        self.trunk = _step(a, config.head_width)
        self.heads = nn.Conv2d(config.head_width, sum(HEAD_SIZES.values()), 1)
        assert self.heads.bias is not None
        nn.init.constant_(self.heads.bias[: len(CLASSES)], -3.0)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """features: (B, INPUT_FEATURES, H, W) of `normalisation.features_of`; H, W multiples of STRIDE_CELLS.

        Returns per cell: `classes` (5 logits), `offset_m` (x, y a line class: from the cell's centre to the line's
        nearest point), `direction` (cos and sin of twice its angle a line class), `marking_type`, `colour` (logits),
        `curb` (logit that a boundary is a curb).
        """
        x0 = self.encode_0(features)
        x1 = self.encode_1(x0)
        x2 = self.encode_2(x1)
        x3 = self.encode_3(x2)
        x2 = self.decode_2(_double(self.lift_2(x3)) + x2)
        x1 = self.decode_1(_double(self.lift_1(x2)) + x1)
        x0 = self.decode_0(_double(self.lift_0(x1)) + x0)
        split = self.heads(self.trunk(x0)).float().split(list(HEAD_SIZES.values()), dim=1)
        outputs = dict(zip(HEAD_SIZES, split))
        outputs["offset_m"] = OFFSET_LIMIT_M * torch.tanh(outputs["offset_m"])
        outputs["direction"] = _unit_pairs(outputs["direction"])
        return outputs

    def weights(self) -> ModelWeights:
        return ModelWeights(ARCHITECTURE, asdict(self.config), dict(self.state_dict()))


def load_bev_segmenter(path: Path, device: str) -> BevSegmenter:
    """The network with its weights, ready for inference. Raises MissingInputError or ModelError."""
    weights = read_weights(path, ARCHITECTURE)
    model = BevSegmenter(BevSegmenterConfig(**weights.settings))
    load_tensors(model, weights, str(path))
    return model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def runs_bfloat16(device: str) -> bool:
    """Whether bfloat16 arithmetic is fast on this device."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _step(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _double(coarse: Tensor) -> Tensor:
    return functional.interpolate(coarse, scale_factor=2, mode="nearest")


def _unit_pairs(values: Tensor) -> Tensor:
    """Each pair of channels (cos2, sin2) scaled to unit length."""
    batch, channels, rows, columns = values.shape
    pairs = values.reshape(batch, channels // 2, 2, rows, columns)
    return functional.normalize(pairs, dim=2, eps=1e-4).reshape(values.shape)
