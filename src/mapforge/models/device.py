"""Which device tensors live on."""

from __future__ import annotations

import torch

from mapforge.errors import ConfigurationError


def resolve_device(name: str) -> str:
    """`auto` to `cuda` where there is one, else `cpu`. Raises ConfigurationError on a device that is not there."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("engine.device=cuda, but this machine has no usable CUDA device; use auto or cpu")
    if name not in ("cpu", "cuda"):
        raise ConfigurationError(f"engine.device={name}: use auto, cpu or cuda")
    return name
