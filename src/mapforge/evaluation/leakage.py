"""Weights are not evaluated where they were trained: what their card says, against the worlds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mapforge.errors import LeakageError
from mapforge.evaluation.worlds import HeldOutWorld
from mapforge.io.json_text import read_object
from mapforge.training.places import require_apart


def require_unseen(weights: Path, worlds: Sequence[HeldOutWorld]) -> None:
    """Raises LeakageError when the card beside the weights names one of the worlds, or its seed, as trained on.

    Weights without a card are refused as well: nobody knows what they saw.
    """
    path = weights.with_suffix(".json")
    if not path.is_file():
        raise LeakageError(
            f"{weights} has no card ({path.name}) that says where it was trained: put it beside the weights"
        )
    card = read_object(path, "restore it: it was written with the weights")
    require_apart(training_places(card), {world.place for world in worlds})
    seen = sorted(training_seeds(card) & {world.seed for world in worlds})
    if seen:
        raise LeakageError(f"{weights} was trained on worlds of seeds {seen}: evaluate on others")


def training_places(card: Mapping[str, Any]) -> set[str]:
    """Places that a card names: in `places`, there or under `training`, of its own run and those it started from."""
    return {place for part in _runs(card) for place in _texts(part.get("places"))}


def training_seeds(card: Mapping[str, Any]) -> set[int]:
    """Seeds of simulated worlds of whatever family: lists in `worlds`, and the towns of a sign detector's frames."""
    seeds: set[int] = set()
    for part in _runs(card):
        listed = part.get("worlds")
        seeds.update(seed for seed in listed if isinstance(seed, int)) if isinstance(listed, list) else None
        first, count = part.get("frames_first_seed"), part.get("frames_worlds")
        if isinstance(first, int) and isinstance(count, int):
            seeds.update(range(first, first + count))
    return seeds


def _runs(card: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The card, what it says of its training, and the same of the weights it started from."""
    pending: list[Any] = [card]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            yield part
            pending += [part.get("training"), part.get("started_from")]


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
