"""Trains the detector of faces and number plates on drawn pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mapforge.io.fingerprint import code_version, fingerprint_of
from mapforge.models.bev_segmenter import runs_bfloat16
from mapforge.models.privacy_detector import ARCHITECTURE, CLASSES, STRIDE_PX, PrivacyDetector
from mapforge.models.weights import ModelWeights, load_tensors, read_weights, write_weights
from mapforge.training.batches import Share
from mapforge.training.learner import Learner
from mapforge.training.learning_config import settings_that_decide
from mapforge.training.loop import RunFiles, learn
from mapforge.training.privacy_config import PrivacyTrainingConfig
from mapforge.training.privacy_scenes import PrivacyScene, render_privacy_scene
from mapforge.training.privacy_scores import score_on_drawn
from mapforge.training.processes import joined
from mapforge.training.schedule import Schedule
from mapforge.training.watch import Watch

Progress = Callable[[str, int, int], None]
_SCORE_MINS = (0.1, 0.2, 0.3, 0.5)
_SIDES_WEIGHT = 1.0


@dataclass(frozen=True, eq=False)
class PrivacyBatch:
    """images: (B, 3, H, W) float32 0..1. heat: (B, classes, H/4, W/4), 1 where a thing's centre is, falling around it.

    sides: (B, 4, H/4, W/4) logarithms of the distances to the four sides of the thing in whose middle a cell lies;
    inside: (B, 1, H/4, W/4) whether there is one.
    """

    images: Tensor
    heat: Tensor
    sides: Tensor
    inside: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: str) -> PrivacyBatch:
        images = self.images.to(device, memory_format=torch.channels_last)
        return PrivacyBatch(images, self.heat.to(device), self.sides.to(device), self.inside.to(device))


class PrivacyObjective(nn.Module):
    """The penalty-reduced focal loss of CenterNet on peaks, and L1 on the logarithms of the sides."""

    def __init__(self, model: PrivacyDetector, bfloat16: bool) -> None:
        super().__init__()
        self.model, self.uses_bfloat16 = model, bfloat16

    def forward(self, batch: PrivacyBatch) -> dict[str, Tensor]:
        with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=self.uses_bfloat16):
            logits, sides = self.model(batch.images)
        logits, sides = logits.float(), sides.float()
        share = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
        is_centre = batch.heat == 1.0
        hit = -((1 - share) ** 2) * share.log() * is_centre
        miss = -((1 - batch.heat) ** 4) * share**2 * (1 - share).log() * ~is_centre
        count = is_centre.sum().clamp(min=1)
        off = (sides - batch.sides).abs() * batch.inside
        cells = batch.inside.sum().clamp(min=1)
        return {"peaks": (hit.sum() + miss.sum()) / count, "sides": _SIDES_WEIGHT * off.sum() / cells}


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


def train_privacy(
    config: PrivacyTrainingConfig,
    folder: Path,
    target: Path,
    start: Path | None = None,
    progress: Progress = _silent,
) -> dict[str, Any] | None:
    """Trains, or goes on where a killed run stopped, and writes weights and card.

    Returns the card; None when the run's minutes were over before its steps, and in any but the first process.
    """
    with joined(config.learning.device) as processes:
        torch.use_deterministic_algorithms(config.learning.deterministic)
        torch.manual_seed(config.seed)
        model = PrivacyDetector()
        if start is not None:
            load_tensors(model, read_weights(start, ARCHITECTURE), str(start))
        objective = PrivacyObjective(model, config.learning.bf16 and runs_bfloat16(processes.device))
        schedule = Schedule(
            config.steps, config.learning_rate, min(config.warmup_steps, config.steps), config.weight_decay,
            config.ema_decay,
        )  # fmt: skip
        identity = fingerprint_of(settings=settings_that_decide(asdict(config)), processes=processes.count)
        learner = Learner(objective, schedule, config.learning, processes, identity)
        files = RunFiles(folder, "privacy")
        if files.checkpoint.exists():
            learner.resume(files.checkpoint)
        share = Share(config.batch, processes.rank, processes.count)
        batches = drawn_batches(config, share, learner.step * config.learning.accumulate)
        learning = config.learning
        with closing(Watch(folder, "privacy", processes, learning.tensorboard, learning.profile_steps)) as watch:
            done = learn(
                learner, batches, files, watch, None,
                lambda step, steps, loss: progress(f"training, loss {loss:.3f}", step, steps),
            )  # fmt: skip
        objective.load_state_dict(learner.averaged())
        if not done or not processes.is_first:
            return None
        model = model.cpu().eval()
        card = privacy_card(model, config)
        settings = {"channels": list(model.channels)}
        write_weights(ModelWeights(ARCHITECTURE, settings, model.state_dict()), target, folder / "tmp", card)
        return card


class _Drawn(Dataset[PrivacyScene]):
    """Picture k of a run: drawn once, and mirrored every other time it comes again."""

    def __init__(self, config: PrivacyTrainingConfig, count: int) -> None:
        self.config, self.count = config, count
        self._drawn: dict[int, PrivacyScene] = {}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> PrivacyScene:
        turn, number = divmod(index, self.config.pictures)
        if number not in self._drawn:
            self._drawn[number] = render_privacy_scene(self.config.seed, number, self.config.picture_px)
        scene = self._drawn[number]
        return scene.mirrored() if (turn + number) % 2 else scene


def drawn_batches(config: PrivacyTrainingConfig, share: Share, first: int) -> Iterator[PrivacyBatch]:
    """This process's part of every batch from number `first` on."""
    steps = config.steps * config.learning.accumulate
    order = [number * share.step_samples + i for number in range(first, steps) for i in share.own]
    return iter(
        DataLoader(
            _Drawn(config, steps * share.step_samples),
            batch_size=share.batch,
            sampler=order,
            num_workers=config.workers,
            collate_fn=privacy_batch,
            prefetch_factor=4 if config.workers else None,
        )
    )


