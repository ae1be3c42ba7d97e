"""Where an item stands: what it would be made of now, beside what its stamp says it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mapforge.pipeline.stamps import Ledger, Recipe, Stamp

SETTINGS = "settings of "
DRIVE = "drive "


@dataclass(frozen=True)
class Standing:
    """recipe: what decides the item now. stamp: what it left, when that still fits. reasons: why it must be made."""

    recipe: Recipe
    stamp: Stamp | None
    reasons: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """The stamp says what the recipe says; its files may be gone."""
        return self.stamp is not None

    @property
    def is_due(self) -> bool:
        return bool(self.reasons)


def standing(ledger: Ledger, stage: str, item: str, recipe: Recipe) -> Standing:
    """Compares the recipe with the stamp; the outputs are not looked at."""
    stamp = ledger.stamp(stage, item)
    if stamp is not None and dict(stamp.parts) == dict(recipe.parts):
        return Standing(recipe, stamp)
    reasons = ("new",) if stamp is None else tuple(changes(stamp.parts, recipe.parts))
    failure = ledger.failure(stage, item)
    if failure is not None:
        reasons = (f"failed before ({failure.count}x): {failure.kind}: {failure.message}", *reasons)
    return Standing(recipe, None, reasons)


def verified(standing: Standing, ledger: Ledger, verify_fully: bool) -> Standing:
    """The same, due too when an output is missing or damaged."""
    if standing.stamp is None:
        return standing
    name = standing.stamp.damaged(ledger.workspace, verify_fully)
    return standing if name is None else replace(standing, reasons=(f"output missing or damaged: {name}",))


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """In words, what differs between two recipes."""
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name.startswith(SETTINGS) and before is not None and after is not None:
            stage = name.removeprefix(SETTINGS)
            yield from _setting_changes(stage, json.loads(before), json.loads(after))
        elif name.startswith(DRIVE):
            yield f"new {name}" if before is None else f"{name} is gone" if after is None else f"{name} changed"
        else:
            yield f"{name} changed"


def _setting_changes(prefix: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield from _setting_changes(f"{prefix}.{name}", old.get(name), new.get(name))
    else:
        yield f"setting {prefix} changed from {old} to {new}"
