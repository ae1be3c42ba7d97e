"""Which places may be trained on: the split by place, and the gate against leakage."""

from __future__ import annotations

from collections.abc import Iterable

from mapforge.errors import LeakageError

FIRST_TRAINING_SEED = 1000
"""Worlds and generator seeds below are for tests, demo and validation; training takes those from here on."""


def generated_place(seed: int) -> str:
    """Name of the place that a generator seed stands for."""
    return f"generated:{seed}"


def require_training_seed(seed: int) -> None:
    """Raises LeakageError for seeds that are kept for tests, demo and validation."""
    if seed < FIRST_TRAINING_SEED:
        raise LeakageError(
            f"seed {seed} is kept for tests, demo and validation; train with seeds from {FIRST_TRAINING_SEED} on"
        )


def require_apart(training: Iterable[str], evaluation: Iterable[str]) -> None:
    """The leakage gate: raises LeakageError naming places that are in both."""
    shared = sorted(set(training) & set(evaluation))
    if shared:
        raise LeakageError(
            f"{len(shared)} places are in training and in evaluation, for example {shared[:3]}; keep them apart"
        )


def world_place(name: str) -> str:
    """Name of the place that a simulated world is; the same world driven twice is one place."""
    return f"world:{name}"
