"""Trains the sign and light detector on drawn pictures and simulated frames: first to find, then to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.models.sign_detector import ARCHITECTURE, CLASSES, SignDetector
from mapforge.models.sign_reader import cut_crops
from mapforge.models.weights import ModelWeights, load_tensors, read_weights, write_weights
from mapforge.training.sign_config import SignTrainingConfig
from mapforge.training.sign_crops import reading_boxes
from mapforge.training.sign_frames import FrameCrops
from mapforge.training.sign_loop import Rhythm, SignLoop
from mapforge.training.sign_scenes import SignScene, render_scene
from mapforge.training.sign_scores import score_on_scenes

Batch = tuple[Tensor, list[dict[str, Tensor]]]
Labelled = Callable[[int], SignScene]


def train_signs(
    config: SignTrainingConfig, folder: Path, target: Path, frames: Path | None = None, start: Path | None = None
) -> dict[str, Any]:
    """Trains, or goes on where a killed run stopped, and writes weights and card.

    folder: of checkpoints and logs (`detector.jsonl`, `reader.jsonl`). target: the .safetensors file; its card lies
    beside it. frames: folder of simulated camera frames with their boxes; made in `folder` when wanted and not given.
    start: weights to begin from. Returns the card.
    """
    frames = _frames(config, folder, frames)
    torch.manual_seed(config.seed)
    model = SignDetector().to(memory_format=torch.channels_last)
    if start is not None:
        load_tensors(model, read_weights(start, ARCHITECTURE), str(start))
    crops = None if frames is None else FrameCrops(frames)
    _learn_to_find(model, config, folder, crops)
    _learn_to_read(model, config, folder, crops)
    model.eval()
    card = _card(model, config, frames, start)
    settings = {"stage_channels": list(model.stage_channels), "head_channels": model.head_channels}
    write_weights(ModelWeights(ARCHITECTURE, settings, model.state_dict()), target, folder / "tmp", card)
    return card


def _frames(config: SignTrainingConfig, folder: Path, given: Path | None) -> Path | None:
    if not config.frames_share or given is not None:
        return given
    made = folder / "frames"
    if not made.exists():
        from mapforge.training.sign_truth import write_frames  # the simulator brings open3d, which drawing needs not

        write_frames(made, folder / "tmp", config.frames_first_seed, config.frames_worlds, config.frames)
    return made


def _learn_to_find(model: SignDetector, config: SignTrainingConfig, folder: Path, crops: FrameCrops | None) -> None:
    """Everything but the reader."""
    if not config.steps:
        return
    finder = nn.ModuleDict({"backbone": model.backbone, "head": model.head})
    loop = SignLoop(finder, _rhythm(config, config.steps, config.learning_rate), folder, "detector")
    draw = _Pictures(config, crops, config.batch * config.steps, crowded=False)
    for images, targets in _batches(draw, config.batch, loop.step, config.workers):
        finder.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            losses = model.losses(images, targets)
        loop.learn(losses)
    loop.finish()


def _learn_to_read(model: SignDetector, config: SignTrainingConfig, folder: Path, crops: FrameCrops | None) -> None:
    """The reader alone, on crowded pictures."""
    if not config.reader_steps:
        return
    loop = SignLoop(model.reader, _rhythm(config, config.reader_steps, config.reader_rate), folder, "reader")
    draw = _Pictures(config, crops, config.reader_pictures * config.reader_steps, crowded=True)
    for images, targets in _batches(draw, config.reader_pictures, loop.step, config.workers):
        model.reader.train()
        labels = torch.cat([target["labels"] for target in targets])
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            answers = model.reader(cut_crops(images, [target["boxes"] for target in targets]))
        loop.learn({"reading": nn.functional.cross_entropy(answers, labels, label_smoothing=0.02)})
    loop.finish()


def _rhythm(config: SignTrainingConfig, steps: int, learning_rate: float) -> Rhythm:
    return Rhythm(
        steps, learning_rate, min(config.warmup_steps, steps), config.weight_decay, config.ema_decay,
        config.gradient_norm_max, config.checkpoint_steps, config.log_steps, fingerprint_of(config=config),
    )  # fmt: skip


class _Pictures(Dataset[tuple[SignScene, int]]):
    """Picture k of a run with its number, drawn or cut from a frame."""

    def __init__(self, config: SignTrainingConfig, crops: FrameCrops | None, count: int, crowded: bool) -> None:
        self.config, self.crops, self.count, self.crowded = config, crops, count, crowded
        self.seed = config.seed + (500_000 if crowded else 0)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[SignScene, int]:
        return self._scene(index), index

    def _scene(self, index: int) -> SignScene:
        config = self.config
        choice = np.random.default_rng([self.seed, index, 1]).random()
        if self.crops is not None and choice < config.frames_share:
            return self.crops.crop(self.seed, index, config.picture_px)
        return render_scene(self.seed, index, config.picture_px, self.crowded)


def _batches(pictures: _Pictures, batch: int, first_step: int, workers: int) -> Iterator[Batch]:
    order = range(first_step * batch, len(pictures))
    return iter(
        DataLoader(
            pictures,
            batch_size=batch,
            sampler=order,
            num_workers=workers,
            collate_fn=_to_read if pictures.crowded else _to_find,
            prefetch_factor=4 if workers else None,
        )
    )


def _to_find(numbered: list[tuple[SignScene, int]]) -> Batch:
    scenes = [scene for scene, _ in numbered]
    targets = [
        {"boxes": torch.from_numpy(scene.boxes_px), "labels": torch.from_numpy(scene.labels)} for scene in scenes
    ]
    return _images(scenes), targets


def _to_read(numbered: list[tuple[SignScene, int]]) -> Batch:
    targets = []
    for scene, index in numbered:
        boxes, labels = reading_boxes(scene, np.random.default_rng([index, 3]))
        targets.append({"boxes": boxes, "labels": labels})
    return _images([scene for scene, _ in numbered]), targets


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
