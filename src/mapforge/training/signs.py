"""Trains the sign and light detector on drawn pictures: seeded, resumable, logged, with a card."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mapforge.errors import ModelError
from mapforge.io.atomic import atomic_file
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.models.sign_detector import ARCHITECTURE, CLASSES, SignDetector
from mapforge.models.weights import ModelWeights, load_tensors, read_weights, write_weights
from mapforge.training.sign_config import SignTrainingConfig
from mapforge.training.sign_frames import FrameCrops
from mapforge.training.sign_scenes import SignScene, render_scene
from mapforge.training.sign_scores import score_on_scenes

Batch = tuple[Tensor, list[dict[str, Tensor]]]


def train_signs(
    config: SignTrainingConfig, folder: Path, target: Path, frames: Path | None = None, start: Path | None = None
) -> dict[str, Any]:
    """Trains, or goes on where a killed run stopped, and writes weights and card.

    folder: of checkpoint and log (`train.jsonl`). target: the .safetensors file; its card lies beside it.
    frames: folder of simulated camera frames with their boxes; made in `folder` when wanted and not given.
    start: weights to begin from. Returns the card.
    """
    frames = _frames(config, folder, frames)
    torch.manual_seed(config.seed)
    model = SignDetector().to(memory_format=torch.channels_last)
    if start is not None:
        load_tensors(model, read_weights(start, ARCHITECTURE), str(start))
    averaged = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    checkpoint = folder / "checkpoint.pt"
    first = _resume(checkpoint, model, averaged, optimiser, config)
    for step, (images, targets) in enumerate(_batches(config, first, frames), start=first):
        losses = _step(model, optimiser, images, targets, config, step)
        _average(averaged, model, min(config.ema_decay, (step + 1) / (step + 10)))
        if step % config.log_steps == 0 or step + 1 == config.steps:
            _log(folder / "train.jsonl", {"step": step, "learning_rate": _rate(config, step), **losses})
        if (step + 1) % config.checkpoint_steps == 0 or step + 1 == config.steps:
            _save_checkpoint(checkpoint, step + 1, model, averaged, optimiser, config)
    model.load_state_dict(averaged)
    model.eval()
    card = _card(model, config, frames, start)
    settings = {"stage_channels": list(model.stage_channels), "head_channels": model.head_channels}
    write_weights(ModelWeights(ARCHITECTURE, settings, averaged), target, folder / "tmp", card)
    return card


def _frames(config: SignTrainingConfig, folder: Path, given: Path | None) -> Path | None:
    if not config.frames_share or given is not None:
        return given
    made = folder / "frames"
    if not made.exists():
        from mapforge.training.sign_truth import write_frames  # the simulator brings open3d, which drawing needs not

        write_frames(made, folder / "tmp", config.frames_first_seed, config.frames_worlds, config.frames)
    return made


class _Pictures(Dataset[SignScene]):
    """Picture k of the run, drawn or cut from a frame."""

    def __init__(self, config: SignTrainingConfig, frames: Path | None) -> None:
        self.config = config
        self.crops = None if frames is None else FrameCrops(frames)

    def __len__(self) -> int:
        return self.config.steps * self.config.batch

    def __getitem__(self, index: int) -> SignScene:
        config = self.config
        choice = np.random.default_rng([config.seed, index, 1]).random()
        if self.crops is not None and choice < config.frames_share:
            return self.crops.crop(config.seed, index, config.picture_px)
        return render_scene(config.seed, index, config.picture_px)


def _batches(config: SignTrainingConfig, first_step: int, frames: Path | None) -> Iterator[Batch]:
    order = range(first_step * config.batch, config.steps * config.batch)
    return iter(
        DataLoader(
            _Pictures(config, frames),
            batch_size=config.batch,
            sampler=order,
            num_workers=config.workers,
            collate_fn=_collate,
            prefetch_factor=4 if config.workers else None,
        )
    )


def _collate(scenes: list[SignScene]) -> Batch:
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2)
    targets = [
        {"boxes": torch.from_numpy(scene.boxes_px), "labels": torch.from_numpy(scene.labels)} for scene in scenes
    ]
    return images, targets


def _step(
    model: SignDetector,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    targets: list[dict[str, Tensor]],
    config: SignTrainingConfig,
    step: int,
) -> dict[str, float]:
    for group in optimiser.param_groups:
        group["lr"] = _rate(config, step)
    model.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        losses = model.losses(images.float() / 255.0, targets)
    total = torch.stack(list(losses.values())).sum()
    if not torch.isfinite(total):
        raise ModelError(f"the loss is {float(total)} at step {step}: lower learning_rate and start again")
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_norm_max)
    optimiser.step()
    return {**{name: round(float(value.detach()), 5) for name, value in losses.items()}, "gradient_norm": float(norm)}


def _rate(config: SignTrainingConfig, step: int) -> float:
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


@torch.no_grad()
def _average(averaged: dict[str, Tensor], model: SignDetector, decay: float) -> None:
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            averaged[name].lerp_(tensor, 1.0 - decay)
        else:
            averaged[name].copy_(tensor)


def _resume(
    path: Path,
    model: SignDetector,
    averaged: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    config: SignTrainingConfig,
) -> int:
    """The step to go on from: 0 without a checkpoint. Raises ModelError when the checkpoint has other settings."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["config"] != fingerprint_of(config=config):
        raise ModelError(f"{path} belongs to a run with other settings; delete it or give them again")
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    for name, tensor in state["averaged"].items():
        averaged[name].copy_(tensor)
    return int(state["step"])


def _save_checkpoint(
    path: Path,
    step: int,
    model: SignDetector,
    averaged: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    config: SignTrainingConfig,
) -> None:
    state = {
        "step": step,
        "model": model.state_dict(),
        "averaged": averaged,
        "optimiser": optimiser.state_dict(),
        "config": fingerprint_of(config=config),
    }
    with atomic_file(path, path.parent / "tmp") as unfinished:
        torch.save(state, unfinished)


def _log(path: Path, line: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


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
