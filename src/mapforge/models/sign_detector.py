"""The sign and traffic-light detector: torchvision's FCOS over a small residual pyramid made for 10-40 px signs."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSClassificationHead, FCOSHead, FCOSRegressionHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import nms

from mapforge.models.sign_reader import EMBEDDING, SignReader, cut_crops
from mapforge.models.weights import load_tensors, read_weights
from mapforge.schemas.detections import SIGN_TYPES

ARCHITECTURE = "sign_detector_2"
SPEED_LIMIT_OTHER = "speed_limit_other"
TRAFFIC_LIGHT = "traffic_light"
CLASSES = (*SIGN_TYPES, SPEED_LIMIT_OTHER, TRAFFIC_LIGHT)
"""What the network tells apart; `speed_limit_other` is written as `unknown`: the contract has no such number."""

STRIDES_PX = (4, 8, 16)
_NORM_GROUPS = 8
_EDGE_MIN_PX = 2.0


@dataclass(frozen=True)
class SignBoxes:
    """What was found in one image, by falling score.

    boxes_px: (N, 4) float32 x0, y0, x1, y1. labels: (N,) int64, index into CLASSES. scores: (N,) float32.
    class_shares: (N, len(CLASSES)) float32, how likely each class is, given that it is one. embeddings: (N, EMBEDDING)
    float32 unit vectors, alike for signs that look alike.
    """

    boxes_px: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    class_shares: NDArray[np.float32]
    embeddings: NDArray[np.float32]

    @classmethod
    def none(cls) -> SignBoxes:
        """Nothing found."""
        shares, embeddings = np.zeros((0, len(CLASSES)), np.float32), np.zeros((0, EMBEDDING), np.float32)
        empty = np.zeros(0, np.float32)
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), empty, shares, embeddings)

    def __len__(self) -> int:
        return len(self.scores)


class SignDetector(FCOS):
    """FCOS (Tian et al. 2020) with strides 4, 8, 16 and one convolution a head branch, and a reader of what it finds.

    FCOS finds, the reader names: its crops at one size are learned far quicker than types at every pixel. No
    pretrained weights.
    """

    def __init__(self, stage_channels: tuple[int, int, int, int] = (16, 32, 64, 96), head_channels: int = 48) -> None:
        """stage_channels: widths at strides 2, 4, 8, 16; head_channels: a multiple of 8."""
        super().__init__(
            SignPyramid(stage_channels, head_channels),
            num_classes=len(CLASSES),
            anchor_generator=AnchorGenerator(tuple((s,) for s in STRIDES_PX), ((1.0,),) * len(STRIDES_PX)),
            head=_light_head(head_channels),
            score_thresh=0.05,
            nms_thresh=0.5,
            detections_per_img=100,
            topk_candidates=300,
        )
        self.stage_channels = stage_channels
        self.head_channels = head_channels
        self.reader = SignReader(len(CLASSES))

    def losses(self, images: Tensor, targets: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The three FCOS losses of a batch; the network runs under the caller's autocast, the losses in float32.

        images: (B, 3, H, W) float 0..1. targets: boxes (N, 4) px, labels (N,) int64.
        """
        outputs, anchors, sizes = self._look(images)
        with torch.autocast(images.device.type, enabled=False):
            return dict(self.compute_loss(targets, outputs, anchors, sizes))

    @torch.inference_mode()
    def detect(
        self, image: NDArray[np.uint8], score_min: float, overlap_max: float = 0.5, bfloat16: bool = False
    ) -> SignBoxes:
        """Finds signs and lights in one picture.

        image: (H, W, 3) uint8 RGB. score_min: what scores less is dropped. overlap_max: of two boxes that share more
        (intersection over union, whatever their class) the better stays. bfloat16: run the network in it.
        """
        picture = torch.from_numpy(image.copy()).to(next(self.parameters()).device)
        images = picture.permute(2, 0, 1)[None].float() / 255.0
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
            outputs, anchors, sizes = self._look(images)
        by_level = {name: list(value.split(sizes, dim=1)) for name, value in outputs.items()}
        shape = (image.shape[0], image.shape[1])
        found = self.postprocess_detections(by_level, [list(anchors[0].split(sizes))], [shape])[0]
        order = torch.argsort(found["scores"], descending=True, stable=True)
        boxes, scores = found["boxes"][order], found["scores"][order]
        real = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1) >= _EDGE_MIN_PX
        boxes, scores = boxes[real], scores[real]
        keep = nms(boxes, scores, overlap_max)
        keep = keep[scores[keep] >= score_min]
        return self._read(images, boxes[keep], scores[keep], bfloat16)

    def _read(self, images: Tensor, boxes: Tensor, scores: Tensor, bfloat16: bool) -> SignBoxes:
        """The boxes with the reader's labels, without those it takes for nothing."""
        if not len(boxes):
            return SignBoxes.none()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
            answers, embeddings = self.reader.read(cut_crops(images, [boxes]))
        signs = answers.argmax(dim=1) < len(CLASSES)
        answers = answers[signs, : len(CLASSES)]
        return SignBoxes(
            boxes[signs].cpu().numpy(),
            answers.argmax(dim=1).cpu().numpy(),
            scores[signs].cpu().numpy(),
            answers.softmax(dim=1).cpu().numpy(),
            embeddings[signs].cpu().numpy(),
        )

    def _look(self, images: Tensor) -> tuple[dict[str, Tensor], list[Tensor], list[int]]:
        """Head outputs in float32, anchors an image, and the number of anchors a level."""
        below, right = (-images.shape[2] % STRIDES_PX[-1], -images.shape[3] % STRIDES_PX[-1])
        batch = nn.functional.pad((images - 0.45) / 0.25, (0, right, 0, below))
        features = list(self.backbone(batch.contiguous(memory_format=torch.channels_last)).values())
        outputs = {name: value.float() for name, value in self.head(features).items()}
        sizes = [(int(images.shape[2]), int(images.shape[3]))] * len(images)
        # anchors take the maps' type, and bfloat16 knows no odd pixel beyond 256
        shapes = [f.new_empty(f.shape, dtype=torch.float32) for f in features]
        anchors = self.anchor_generator(ImageList(batch, sizes), shapes)
        return outputs, anchors, [f.shape[2] * f.shape[3] for f in features]


