"""Training the BEV network: loop, calibration, scores, weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mapforge.io.fingerprint import fingerprint_of, sha256_of_file
from mapforge.models.bev_segmenter import ARCHITECTURE, BevSegmenter, runs_bfloat16
from mapforge.models.normalisation import INPUT_FEATURES
from mapforge.models.weights import load_tensors, read_weights, write_weights
from mapforge.training.batches import Batch, Recipe, Share, collate, prefetched, stream
from mapforge.training.bev_data import DriveShards, bev_data, held_out_crops
from mapforge.training.calibration import calibrate
from mapforge.training.card import bev_card
from mapforge.training.config import BevTrainingConfig
from mapforge.training.dataset import ShardSet, read_shard
from mapforge.training.generator import generate
from mapforge.training.learner import Learner
from mapforge.training.learning_config import settings_that_decide
from mapforge.training.loop import RunFiles, learn
from mapforge.training.losses import BevObjective
from mapforge.training.processes import Processes, joined
from mapforge.training.schedule import Schedule
from mapforge.training.scores import evaluate, mean_f1
from mapforge.training.watch import Watch

Progress = Callable[[str, int, int], None]


def train_bev(
    config: BevTrainingConfig,
    folder: Path,
    target: Path,
    progress: Progress,
    drives: DriveShards | None = None,
    start: Path | None = None,
) -> dict[str, Any] | None:
    """Trains, or goes on where a killed run stopped, and writes weights and card.

    folder: of shards, checkpoint and log (`bev.jsonl`). target: the .safetensors file; its card lies beside it.
    drives: shard folders of ray-cast drives. start: weights to begin from.
    progress: called with what is being done, how much is done, and of how much. Returns the card; None when the run's
    minutes are over before its steps: the same call goes on. Under torchrun every process calls this.
    Raises LeakageError when a place is in training and in evaluation.
    """
    with joined(config.learning.device) as processes:
        torch.use_deterministic_algorithms(config.learning.deterministic)
        data = bev_data(config, folder, processes, progress, drives or DriveShards())
        trained = _learned(config, data.training, folder, processes, progress, start)
        if trained is None or not processes.is_first:
            return None
        learner, model = trained
        bfloat16 = config.learning.bf16 and runs_bfloat16(processes.device)
        calibrate(model, chain.from_iterable(map(shard_batches, data.calibration)), bfloat16)
        scores = {
            data.name_of(part): evaluate(model, shard_batches(part), processes.device, bfloat16)
            for part in data.held_out
        }
        sources = [f"{part.folder.name}: {len(part.shards)} shards" for part in data.training]
        sources += [f"calibrated on {data.name_of(part)}" for part in data.calibration]
        cost = {
            "device": torch.cuda.get_device_name() if processes.device.startswith("cuda") else "cpu",
            "processes": processes.count,
            "device_hours": round(learner.device_s / 3600.0, 3),
            "samples": learner.samples,
        }
        card = bev_card(
            model, config, scores, sources, data.worlds, sha256_of_file(start) if start is not None else "", cost
        )
        write_weights(model.weights(), target, folder / "tmp", card)
        return card


def shard_batches(data: ShardSet, batch: int = 4) -> Iterator[Batch]:
    """All samples of shards in order."""
    for shard in data.shards:
        samples = read_shard(shard)
        for first in range(0, len(samples), batch):
            yield collate(samples[first : first + batch], None)


def _learned(
    config: BevTrainingConfig,
    data: list[ShardSet],
    folder: Path,
    processes: Processes,
    progress: Progress,
    start: Path | None,
) -> tuple[Learner, BevSegmenter] | None:
    """The run to its end; None when its minutes were over before."""
    learning = config.learning
    torch.manual_seed(config.seed)
    network = BevSegmenter(config.network)
    if start is not None:
        load_tensors(network, read_weights(start, ARCHITECTURE), str(start))
    flop = _flop_per_sample(network, config.crop_cells)
    if learning.compile:
        network.compile()
    bfloat16 = learning.bf16 and runs_bfloat16(processes.device)
    objective = BevObjective(network, bfloat16, config.hard_example_power)
    warmup = max(1, round(config.steps * config.warmup_share))
    schedule = Schedule(config.steps, config.learning_rate, warmup, config.weight_decay, config.ema_decay)
    identity = fingerprint_of(
        settings=settings_that_decide(asdict(config)),
        shards=[[path.name for path in part.shards] for part in data],
        processes=processes.count,
        start=sha256_of_file(start) if start is not None else "",
    )
    learner = Learner(objective, schedule, learning, processes, identity)
    files = RunFiles(folder, "bev")
    if files.checkpoint.exists():
        learner.resume(files.checkpoint)
    batches = prefetched(_mixed(data, config, processes, learner.step * learning.accumulate), config.loader_threads)
    with closing(Watch(folder, "bev", processes, learning.tensorboard, learning.profile_steps, flop)) as watch:
        done = learn(
            learner, batches, files, watch, partial(_mean_f1, config, folder, processes.device, bfloat16),
            lambda step, steps, loss: progress(f"training, loss {loss:.3f}", step, steps),
        )  # fmt: skip
    if not done:
        return None
    best = learning.patience and files.best.exists()
    averaged = torch.load(files.best, weights_only=True) if best else learner.averaged()
    return learner, _network_of(config, averaged, processes.device)


def _network_of(config: BevTrainingConfig, averaged: dict[str, Tensor], device: str) -> BevSegmenter:
    """The network with an objective's averaged weights."""
    model = BevSegmenter(config.network)
    model.load_state_dict({name.removeprefix("network."): value for name, value in averaged.items()})
    return model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _mean_f1(
    config: BevTrainingConfig, folder: Path, device: str, bfloat16: bool, averaged: dict[str, Tensor]
) -> float:
    model = _network_of(config, averaged, device)
    return mean_f1(evaluate(model, shard_batches(held_out_crops(config, folder)), device, bfloat16))


