"""Trains the sign and light detector on drawn pictures and simulated frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.models.bev_segmenter import runs_bfloat16
from mapforge.models.sign_detector import ARCHITECTURE, CLASSES, SignDetector
from mapforge.models.sign_reader import cut_crops
from mapforge.models.weights import ModelWeights, load_tensors, read_weights, write_weights
from mapforge.training.batches import Share
from mapforge.training.learner import Learner
from mapforge.training.learning_config import settings_that_decide
from mapforge.training.loop import RunFiles, learn
from mapforge.training.processes import Processes, joined
from mapforge.training.schedule import Schedule
from mapforge.training.sign_config import SignTrainingConfig
from mapforge.training.sign_crops import reading_boxes
from mapforge.training.sign_frames import FrameCrops
from mapforge.training.sign_scenes import SignScene, render_scene
from mapforge.training.sign_scores import score_on_scenes
from mapforge.training.watch import Watch

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Pictures:
    """images: (B, 3, H, W) float32 0..1. targets: boxes (N, 4) and labels (N,) of each."""

    images: Tensor
    targets: list[dict[str, Tensor]]

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: str) -> Pictures:
        targets = [{name: value.to(device) for name, value in target.items()} for target in self.targets]
        return Pictures(self.images.to(device, memory_format=torch.channels_last), targets)


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


def train_signs(
    config: SignTrainingConfig,
    folder: Path,
    target: Path,
    frames: Path | None = None,
    start: Path | None = None,
    progress: Progress = _silent,
) -> dict[str, Any] | None:
    """Trains, or goes on where a killed run stopped, and writes weights and card: first to find, then to read.

    folder: of checkpoints and logs (`detector.jsonl`, `reader.jsonl`). target: the .safetensors file; its card lies
    beside it. frames: folder of simulated camera frames with their boxes; made in `folder` when wanted and not given.
    start: weights to begin from. Returns the card; None when the run's minutes were over before its steps (the same
    call goes on), and in any but the first of several processes.
    """
    with joined(config.learning.device) as processes:
        torch.use_deterministic_algorithms(config.learning.deterministic)
        if not processes.is_first:
            processes.wait()
        frames = _frames(config, folder, frames)
        if processes.is_first:
            processes.wait()
        torch.manual_seed(config.seed)
        model = SignDetector()
        if start is not None:
            load_tensors(model, read_weights(start, ARCHITECTURE), str(start))
        crops = None if frames is None else FrameCrops(frames)
        if not _learned(model, crops, _Run(config, folder, processes, progress)) or not processes.is_first:
            return None
        model = model.cpu().requires_grad_(True).eval()
        card = _card(model, config, frames, start)
        settings = {"stage_channels": list(model.stage_channels), "head_channels": model.head_channels}
        write_weights(ModelWeights(ARCHITECTURE, settings, model.state_dict()), target, folder / "tmp", card)
        return card


def _learned(model: SignDetector, crops: FrameCrops | None, run: _Run) -> bool:
    """Both parts to their ends; False when the run's minutes were over before."""
    config, count = run.config, run.processes.count
    bfloat16 = config.learning.bf16 and runs_bfloat16(run.processes.device)
    rates = (config.weight_decay, config.ema_decay)
    if config.steps:
        share = Share(config.batch, run.processes.rank, count)
        drawn = PictureSet(config, crops, _pictures(config, config.steps, share), crowded=False)
        schedule = Schedule(config.steps, config.learning_rate, min(config.warmup_steps, config.steps), *rates)
        if not _learn(FindingObjective(model, bfloat16), "detector", drawn, schedule, share, run):
            return False
    if config.reader_steps:
        share = Share(config.reader_pictures, run.processes.rank, count)
        drawn = PictureSet(config, crops, _pictures(config, config.reader_steps, share), crowded=True)
        schedule = Schedule(
            config.reader_steps, config.reader_rate, min(config.warmup_steps, config.reader_steps), *rates
        )
        if not _learn(ReadingObjective(model, bfloat16), "reader", drawn, schedule, share, run):
            return False
    return True


def _pictures(config: SignTrainingConfig, steps: int, share: Share) -> int:
    return steps * config.learning.accumulate * share.step_samples


def _frames(config: SignTrainingConfig, folder: Path, given: Path | None) -> Path | None:
    if not config.frames_share or given is not None:
        return given
    made = folder / "frames"
    if not made.exists():
        from mapforge.training.sign_truth import write_frames  # the simulator brings open3d, which drawing needs not

        write_frames(made, folder / "tmp", config.frames_first_seed, config.frames_worlds, config.frames)
    return made


class FindingObjective(nn.Module):
    """Finds signs; the reader stays as it is."""

    def __init__(self, model: SignDetector, bfloat16: bool) -> None:
        super().__init__()
        self.model, self.uses_bfloat16 = model, bfloat16
        _learn_only(model, model.backbone, model.head)

    def forward(self, batch: Pictures) -> dict[str, Tensor]:
        with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=self.uses_bfloat16):
            return self.model.losses(batch.images, batch.targets)