def privacy_batch(scenes: list[PrivacyScene]) -> PrivacyBatch:
    """Pictures of one size with their targets."""
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2).float() / 255.0
    targets = [_targets(scene) for scene in scenes]
    heat, sides, inside = (torch.from_numpy(np.stack(parts)) for parts in zip(*targets))
    return PrivacyBatch(images, heat, sides, inside)


def _targets(scene: PrivacyScene) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Smaller things last, so that they win where two meet."""
    rows, columns = (edge // STRIDE_PX for edge in scene.image.shape[:2])
    heat = np.zeros((len(CLASSES), rows, columns), dtype=np.float32)
    sides = np.zeros((4, rows, columns), dtype=np.float32)
    inside = np.zeros((1, rows, columns), dtype=np.float32)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * STRIDE_PX + STRIDE_PX / 2
    areas = (scene.boxes_px[:, 2:] - scene.boxes_px[:, :2]).prod(axis=1)
    for i in np.argsort(-areas):
        x0, y0, x1, y1 = scene.boxes_px[i]
        middle_x, middle_y, wide, tall = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        spread_x, spread_y = max(wide / 6, 2.0), max(tall / 6, 2.0)
        bump = np.exp(-(((x - middle_x) / spread_x) ** 2 + ((y - middle_y) / spread_y) ** 2) / 2)
        row, column = (min(int(v / STRIDE_PX), limit - 1) for v, limit in ((middle_y, rows), (middle_x, columns)))
        bump[row, column] = 1.0
        label = int(scene.labels[i])
        heat[label] = np.maximum(heat[label], np.where(bump == 1.0, 1.0, np.minimum(bump, 0.99)))
        near = (np.abs(x - middle_x) < max(wide / 4, 2.0)) & (np.abs(y - middle_y) < max(tall / 4, 2.0))
        near[row, column] = True
        reach = np.log(np.maximum(np.stack([x - x0, y - y0, x1 - x, y1 - y]), 0.5))
        sides[:, near], inside[0, near] = reach[:, near], 1.0
    return heat, sides, inside


def privacy_card(model: PrivacyDetector, config: PrivacyTrainingConfig) -> dict[str, Any]:
    """The card as JSON values, with the recall on held-out drawings."""
    held_out = config.seed + 1_000_003
    scores = score_on_drawn(model, held_out, config.evaluation_pictures, config.picture_px, _SCORE_MINS)
    return {
        "model": ARCHITECTURE,
        "classes": list(CLASSES),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training": asdict(config),
        "code_version": code_version("mapforge.training", "mapforge.models"),
        "data": "drawn pictures (training/privacy_scenes.py); no photograph of anybody",
        "scores": {f"drawn pictures of seed {held_out}": scores},
        "limits": [
            "trained on drawings alone: how much it finds in real pictures was looked at, not measured; expect misses",
            "a face or plate counts as hidden when 80 % of it lies in one region, widened by 20 % as ingest does",
            "heads seen from behind are left alone; faces under about 8 px and plates under about 8 px are missed",
            "blurs some letters and lamps that are no plate",
        ],
    }
