"""The training loop: one step after another, watched, scored, and resumable at any of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import record_function

from mapforge.io.atomic import atomic_file
from mapforge.training.learner import Learner
from mapforge.training.watch import Watch

Examine = Callable[[dict[str, Tensor]], float]


@dataclass(frozen=True)
class RunFiles:
    """Where a run keeps its things."""

    folder: Path
    name: str

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.name}.pt"

    @property
    def best(self) -> Path:
        """Averaged weights of the best score so far (with `patience`)."""
        return self.folder / f"{self.name}.best.pt"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"


def learn(
    learner: Learner,
    batches: Iterator[Any],
    files: RunFiles,
    watch: Watch,
    examine: Examine | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> bool:
    """Advances to the end of the schedule, or of the run's minutes; returns whether nothing is left to do.

    examine: the score (higher is better) of averaged weights; asked every `evaluation_steps`, by every process.
    progress: called with steps done, steps in all, and the loss.
    """
    config, schedule = learner.config, learner.schedule
    watch.begin(learner)
    started = time.perf_counter()
    while learner.step < schedule.steps and not learner.marks.get("stopped"):
        with record_function("waiting for data"), watch.waiting():
            step_batches = [next(batches) for _ in range(config.accumulate)]
        learner.advance(step_batches)
        watch.after_step()
        last = learner.step == schedule.steps
        if learner.step % config.log_steps == 0 or last:
            means = learner.take_means()
            watch.write(learner, means)
            if progress is not None and learner.processes.is_first:
                progress(learner.step, schedule.steps, means["total"])
        if examine is not None and config.evaluation_steps and learner.step % config.evaluation_steps == 0:
            _score(learner, files, watch, examine)
        out_of_time = learner.processes.agree(
            config.max_minutes > 0 and time.perf_counter() - started > 60.0 * config.max_minutes
        )
        if learner.step % config.checkpoint_steps == 0 or last or out_of_time or learner.marks.get("stopped"):
            watch.settle(learner)
            learner.save(files.checkpoint, files.tmp)
        if out_of_time:
            break
    return learner.step >= schedule.steps or bool(learner.marks.get("stopped"))


def _score(learner: Learner, files: RunFiles, watch: Watch, examine: Examine) -> None:
    """Keeps the best weights; marks the run as stopped when nothing got better for long enough."""
    averaged = learner.averaged()
    score = learner.processes.mean({"score": examine(averaged)})["score"]
    watch.write_score(learner, score)
    if score > learner.marks.get("best", float("-inf")):
        learner.marks |= {"best": score, "best_step": float(learner.step), "worse": 0.0}
        if learner.config.patience and learner.processes.is_first:
            with atomic_file(files.best, files.tmp) as path:
                torch.save(averaged, path)
    else:
        learner.marks["worse"] = learner.marks.get("worse", 0.0) + 1.0
    if learner.config.patience and learner.marks["worse"] >= learner.config.patience:
        learner.marks["stopped"] = 1.0
