"""Training the BEV network: data, loop, scores, weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch

from mapforge.errors import ConfigurationError
from mapforge.io.fingerprint import sha256_of_file
from mapforge.models.bev_segmenter import ARCHITECTURE, BevSegmenter, runs_bfloat16
from mapforge.models.weights import load_tensors, read_weights, write_weights
from mapforge.simulation.config import SimulationConfig
from mapforge.training.batches import Batch, collate, prefetched, stream
from mapforge.training.card import bev_card
from mapforge.training.config import BevTrainingConfig
from mapforge.training.dataset import ShardSet, generate_shards, read_shard, read_shard_set
from mapforge.training.drives import world_shards
from mapforge.training.generator import generate
from mapforge.training.loop import Schedule, Training, train
from mapforge.training.places import FIRST_TRAINING_SEED, generated_place, require_apart
from mapforge.training.scores import evaluate

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]


def train_bev(
    config: BevTrainingConfig,
    folder: Path,
    target: Path,
    progress: Progress,
    drives: Path | None = None,
    held_out_drives: Path | None = None,
    start: Path | None = None,
) -> dict[str, Any]:
    """Trains, or goes on where a killed run stopped, and writes weights and card.

    folder: of shards, checkpoint and log (`train.jsonl`). target: the .safetensors file; its card lies beside it.
    drives, held_out_drives: shard folders of ray-cast drives (see `drive_samples`). start: weights to begin from.
    progress: called with what is being done, how much is done, and of how much. Returns the card.
    Raises LeakageError when a place is in training and in evaluation.
    """
    if config.evaluation_crops > FIRST_TRAINING_SEED:
        raise ConfigurationError(f"evaluation_crops is {config.evaluation_crops}: at most {FIRST_TRAINING_SEED}")
    data = _training_data(config, folder, progress, drives)
    held_out = _held_out(config, folder, progress, held_out_drives)
    evaluated = {generated_place(seed) for seed in range(config.evaluation_crops)}
    evaluated |= {place for part in held_out for place in part.places}
    require_apart(frozenset().union(*(part.places for part in data)), evaluated)
    bfloat16 = config.bf16 and runs_bfloat16(config.device)
    training = _begin(config, folder / "checkpoint.pt", start, bfloat16)
    batches = _mixed(data, config, training.step)
    train(
        training,
        batches,
        checkpoint=folder / "checkpoint.pt",
        tmp=folder / "tmp",
        checkpoint_every=config.checkpoint_steps,
        log=folder / "train.jsonl",
        log_every=config.log_steps,
        progress=lambda done, total, loss: progress(f"training, loss {loss:.3f}", done, total),
    )
    training.save(folder / "checkpoint.pt", folder / "tmp")
    model = training.averaged_model()
    scores = {"generated": evaluate(model, generated_batches(config.evaluation_crops), config.device, bfloat16)}
    for part in held_out:
        name = "ray-cast drives: " + ", ".join(sorted(part.places))
        scores[name] = evaluate(model, shard_batches(part), config.device, bfloat16)
    sources = [f"{part.folder.name}: {len(part.shards)} shards" for part in data]
    card = bev_card(model, config, scores, sources, sha256_of_file(start) if start is not None else "")
    write_weights(model.weights(), target, folder / "tmp", card)
    return card


def generated_batches(crops: int, batch: int = 4) -> Iterator[Batch]:
    """Held-out generated crops, seeds 0, 1, ..."""
    for first in range(0, crops, batch):
        yield collate([generate(seed) for seed in range(first, min(first + batch, crops))], None)


def shard_batches(data: ShardSet, batch: int = 4) -> Iterator[Batch]:
    """All samples of shards in order."""
    for shard in data.shards:
        samples = read_shard(shard)
        for first in range(0, len(samples), batch):
            yield collate(samples[first : first + batch], None)


def _training_data(config: BevTrainingConfig, folder: Path, progress: Progress, drives: Path | None) -> list[ShardSet]:
    generated = generate_shards(
        folder / "shards", config.first_seed, config.shards, config.samples_per_shard, config.generator_workers,
        lambda done, total: progress("generating shards", done, total),
    )  # fmt: skip
    data = [generated]
    if config.worlds:
        data.append(_worlds(config.worlds, config, folder / "worlds", progress, for_training=True))
    if drives is not None:
        data.append(read_shard_set(drives))
    return data


def _held_out(config: BevTrainingConfig, folder: Path, progress: Progress, drives: Path | None) -> list[ShardSet]:
    data = [] if drives is None else [read_shard_set(drives)]
    if config.evaluation_worlds:
        seeds = config.evaluation_worlds
        data.append(_worlds(seeds, config, folder / "evaluation_worlds", progress, for_training=False))
    return data


def _worlds(
    seeds: list[int], config: BevTrainingConfig, folder: Path, progress: Progress, for_training: bool
) -> ShardSet:
    simulated = SimulationConfig(drives=config.drives_per_world, duration_s=config.drive_duration_s)
    simulated.sensors.camera.enabled = config.cameras
    simulated.sensors.radar.enabled = False
    return world_shards(
        seeds, simulated, folder, for_training, config.generator_workers,
        lambda done, total: progress("driving towns", done, total),
    )  # fmt: skip


def _begin(config: BevTrainingConfig, checkpoint: Path, start: Path | None, bfloat16: bool) -> Training:
    torch.manual_seed(config.seed)
    model = BevSegmenter(config.network)
    if start is not None:
        load_tensors(model, read_weights(start, ARCHITECTURE), str(start))
    schedule = Schedule(config.steps, config.learning_rate, config.warmup_share, config.weight_decay, config.ema_decay)
    training = Training(model, schedule, config.device, bfloat16)
    if checkpoint.exists():
        training.resume(checkpoint)
        logger.info("going on from step %d of %s", training.step, checkpoint)
    return training


def _mixed(data: list[ShardSet], config: BevTrainingConfig, first_step: int) -> Iterator[Batch]:
    """Batches of generated crops, and of drives in turn by `drive_share`."""
    return prefetched(_alternating(data[0], data[1:], config, first_step))


def _alternating(
    generated: ShardSet, drives: list[ShardSet], config: BevTrainingConfig, first_step: int
) -> Iterator[Batch]:
    """Step n shows drives when n * drive_share passes a whole number; several sets of drives take turns."""
    shares = [1.0 - config.drive_share * bool(drives), *(config.drive_share / len(drives) for _ in drives)]
    sources = [_Source(part, config, number) for number, part in enumerate([generated, *drives])]
    for step in count():
        due = [share * (step + 1) - source.taken for share, source in zip(shares, sources)]
        batch = sources[due.index(max(due))].take(step >= first_step)
        if batch is not None:
            yield batch


class _Source:
    """A stream that counts what was taken; what is skipped is not prepared."""

    def __init__(self, part: ShardSet, config: BevTrainingConfig, number: int) -> None:
        self.taken = 0
        self._open = lambda first: stream(
            part.shards, part.samples_per_shard, config.batch, config.seed + number, first, config.crop_cells
        )
        self._stream: Iterator[Batch] | None = None

    def take(self, prepare: bool) -> Batch | None:
        self.taken += 1
        if not prepare:
            return None
        if self._stream is None:
            self._stream = self._open(self.taken - 1)
        return next(self._stream)
