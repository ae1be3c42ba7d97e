"""Batches from shards: the same order for the same seed from any step on, turned and mirrored at random.

What a step shows depends on the seed, the step and the number of samples in all processes together, not on how many
processes share them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mapforge.errors import MapForgeError
from mapforge.models.normalisation import FINE_CELLS, features_of
from mapforge.schemas.rasters import OBSERVED_AREA_CLASSES, OBSERVED_LINE_CLASSES, OFFSET_STEP_M
from mapforge.schemas.vocabulary import MARKING_TYPES
from mapforge.training.dataset import read_shard
from mapforge.training.generator import Sample
from mapforge.training.label_raster import CURB_BIT, IGNORED_BIT

SHARDS_MIXED = 3
"""Samples of this many shards are shuffled together."""

_CLASSES = len(OBSERVED_LINE_CLASSES) + len(OBSERVED_AREA_CLASSES)
_LINES = len(OBSERVED_LINE_CLASSES)


@dataclass(frozen=True, eq=False)
class Batch:
    """lidar: (B, 6, 2H, 2W) channels at 0.1 m; camera: (B, 4, H, W) colour and hits at 0.2 m (see
    models.normalisation). classes: (B, 5, H, W) 0 or 1. offset_m, direction: (B, 6, H, W) x, y and
    cos2, sin2 a line class; near: (B, 3, H, W) where they are given. marking_type, colour: (B, H, W) indices;
    curb: (B, H, W). known: (B, H, W) 1 where the label counts."""

    lidar: Tensor
    camera: Tensor
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

    def __len__(self) -> int:
        return len(self.lidar)

    def features(self) -> Tensor:
        """(B, INPUT_FEATURES, H, W), made where the batch lies."""
        camera = functional.interpolate(self.camera, scale_factor=FINE_CELLS, mode="nearest")
        return features_of(self.lidar, camera).contiguous(memory_format=torch.channels_last)


def collate(samples: list[Sample], seeds: Sequence[list[int]] | None, crop_cells: int | None = None) -> Batch:
    """Inputs and targets; with `seeds` (one a sample), each sample turned, mirrored, and its camera dropped at random.

    crop_cells: with `seeds`, only a window of this edge (0.2 m cells), placed at random, is used.
    """
    if seeds is None:
        parts = [_turned(sample, 0, False, False) for sample in samples]
    else:
        parts = [_varied(sample, np.random.default_rng(seed), crop_cells) for sample, seed in zip(samples, seeds)]
    return Batch(*(torch.stack(column) for column in zip(*parts)))


def _varied(sample: Sample, rng: np.random.Generator, crop_cells: int | None) -> tuple[Tensor, ...]:
    turned = _turned(sample, int(rng.integers(0, 4)), bool(rng.random() < 0.5), bool(rng.random() < 0.2))
    return turned if crop_cells is None else _window(turned, crop_cells, rng)


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


@dataclass(frozen=True)
class Share:
    """Which part of every step's samples this process takes. batch: samples a process and step."""

    batch: int
    rank: int = 0
    count: int = 1

    @property
    def step_samples(self) -> int:
        """Of all processes."""
        return self.batch * self.count

    @property
    def own(self) -> range:
        """This process's places among the samples of a step."""
        return range(self.rank * self.batch, (self.rank + 1) * self.batch)


Recipe = Callable[[], Batch]
"""Makes a batch; called where there is time for it."""


def stream(
    shards: tuple[Path, ...],
    samples_per_shard: int,
    share: Share,
    seed: int,
    first_step: int,
    crop_cells: int | None = None,
    curriculum_epochs: int = 0,
) -> Iterator[Recipe]:
    """Endless batches from `first_step` on.

    curriculum_epochs: in the first so many rounds through the shards, only the easier part of the samples is shown,
    a growing one (Bengio et al. 2009, Curriculum learning).
    """
    step = 0
    for epoch in count():
        order = np.random.default_rng([seed, epoch]).permutation(len(shards))
        for start in range(0, len(order), SHARDS_MIXED):
            group = order[start : start + SHARDS_MIXED]
            steps = len(group) * samples_per_shard // share.step_samples
            if step + steps <= first_step:
                step += steps
                continue
            samples = [sample for index in group for sample in read_shard(shards[index])]
            mixed = np.random.default_rng([seed, epoch, start]).permutation(len(samples))
            if epoch < curriculum_epochs:
                mixed = np.resize(easiest(samples, mixed, (epoch + 1) / (curriculum_epochs + 1)), len(mixed))
            for k in range(steps):
                if step >= first_step:
                    chosen = [samples[mixed[k * share.step_samples + i]] for i in share.own]
                    yield partial(collate, chosen, [[seed, 1, step, i] for i in share.own], crop_cells)
                step += 1


def easiest(samples: list[Sample], order: NDArray[np.int64], part: float) -> NDArray[np.int64]:
    """The easier part of the samples, in the order given; at least one."""
    hardness = np.array([difficulty(samples[i]) for i in order])
    kept = max(1, round(part * len(order)))
    return order[hardness <= np.partition(hardness, kept - 1)[kept - 1]]


def difficulty(sample: Sample) -> float:
    """How little of a sample's lines was seen, 0..1, and how little their paint stands out, 0..1; their sum."""
    flags = sample.labels.flags
    known = (flags >> IGNORED_BIT & 1) == 0
    hit, brightness = sample.lidar[0, ::2, ::2] > 0, sample.lidar[1, ::2, ::2]
    lines = ((flags & (2**_LINES - 1)) > 0) & known
    unseen = 1.0 - float(hit[lines].mean()) if lines.any() else 1.0
    paint, road = (flags & 1 > 0) & hit, (flags >> (_CLASSES - 1) & 1 > 0) & (flags & 1 == 0) & hit
    if not paint.any() or not road.any():
        return unseen + 1.0
    contrast = float(brightness[paint].mean() / max(float(brightness[road].mean()), 1e-3))
    return unseen + float(np.clip(2.0 - contrast, 0.0, 1.0))


def prefetched(recipes: Iterator[Recipe], threads: int = 1, depth: int = 3) -> Iterator[Batch]:
    """The batches in order, prepared by threads ahead of their use; an error there is raised here."""
    line: queue.Queue[Future[Batch] | BaseException] = queue.Queue(maxsize=depth + threads)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")

    def fill() -> None:
        try:
            for recipe in recipes:
                line.put(pool.submit(recipe))
        except (OSError, ValueError, RuntimeError, MapForgeError) as error:
            line.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        item = line.get()
        if isinstance(item, BaseException):
            raise item
        yield item.result()
