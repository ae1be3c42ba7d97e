"""One optimiser run of the sign models: seeded, resumable, averaged, logged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mapforge.errors import ModelError
from mapforge.io.atomic import atomic_file


@dataclass(frozen=True)
class Rhythm:
    """Steps and rates of a run. settings: fingerprint of all that decides it; another one is not resumed."""

    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    ema_decay: float
    gradient_norm_max: float
    checkpoint_steps: int
    log_steps: int
    settings: str

    def rate(self, step: int) -> float:
        """Linear rise, then a cosine down to a hundredth."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


class SignLoop:
    """Trains one module; `averaged` is what is kept. Files: `<name>.pt` (checkpoint), `<name>.jsonl` (log)."""

    def __init__(self, model: nn.Module, rhythm: Rhythm, folder: Path, name: str) -> None:
        """Goes on from a checkpoint found in `folder`. Raises ModelError when it belongs to other settings."""
        self.model, self.rhythm = model, rhythm
        self.checkpoint, self.log = folder / f"{name}.pt", folder / f"{name}.jsonl"
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=rhythm.learning_rate, weight_decay=rhythm.weight_decay
        )
        self.averaged = {key: tensor.detach().clone() for key, tensor in model.state_dict().items()}
        self.step = 0
        if self.checkpoint.exists():
            self._resume()

    def learn(self, losses: dict[str, Tensor]) -> None:
        """One optimiser step on the sum of losses. Raises ModelError when they are no longer finite."""
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise ModelError(f"the loss is {float(total)} at step {self.step}: lower learning_rate and start again")
        rate = self.rhythm.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.rhythm.gradient_norm_max)
        self.optimiser.step()
        self._average()
        last = self.step + 1 == self.rhythm.steps
        if self.step % self.rhythm.log_steps == 0 or last:
            values = {name: round(float(value.detach()), 5) for name, value in losses.items()}
            self._write_line({"step": self.step, "learning_rate": rate, **values, "gradient_norm": float(norm)})
        self.step += 1
        if self.step % self.rhythm.checkpoint_steps == 0 or last:
            self._save()

    def finish(self) -> None:
        """Puts the averaged weights into the model."""
        self.model.load_state_dict(self.averaged)
        self.model.eval()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.rhythm.ema_decay, (self.step + 1) / (self.step + 10))
        for key, tensor in self.model.state_dict().items():
            if tensor.is_floating_point():
                self.averaged[key].lerp_(tensor, 1.0 - decay)
            else:
                self.averaged[key].copy_(tensor)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        if state["settings"] != self.rhythm.settings:
            raise ModelError(f"{self.checkpoint} belongs to a run with other settings; delete it or give them again")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        _copy(state["averaged"].items(), self.averaged)
        self.step = int(state["step"])

    def _save(self) -> None:
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
            "settings": self.rhythm.settings,
        }
        with atomic_file(self.checkpoint, self.checkpoint.parent / "tmp") as unfinished:
            torch.save(state, unfinished)

    def _write_line(self, line: dict[str, float]) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def _copy(source: Iterable[tuple[str, Tensor]], target: dict[str, Tensor]) -> None:
    for key, tensor in source:
        target[key].copy_(tensor)
