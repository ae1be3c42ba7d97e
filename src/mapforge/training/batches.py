"""Batches from shards: the same order for the same seed from any step on, turned and mirrored at random."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mapforge.models.normalisation import FINE_CELLS, features_of
from mapforge.schemas.elements import MARKING_TYPES
from mapforge.schemas.rasters import OBSERVED_AREA_CLASSES, OBSERVED_LINE_CLASSES, OFFSET_STEP_M
from mapforge.training.dataset import read_shard
from mapforge.training.generator import Sample
from mapforge.training.labels import CURB_BIT, IGNORED_BIT

SHARDS_MIXED = 3
"""Samples of this many shards are shuffled together."""

_CLASSES = len(OBSERVED_LINE_CLASSES) + len(OBSERVED_AREA_CLASSES)
_LINES = len(OBSERVED_LINE_CLASSES)


@dataclass(frozen=True, eq=False)
class Batch:
    """features: (B, INPUT_FEATURES, H, W). classes: (B, 5, H, W) 0 or 1. offset_m, direction: (B, 6, H, W) x, y and
    cos2, sin2 a line class; near: (B, 3, H, W) where they are given. marking_type, colour: (B, H, W) indices;
    curb: (B, H, W). known: (B, H, W) 1 where the label counts."""

    features: Tensor
    classes: Tensor
    offset_m: Tensor
    direction: Tensor
    near: Tensor
    marking_type: Tensor
    colour: Tensor
    curb: Tensor
    known: Tensor

    def to(self, device: str) -> Batch:
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in self.__dict__.items()})


def collate(samples: list[Sample], rng: np.random.Generator | None, crop_cells: int | None = None) -> Batch:
    """Features and targets; with `rng`, each sample turned, mirrored, and its camera dropped at random.

    crop_cells: with `rng`, only a window of this edge (0.2 m cells), placed at random, is used.
    """
    quarter = rng.integers(0, 4, len(samples)) if rng is not None else np.zeros(len(samples), dtype=np.int64)
    mirrored = rng.random(len(samples)) < 0.5 if rng is not None else np.zeros(len(samples), dtype=np.bool_)
    blind = rng.random(len(samples)) < 0.2 if rng is not None else np.zeros(len(samples), dtype=np.bool_)
    parts = [_turned(s, int(q), bool(m), bool(b)) for s, q, m, b in zip(samples, quarter, mirrored, blind)]
    if rng is not None and crop_cells is not None:
        parts = [_window(part, crop_cells, rng) for part in parts]
    lidar, camera, *targets = (torch.stack(column) for column in zip(*parts))
    camera = functional.interpolate(camera, scale_factor=2, mode="nearest")
    return Batch(features_of(lidar, camera), *targets)


def targets_of(sample: Sample) -> tuple[Tensor, ...]:
    """Label tensors of one sample in the order of Batch, without the batch axis."""
    labels = sample.labels
    flags = torch.from_numpy(labels.flags)
    bit = [((flags >> i) & 1).float() for i in range(8)]
    offset = torch.from_numpy(labels.offset.astype(np.float32))
    near = (offset[0::2] > -128).float()
    offset_m = offset * OFFSET_STEP_M * near.repeat_interleave(2, 0)
    twice = torch.from_numpy(labels.angle.astype(np.float32)) * (2 * torch.pi / 256)
    direction = torch.stack([torch.cos(twice), torch.sin(twice)], dim=1).flatten(0, 1)
    marking, colour = (torch.from_numpy(a.astype(np.int64)) for a in (labels.marking_type, labels.colour))
    known = 1 - bit[IGNORED_BIT]
    return torch.stack(bit[:_CLASSES]), offset_m, direction, near, marking, colour, bit[CURB_BIT], known


def _turned(sample: Sample, quarters: int, mirrored: bool, blind: bool) -> tuple[Tensor, ...]:
    """One sample's tensors after mirroring x and turning by quarters (counter-clockwise with y up)."""
    camera = torch.from_numpy(sample.camera.astype(np.float32)) * (0.0 if blind else 1.0)
    lidar = torch.from_numpy(sample.lidar)
    classes, offset, direction, near, marking, colour, curb, known = targets_of(sample)
    offset, direction = offset.clone(), direction.clone()
    if mirrored:
        offset[0::2] *= -1
        direction[1::2] *= -1
        marking = _MIRRORED_TYPE[marking]
    for _ in range(quarters % 4):
        offset = torch.stack([-offset[1::2], offset[0::2]], dim=1).flatten(0, 1)
    direction = direction * (-1.0) ** quarters
    turned = []
    for tensor in (lidar, camera, classes, offset, direction, near, marking, colour, curb, known):
        flipped = tensor.flip(-1) if mirrored else tensor
        # rows grow with y: a turn from x to y is a turn from the last axis to the one before
        turned.append(torch.rot90(flipped, quarters, (-1, -2)).contiguous())
    return tuple(turned)


def _window(tensors: tuple[Tensor, ...], crop_cells: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """The same random window of one sample's tensors; the first is at 0.1 m, the others at 0.2 m."""
    spare = tensors[1].shape[-1] - crop_cells
    row, column = (int(v) for v in rng.integers(0, spare + 1, 2))
    cut = []
    for index, tensor in enumerate(tensors):
        scale = FINE_CELLS if index == 0 else 1
        rows = slice(row * scale, (row + crop_cells) * scale)
        cut.append(tensor[..., rows, column * scale : (column + crop_cells) * scale])
    return tuple(cut)


def _mirrored_types() -> Tensor:
    names = list(MARKING_TYPES)
    swapped = {"solid_dashed": "dashed_solid", "dashed_solid": "solid_dashed"}
    return torch.tensor([names.index(swapped.get(name, name)) for name in names])


_MIRRORED_TYPE = _mirrored_types()


def stream(
    shards: tuple[Path, ...],
    samples_per_shard: int,
    batch_size: int,
    seed: int,
    first_step: int,
    crop_cells: int | None = None,
) -> Iterator[Batch]:
    """Endless batches from `first_step` on; step n's batch depends on the shards and the seed alone."""
    step = 0
    for epoch in count():
        order = np.random.default_rng([seed, epoch]).permutation(len(shards))
        for start in range(0, len(order), SHARDS_MIXED):
            group = order[start : start + SHARDS_MIXED]
            steps = len(group) * samples_per_shard // batch_size
            if step + steps <= first_step:
                step += steps
                continue
            samples = [sample for index in group for sample in read_shard(shards[index])]
            mixed = np.random.default_rng([seed, epoch, start]).permutation(len(samples))
            for k in range(steps):
                if step >= first_step:
                    chosen = [samples[i] for i in mixed[k * batch_size : (k + 1) * batch_size]]
                    yield collate(chosen, np.random.default_rng([seed, 1, step]), crop_cells)
                step += 1


def prefetched(batches: Iterator[Batch], depth: int = 3) -> Iterator[Batch]:
    """The same batches, prepared by a thread ahead of their use; an error there is raised here."""
    line: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=depth)

    def fill() -> None:
        try:
            for batch in batches:
                line.put(batch)
        except (OSError, ValueError, RuntimeError) as error:
            line.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        item = line.get()
        if isinstance(item, BaseException):
            raise item
        yield item