def _flop_per_sample(network: BevSegmenter, crop_cells: int) -> float:
    """Operations of a forward and a backward pass over one crop (the backward counted as two forwards)."""
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        network.eval()(torch.zeros(1, INPUT_FEATURES, crop_cells, crop_cells))
    network.train()
    return 3.0 * counted.get_total_flops()


def _mixed(data: list[ShardSet], config: BevTrainingConfig, processes: Processes, first_step: int) -> Iterator[Recipe]:
    """Batch n shows drives when n * drive_share passes a whole number; several sets of drives take turns."""
    share = Share(config.batch, processes.rank, processes.count)
    drives = data if config.live else data[1:]
    shares = [1.0 - config.drive_share * bool(drives), *(config.drive_share / len(drives) for _ in drives)]
    sources = [_Source(part, config, share, number) for number, part in enumerate(drives, start=1)]
    first = _Live(config, share, processes.device) if config.live else _Source(data[0], config, share, 0)
    every: list[_Source | _Live] = [first, *sources]
    for step in count():
        due = [part * (step + 1) - source.taken for part, source in zip(shares, every)]
        recipe = every[due.index(max(due))].take(step >= first_step)
        if recipe is not None:
            yield recipe


class _Source:
    """A stream that counts what was taken; what is skipped is not prepared."""

    def __init__(self, part: ShardSet, config: BevTrainingConfig, share: Share, number: int) -> None:
        self.taken = 0
        self._open = lambda first: stream(
            part.shards, part.samples_per_shard, share, config.seed + number, first,
            config.crop_cells, config.curriculum_epochs,
        )  # fmt: skip
        self._stream: Iterator[Recipe] | None = None

    def take(self, prepare: bool) -> Recipe | None:
        self.taken += 1
        if not prepare:
            return None
        if self._stream is None:
            self._stream = self._open(self.taken - 1)
        return next(self._stream)


class _Live:
    """Crops generated as they are needed, each seed once."""

    def __init__(self, config: BevTrainingConfig, share: Share, device: str) -> None:
        self.taken, self._config, self._share, self._device = 0, config, share, device

    def take(self, prepare: bool) -> Recipe | None:
        step = self.taken
        self.taken += 1
        return partial(self._generate, step) if prepare else None

    def _generate(self, step: int) -> Batch:
        first = self._config.first_seed + step * self._share.step_samples
        samples = [generate(first + i, self._device) for i in self._share.own]
        return collate(samples, [[self._config.seed, 1, step, i] for i in self._share.own], self._config.crop_cells)
