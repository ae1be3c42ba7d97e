"""Reads what a found sign says: a small classifier of crops, which also knows that something is no sign at all."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

CROP_PX = 36
CONTEXT = 1.3
"""Crops show this much more than the box, each way: the shape's rim tells types apart, and boxes are not exact."""
_SAMPLES = 3
EMBEDDING = 112
"""Length of the vector that tells one sign from another."""


class SignReader(nn.Module):
    """Convolutions at three scales and a mean over the middle; the last class is "nothing"."""

    def __init__(self, classes: int, channels: tuple[int, int, int] = (32, 64, EMBEDDING)) -> None:
        """classes: of signs and lights, without "nothing"."""
        super().__init__()
        low, middle, high = channels
        self.layers = nn.Sequential(
            *_block(3, low, 1), *_block(low, middle, 2), *_block(middle, middle, 1),
            *_block(middle, high, 2), *_block(high, high, 1),
        )  # fmt: skip
        self.spread = nn.AdaptiveAvgPool2d(3)
        self.answer = nn.Linear(9 * high, classes + 1)

    def forward(self, crops: Tensor) -> Tensor:
        """crops: (N, 3, CROP_PX, CROP_PX) float 0..1. Returns (N, classes + 1) logits in float32."""
        return self.read(crops)[0]

    def read(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Logits as of `forward`, and (N, EMBEDDING) unit vectors: alike for crops that look alike."""
        shade = crops.mean(dim=(1, 2, 3), keepdim=True)
        contrast = crops.std(dim=(1, 2, 3), keepdim=True).clamp(min=0.05)
        features = self.layers(((crops - shade) / contrast).contiguous(memory_format=torch.channels_last))
        logits = self.answer(self.spread(features.float()).flatten(1)).float()
        return logits, nn.functional.normalize(features.float().mean(dim=(2, 3)), dim=1)


def cut_crops(images: Tensor, boxes_px: list[Tensor]) -> Tensor:
    """(N, 3, CROP_PX, CROP_PX) crops of all boxes, squeezed to a square.

    images: (B, 3, H, W) float 0..1. boxes_px: B tensors (n, 4) x0, y0, x1, y1.
    """
    wider = []
    for boxes in boxes_px:
        centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * CONTEXT
        wider.append(torch.cat([centre - half, centre + half], dim=1).float())
    return roi_align(images.float(), wider, CROP_PX, sampling_ratio=_SAMPLES, aligned=True)


def _block(low: int, high: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(low, high, 3, stride, padding=1, bias=False), nn.BatchNorm2d(high), nn.ReLU()]