class ReadingObjective(nn.Module):
    """Reads what is found; the finder stays as it is."""

    def __init__(self, model: SignDetector, bfloat16: bool) -> None:
        super().__init__()
        self.model, self.uses_bfloat16 = model, bfloat16
        _learn_only(model, model.reader)

    def forward(self, batch: Pictures) -> dict[str, Tensor]:
        labels = torch.cat([target["labels"] for target in batch.targets])
        with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=self.uses_bfloat16):
            answers = self.model.reader(cut_crops(batch.images, [target["boxes"] for target in batch.targets]))
        return {"reading": nn.functional.cross_entropy(answers, labels, label_smoothing=0.02)}


def _learn_only(model: SignDetector, *parts: nn.Module) -> None:
    model.requires_grad_(False)
    for part in parts:
        part.requires_grad_(True)


def _learn(
    objective: FindingObjective | ReadingObjective,
    name: str,
    pictures: PictureSet,
    schedule: Schedule,
    share: Share,
    run: _Run,
) -> bool:
    """One objective to its end, its model left with the averaged weights; False when the minutes were over before."""
    identity = fingerprint_of(
        settings=settings_that_decide(asdict(run.config)), name=name, processes=run.processes.count
    )
    learner = Learner(objective, schedule, run.config.learning, run.processes, identity)
    files = RunFiles(run.folder, name)
    if files.checkpoint.exists():
        learner.resume(files.checkpoint)
    learning = run.config.learning
    batches = pictures.batches(share, learner.step * learning.accumulate, run.config.workers)
    with closing(Watch(run.folder, name, run.processes, learning.tensorboard, learning.profile_steps)) as watch:
        done = learn(
            learner, batches, files, watch, None,
            lambda step, steps, loss: run.progress(f"training the {name}, loss {loss:.3f}", step, steps),
        )  # fmt: skip
    objective.load_state_dict(learner.averaged())
    objective.eval()
    return done


@dataclass(frozen=True)
class _Run:
    """What the parts of one run share."""

    config: SignTrainingConfig
    folder: Path
    processes: Processes
    progress: Progress


class PictureSet(Dataset[tuple[SignScene, int]]):
    """Picture k of a run with its number, drawn or cut from a frame."""

    def __init__(self, config: SignTrainingConfig, crops: FrameCrops | None, count: int, crowded: bool) -> None:
        self.config, self.crops, self.count, self.crowded = config, crops, count, crowded
        self.seed = config.seed + (500_000 if crowded else 0)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[SignScene, int]:
        return self._scene(index), index

    def batches(self, share: Share, first: int, workers: int) -> Iterator[Pictures]:
        """This process's part of every batch from number `first` on."""
        numbers = range(first, len(self) // share.step_samples)
        order = [number * share.step_samples + i for number in numbers for i in share.own]
        return iter(
            DataLoader(
                self,
                batch_size=share.batch,
                sampler=order,
                num_workers=workers,
                collate_fn=_to_read if self.crowded else _to_find,
                prefetch_factor=4 if workers else None,
            )
        )

    def _scene(self, index: int) -> SignScene:
        config = self.config
        choice = np.random.default_rng([self.seed, index, 1]).random()
        if self.crops is not None and choice < config.frames_share:
            return self.crops.crop(self.seed, index, config.picture_px)
        return render_scene(self.seed, index, config.picture_px, self.crowded)


def _to_find(numbered: list[tuple[SignScene, int]]) -> Pictures:
    scenes = [scene for scene, _ in numbered]
    targets = [
        {"boxes": torch.from_numpy(scene.boxes_px), "labels": torch.from_numpy(scene.labels)} for scene in scenes
    ]
    return Pictures(_images(scenes), targets)


def _to_read(numbered: list[tuple[SignScene, int]]) -> Pictures:
    targets = []
    for scene, index in numbered:
        boxes, labels = reading_boxes(scene, np.random.default_rng([index, 3]))
        targets.append({"boxes": boxes, "labels": labels})
    return Pictures(_images([scene for scene, _ in numbered]), targets)


def _images(scenes: list[SignScene]) -> Tensor:
    """(B, 3, H, W) float32 0..1."""
    return torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2).float() / 255.0


def _card(model: SignDetector, config: SignTrainingConfig, frames: Path | None, start: Path | None) -> dict[str, Any]:
    held_out = config.seed + 1_000_003
    scores = score_on_scenes(model, held_out, config.evaluation_pictures, config.picture_px, config.score_min)
    return {
        "model": ARCHITECTURE,
        "classes": list(CLASSES),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "training": asdict(config),
        "started_from": None if start is None else _origin(start),
        "code_version": code_version("mapforge.training", "mapforge.models"),
        "data": "drawn pictures (training/sign_scenes.py)"
        + ("" if frames is None else ", and crops of simulated camera frames"),
        "scores": {f"drawn pictures of seed {held_out}": scores},
        "limits": [
            "trained on drawings alone, no photograph: see the scores on photographs, when given, before relying on it",
            "signs under about 12 px are often missed or mistyped",
            "speed limits other than 30, 50 and 70 are found but written as 'unknown'",
        ],
    }


def _origin(start: Path) -> dict[str, Any]:
    """Which weights a run began from, and how those were trained as far as their card tells."""
    card = start.with_suffix(".json")
    training = json.loads(card.read_text(encoding="utf-8")).get("training") if card.exists() else None
    return {"sha256": sha256_of_file(start), "training": training}
