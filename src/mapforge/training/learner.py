"""A network that learns: its weights, their moving average, the optimiser, and the checkpoint that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import record_function

from mapforge.errors import ModelError
from mapforge.io.atomic import atomic_file
from mapforge.training.learning_config import LearningConfig, Sharding
from mapforge.training.processes import Processes
from mapforge.training.schedule import Schedule

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


class Learner:
    """Trains an objective: a module whose forward takes a batch and returns loss terms by name.

    What the objective's submodules learn is averaged over time (Polyak and Juditsky 1992, exponentially); the averages
    are what is kept.
    """

    def __init__(
        self, objective: nn.Module, schedule: Schedule, config: LearningConfig, processes: Processes, identity: str
    ) -> None:
        """identity: fingerprint of all that decides the run; a checkpoint of another one is not taken up."""
        self.schedule, self.config, self.processes, self.identity = schedule, config, processes, identity
        # fully_shard takes contiguous parameters only
        layout = torch.contiguous_format if self._is_split else torch.channels_last
        self.objective = objective.to(processes.device, memory_format=layout).train()  # type: ignore[call-overload]
        self.step, self.samples, self.device_s = 0, 0, 0.0
        self.marks: dict[str, float] = {}
        self._wrapped = self._shared_among_processes()
        self.optimizer = torch.optim.AdamW(
            [parameter for parameter in self.objective.parameters() if parameter.requires_grad],
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
        )
        self.average = {name: value.detach().clone() for name, value in self.objective.state_dict().items()}
        self._sums: dict[str, Tensor] = {}
        self._counted = 0

    def advance(self, batches: Sequence[Any]) -> None:
        """One step of the optimiser over batches whose gradients add up; their loss terms go into `take_means`."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        for number, batch in enumerate(batches, start=1):
            with self._gradients_stay_here(number < len(batches)):
                with record_function("forward"):
                    terms = self._wrapped(batch.to(self.processes.device))
                    total = torch.stack(list(terms.values())).sum()
                with record_function("backward"):
                    (total / len(batches)).backward()
            self._count({**terms, "total": total})
            self.samples += len(batch) * self.processes.count
        with record_function("optimizer"):
            nn.utils.clip_grad_norm_(self.objective.parameters(), self.config.gradient_norm_max)
            self.optimizer.step()
            self._update_average()
        self.step += 1

    def take_means(self) -> dict[str, float]:
        """Mean loss terms since the last call, over all processes. Raises ModelError when they are not finite."""
        means = {name: float(value) / max(self._counted, 1) for name, value in self._sums.items()}
        self._sums, self._counted = {}, 0
        means = self.processes.mean(means)
        if not all(abs(value) < float("inf") for value in means.values()):
            raise ModelError(f"the loss is not finite at step {self.step}: lower learning_rate and start again")
        return means

    def averaged(self) -> dict[str, Tensor]:
        """The objective's averaged weights, whole, on the CPU; every process must call this."""
        return {name: _whole(value) for name, value in self.average.items()}

    def save(self, target: Path, tmp: Path) -> None:
        """Everything needed to go on as if nothing had happened; atomic, written by the first process."""
        state = {
            "identity": self.identity,
            "step": self.step,
            "samples": self.samples,
            "device_s": self.device_s,
            "marks": self.marks,
            "model": get_model_state_dict(self.objective, options=_WHOLE),
            "average": self.averaged(),
            "optimizer": get_optimizer_state_dict(self.objective, self.optimizer, options=_WHOLE),
        }
        if self.processes.is_first:
            with atomic_file(target, tmp) as path:
                torch.save(state, path)
        self.processes.wait()

    def resume(self, source: Path) -> None:
        """Takes up a checkpoint. Raises ModelError when it belongs to another model or other settings."""
        state = torch.load(source, map_location="cpu", weights_only=True)
        if state.get("identity") != self.identity:
            raise ModelError(f"checkpoint {source} is of a run with other settings; give them again, or delete it")
        try:
            set_model_state_dict(self.objective, state["model"], options=_WHOLE)
            set_optimizer_state_dict(self.objective, self.optimizer, state["optimizer"], options=_WHOLE)
            self._set_average(state["average"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelError(f"checkpoint {source} does not fit: {error}; delete it to start anew") from error
        self.step, self.samples = int(state["step"]), int(state["samples"])
        self.device_s, self.marks = float(state["device_s"]), dict(state["marks"])

    @property
    def _is_split(self) -> bool:
        return self.processes.count > 1 and self.config.sharding is Sharding.fsdp2

    def _shared_among_processes(self) -> nn.Module:
        if self.processes.count == 1:
            return self.objective
        if not self._is_split:
            return DistributedDataParallel(self.objective)
        from torch.distributed.fsdp import fully_shard

        for child in self.objective.children():
            fully_shard(child)
        return fully_shard(self.objective)

    def _gradients_stay_here(self, more_to_come: bool) -> Any:
        """While gradients are added up, they are not sent to the peers."""
        if more_to_come and isinstance(self._wrapped, DistributedDataParallel):
            return self._wrapped.no_sync()
        return nullcontext()

    def _count(self, terms: dict[str, Tensor]) -> None:
        """Kept on the device: reading them would make it wait."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()
        self._counted += 1

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.schedule.ema_decay, (1 + self.step) / (10 + self.step))
        for name, value in self.objective.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    @torch.no_grad()
    def _set_average(self, state: dict[str, Any]) -> None:
        """Through the model's own parameters, which know how they are spread over the processes."""
        present = {name: value.detach().clone() for name, value in self.objective.state_dict().items()}
        set_model_state_dict(self.objective, state, options=_WHOLE)
        self.average = {name: value.detach().clone() for name, value in self.objective.state_dict().items()}
        for name, value in self.objective.state_dict().items():
            value.copy_(present[name])


def _whole(value: Tensor) -> Tensor:
    """A parameter spread over processes, in one piece on the CPU."""
    full = value.full_tensor() if hasattr(value, "full_tensor") else value
    return full.detach().cpu().clone()