class SignPyramid(nn.Module):
    """A small residual network with a top-down path: maps of equal width at strides 4, 8 and 16."""

    def __init__(self, stage_channels: tuple[int, int, int, int], out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stem = _convolution(3, stage_channels[0], stride=2)
        depths = (1, 2, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(low, high, stride=2), *(_Residual(high) for _ in range(depth)))
            for (low, high), depth in zip(pairwise(stage_channels), depths)
        )
        self.context = _Context(stage_channels[-1])
        self.lateral = nn.ModuleList(nn.Conv2d(width, out_channels, 1) for width in stage_channels[1:])

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        maps = []
        features = self.stem(images)
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        maps[-1] = self.context(maps[-1])
        merged = self.lateral[-1](maps[-1])
        pyramid = [merged]
        for level in range(len(maps) - 2, -1, -1):
            merged = self.lateral[level](maps[level]) + nn.functional.interpolate(merged, scale_factor=2.0)
            pyramid.insert(0, merged)
        return OrderedDict((str(level), value) for level, value in enumerate(pyramid))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.second(self.first(features)))


class _Context(nn.Module):
    """Two dilated residual convolutions: big signs need to see further than small ones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.ModuleList(_convolution(channels, channels, dilation=dilation) for dilation in (2, 4))

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.wide:
            features = features + layer(features)
        return features


def _convolution(low: int, high: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(low, high, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(high),
        nn.ReLU(),
    )


class _BoxHead(FCOSRegressionHead):
    """torchvision's box branch with softplus for ReLU: a side that came out as 0 could never grow again."""

    def forward(self, x: list[Tensor]) -> tuple[Tensor, Tensor]:
        """x: feature maps. Returns (B, anchors, 4) sides in strides and (B, anchors, 1) centre-ness."""
        shared = [self.conv(features) for features in x]
        sides = [_a_row_an_anchor(nn.functional.softplus(self.bbox_reg(features).float())) for features in shared]
        centres = [_a_row_an_anchor(self.bbox_ctrness(features)) for features in shared]
        return torch.cat(sides, dim=1), torch.cat(centres, dim=1)


def _a_row_an_anchor(values: Tensor) -> Tensor:
    """(B, K, H, W) to (B, H * W, K)."""
    return values.permute(0, 2, 3, 1).flatten(1, 2)


def _light_head(channels: int) -> FCOSHead:
    """torchvision's FCOS head with one convolution a branch and group norms that fit narrow maps."""
    head = FCOSHead(channels, 1, len(CLASSES), num_convs=0)
    norm = partial(nn.GroupNorm, _NORM_GROUPS)
    head.classification_head = FCOSClassificationHead(channels, 1, len(CLASSES), num_convs=1, norm_layer=norm)
    head.regression_head = _BoxHead(channels, 1, num_convs=1, norm_layer=norm)
    return head


def read_sign_detector(path: Path) -> SignDetector:
    """A detector ready for use, from its weights file.

    Raises MissingInputError without the file, ModelError when it is no safetensors file or of another architecture.
    """
    weights = read_weights(path, ARCHITECTURE)
    model = SignDetector(tuple(weights.settings["stage_channels"]), weights.settings["head_channels"])
    load_tensors(model, weights, str(path))
    return model.to(memory_format=torch.channels_last).eval()
