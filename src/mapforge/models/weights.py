"""Model weights at rest: safetensors, with the architecture in the header and a card (JSON) beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mapforge.errors import MissingInputError, ModelError
from mapforge.io.atomic import atomic_file, write_text


@dataclass(frozen=True)
class ModelWeights:
    """Weights and what they belong to.

    architecture: name of the model class and its version. settings: what its constructor needs, JSON values only.
    """

    architecture: str
    settings: dict[str, Any]
    tensors: dict[str, torch.Tensor] = field(repr=False)


def write_weights(weights: ModelWeights, target: Path, tmp: Path, card: dict[str, Any] | None = None) -> None:
    """Writes `target` (.safetensors) and, given a card, `target` with suffix .json beside it; each atomic."""
    # one entry only: safetensors writes entries in any order, and the same weights must give the same bytes
    header = {"model": json.dumps({"architecture": weights.architecture, "settings": weights.settings}, sort_keys=True)}
    tensors = {name: weights.tensors[name].detach().cpu().contiguous() for name in sorted(weights.tensors)}
    with atomic_file(target, tmp) as path:
        path.write_bytes(save(tensors, metadata=header))
    if card is not None:
        write_text(target.with_suffix(".json"), json.dumps(card, indent=1, sort_keys=True) + "\n", tmp)


def read_weights(path: Path, architecture: str) -> ModelWeights:
    """Reads weights of one architecture.

    Raises MissingInputError when there is no file, ModelError when it is no safetensors file or of another
    architecture.
    """
    if not path.exists():
        raise MissingInputError(
            f"model weights {path} are missing; restore the file or train them with `mapforge train`"
        )
    try:
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (it is no mapping)
    except (SafetensorError, MemoryError, UnicodeDecodeError) as error:
        hint = " (pickled weights, .pt or .pth, can run code when they are read and are refused)"
        raise ModelError(
            f"{path} is no safetensors file: {error}{hint if path.suffix != '.safetensors' else ''}; restore it or "
            "train again"
        ) from error
    try:
        described = _description(header)
        found, settings = str(described.get("architecture", "unknown")), dict(described["settings"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: the header says nothing of a model ({error}); train again") from error
    if found != architecture:
        raise ModelError(f"{path} holds weights of '{found}', not '{architecture}'; give the weights of that model")
    return ModelWeights(found, settings, tensors)


def _description(header: dict[str, str]) -> dict[str, Any]:
    """Architecture and settings; files of the first days hold them as two entries."""
    if "model" in header:
        return dict(json.loads(header["model"]))
    return {**header, "settings": json.loads(header.get("settings", "{}"))}


def load_tensors(model: torch.nn.Module, weights: ModelWeights, where: str) -> None:
    """Fills a model. Raises ModelError naming the tensors that do not fit."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in weights.tensors.items()}
    wrong = sorted(name for name in expected.keys() | given.keys() if expected.get(name) != given.get(name))
    if wrong:
        raise ModelError(f"{where} does not fit the model at {wrong[:5]}; train again with this version of MapForge")
    model.load_state_dict(weights.tensors)
