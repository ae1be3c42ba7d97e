"""Finds faces and number plates in a picture: a small network of peaks (Zhou et al. 2019, "Objects as Points")."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import nms

from mapforge.models.weights import load_tensors, read_weights

ARCHITECTURE = "privacy_detector_1"
CLASSES = ("face", "number_plate")
STRIDE_PX = 4
_COARSEST_PX = 16
_OVERLAP_MAX = 0.6
_MOST_PEAKS = 300
_RARE = -4.6
"""Logit of the first guess: one cell in a hundred."""
_USUAL = 1.8
"""First guess of a side's distance: 6 px."""


@dataclass(frozen=True)
class PrivateRegions:
    """What was found in one picture.

    boxes_px: (N, 4) float32 x0, y0, x1, y1. labels: (N,) int64, index into CLASSES. scores: (N,) float32, falling.
    """

    boxes_px: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


class PrivacyDetector(nn.Module):
    """Peaks of each class at stride 4, and at every cell how far the four sides of a box are.

    One look sees things of about 5 to 100 px, so `detect` looks again at a smaller copy of the picture.
    """

    def __init__(self, channels: tuple[int, ...] = (12, 24, 40, 56)) -> None:
        """channels: widths at strides 2, 4, 8 and 16."""
        super().__init__()
        self.channels = channels
        self.stem = _convolution(3, channels[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(low, high, stride=2), _Residual(high)) for low, high in pairwise(channels)
        )
        self.context = _Residual(channels[-1], dilation=2)
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels[1], 1) for width in channels[1:])
        self.head = _convolution(channels[1], 2 * channels[1])
        self.peaks = nn.Conv2d(2 * channels[1], len(CLASSES), 1)
        self.sides = nn.Conv2d(2 * channels[1], 4, 1)
        nn.init.constant_(self.peaks.bias, _RARE)  # type: ignore[arg-type]
        nn.init.constant_(self.sides.bias, _USUAL)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images: (B, 3, H, W) float 0..1, H and W multiples of 16.

        Returns (B, classes, H/4, W/4) logits of peaks and (B, 4, H/4, W/4) distances from a cell's centre to the left,
        upper, right and lower side in pixels, logarithms.
        """
        features = self.stem((images - 0.45) / 0.25)
        maps = []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        merged = self.lateral[-1](self.context(maps[-1]))
        for level in range(len(maps) - 2, -1, -1):
            merged = self.lateral[level](maps[level]) + nn.functional.interpolate(merged, scale_factor=2.0)
        shared = self.head(torch.relu(merged))
        return self.peaks(shared), self.sides(shared)

    @torch.inference_mode()
    def detect(
        self, image: NDArray[np.uint8], score_min: float, shrink_factors: tuple[float, ...] = (1.0, 3.0)
    ) -> PrivateRegions:
        """Everything that scores at least `score_min`, seen in the picture and in copies shrunk by the factors.

        image: (H, W, 3) uint8 RGB.
        """
        picture = torch.from_numpy(image.copy()).to(next(self.parameters()).device)
        whole = picture.permute(2, 0, 1)[None].float() / 255.0
        looks = [self._look(whole, factor, score_min) for factor in shrink_factors]
        boxes, labels, scores = (torch.cat(parts) for parts in zip(*looks))
        limit = torch.tensor([image.shape[1], image.shape[0]] * 2, dtype=boxes.dtype, device=boxes.device)
        boxes = boxes.clamp(min=torch.zeros_like(limit), max=limit)
        apart = boxes + (labels * 2 * float(max(image.shape)))[:, None]
        kept = nms(apart, scores, _OVERLAP_MAX)
        return PrivateRegions(boxes[kept].cpu().numpy(), labels[kept].cpu().numpy(), scores[kept].cpu().numpy())

    def _look(self, whole: Tensor, factor: float, score_min: float) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes in pixels of the whole picture, labels and scores of one look."""
        size = [max(_COARSEST_PX, round(edge / factor)) for edge in whole.shape[2:]]
        seen = whole
        if factor != 1.0:
            seen = nn.functional.interpolate(whole, size=size, mode="bilinear", antialias=True, align_corners=False)
        padding = (0, -seen.shape[3] % _COARSEST_PX, 0, -seen.shape[2] % _COARSEST_PX)
        logits, sides = self(nn.functional.pad(seen, padding).contiguous(memory_format=torch.channels_last))
        scores = logits.sigmoid()
        is_peak = scores == nn.functional.max_pool2d(scores, 3, stride=1, padding=1)
        value, place = torch.where(is_peak, scores, 0.0)[0].flatten().topk(min(_MOST_PEAKS, scores[0].numel()))
        place, value = place[value >= score_min], value[value >= score_min]
        cells = scores.shape[2] * scores.shape[3]
        label, cell = place // cells, place % cells
        centre = torch.stack([cell % scores.shape[3], cell // scores.shape[3]], dim=1).float() * STRIDE_PX
        centre = centre + STRIDE_PX / 2
        reach = sides[0].flatten(1)[:, cell].T.exp()
        scale = torch.tensor([whole.shape[3] / size[1], whole.shape[2] / size[0]] * 2, device=whole.device)
        return torch.cat([centre - reach[:, :2], centre + reach[:, 2:]], dim=1) * scale, label, value


class _Residual(nn.Module):
    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.second(self.first(features)))


def _convolution(low: int, high: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(low, high, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(high),
        nn.ReLU(),
    )


def read_privacy_detector(path: Path) -> PrivacyDetector:
    """A detector ready for use, from its weights file.

    Raises MissingInputError without the file, ModelError when it is no safetensors file or of another architecture.
    """
    weights = read_weights(path, ARCHITECTURE)
    model = PrivacyDetector(tuple(weights.settings["channels"]))
    load_tensors(model, weights, str(path))
    return model.to(memory_format=torch.channels_last).eval()
