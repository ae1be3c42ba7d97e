"""Settings that every training run has, whatever it trains."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mapforge.errors import ConfigurationError


class Sharding(StrEnum):
    """How several processes share a model."""

    ddp = "ddp"
    """Every process holds all of it (DistributedDataParallel)."""
    fsdp2 = "fsdp2"
    """Every process holds a part of each parameter (fully_shard): for models that do not fit one device."""


_FREE = {"checkpoint_steps", "log_steps", "max_minutes", "tensorboard", "profile_steps", "device"}
"""What may differ when a run goes on."""


@dataclass
class LearningConfig:
    """Device, precision, processes, checkpoints, and what is written while a run goes on."""

    device: str = "auto"
    """auto, cpu or cuda; under torchrun each process takes the CUDA device of its local rank."""
    bf16: bool = True
    """Run networks under bfloat16 autocast where the device does it fast."""
    compile: bool = False
    """torch.compile the network: pays on a GPU for runs of more than a few minutes."""
    sharding: Sharding = Sharding.ddp
    """How several processes (torchrun) share the model."""
    accumulate: int = 1
    """Batches a step whose gradients are added up before the optimiser moves."""
    gradient_norm_max: float = 2.0
    """Gradients are cut to this norm."""
    deterministic: bool = False
    """Only deterministic kernels: the same bytes from every run on one kind of device, a little slower on a GPU."""
    checkpoint_steps: int = 100
    """Steps between checkpoints."""
    log_steps: int = 20
    """Steps between lines of the log."""
    evaluation_steps: int = 0
    """Steps between scores on held-out samples; 0: only at the end."""
    patience: int = 0
    """Stop after this many evaluations without a better score and keep the best weights; 0: never."""
    max_minutes: float = 0.0
    """Stop after this many minutes with a checkpoint; the same command goes on. 0: no limit."""
    tensorboard: bool = True
    """Write `tensorboard/` where the package is installed."""
    profile_steps: int = 0
    """Trace this many steps into `profile.json` and name the bottleneck in `profile.txt`; 0: none."""

    def __post_init__(self) -> None:
        if self.accumulate < 1 or self.checkpoint_steps < 1 or self.log_steps < 1:
            raise ConfigurationError(
                f"accumulate {self.accumulate}, checkpoint_steps {self.checkpoint_steps} and log_steps "
                f"{self.log_steps} must be at least 1"
            )
        if self.patience and not self.evaluation_steps:
            raise ConfigurationError(f"patience is {self.patience} but evaluation_steps is 0: nothing would be scored")


def settings_that_decide(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run (its config as a dict) without those that leave its result alone."""
    learning = {name: value for name, value in settings["learning"].items() if name not in _FREE}
    return {**settings, "learning": learning}
