"""The training loop of the BEV network: one step after another, resumable at any of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mapforge.errors import ModelError
from mapforge.io.atomic import atomic_file
from mapforge.models.bev_segmenter import BevSegmenter
from mapforge.training.batches import Batch
from mapforge.training.losses import losses


@dataclass(frozen=True)
class Schedule:
    """steps in all, of which a share warms up; the rate then falls as a cosine. ema_decay: of the weights' average."""

    steps: int
    learning_rate: float
    warmup_share: float
    weight_decay: float
    ema_decay: float

    def rate_at(self, step: int) -> float:
        warm = max(1, round(self.steps * self.warmup_share))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        share = (step - warm) / max(1, self.steps - warm)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


class Training:
    """A model on its way: its weights, their moving average, the optimiser's state, and the step."""

    def __init__(self, model: BevSegmenter, schedule: Schedule, device: str, bfloat16: bool) -> None:
        self.model = model.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.schedule, self.device, self.bfloat16, self.step = schedule, device, bfloat16, 0
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def advance(self, batch: Batch) -> dict[str, float]:
        """One step; returns the loss terms."""
        batch = batch.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16, enabled=self.bfloat16):
            outputs = self.model(batch.features.contiguous(memory_format=torch.channels_last))
        terms = losses(outputs, batch)
        total = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimizer.step()
        self._update_average()
        self.step += 1
        return {name: float(value.detach()) for name, value in terms.items()} | {"total": float(total.detach())}

    def averaged_model(self) -> BevSegmenter:
        """A copy of the model with the averaged weights, for evaluation and export."""
        copy = BevSegmenter(self.model.config)
        copy.load_state_dict(self.average)
        return copy.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def save(self, target: Path, tmp: Path) -> None:
        """Everything needed to go on as if nothing had happened; atomic."""
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }
        with atomic_file(target, tmp) as path:
            torch.save(state, path)

    def resume(self, source: Path) -> None:
        """Takes up a checkpoint. Raises ModelError when it is of another model."""
        state = torch.load(source, map_location=self.device, weights_only=True)
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelError(f"checkpoint {source} does not fit: {error}; delete it to start anew") from error
        self.average, self.step = state["average"], int(state["step"])

    def _update_average(self) -> None:
        decay = min(self.schedule.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                average: Tensor = self.average[name]
                if value.is_floating_point():
                    average.lerp_(value, 1 - decay)
                else:
                    average.copy_(value)


def train(
    training: Training,
    batches: Iterator[Batch],
    checkpoint: Path,
    tmp: Path,
    checkpoint_every: int,
    log: Path,
    log_every: int,
    progress: Callable[[int, int, float], None],
) -> None:
    """Advances to the end of the schedule, with checkpoints and a log of mean losses (one JSON line each)."""
    sums: dict[str, float] = {}
    while training.step < training.schedule.steps:
        terms = training.advance(next(batches))
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value
        if training.step % log_every == 0:
            means = {name: round(value / log_every, 5) for name, value in sums.items()}
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": training.step, **means}) + "\n")
            progress(training.step, training.schedule.steps, means["total"])
            sums = {}
        if training.step % checkpoint_every == 0:
            training.save(checkpoint, tmp)
