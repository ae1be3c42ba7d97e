"""May new weights replace old ones? Not when a class falls by more than noise, on the same worlds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.config.evaluation_group import EvaluationConfig
from mapforge.errors import ConfigurationError
from mapforge.evaluation.counts import Counts, shares, total
from mapforge.evaluation.spread import draws, limits, sums
from mapforge.evaluation.world_scores import ALONE, FUSED, WorldScores

Float = NDArray[np.float64]

OF_WORLDS = ("mAP_easy", "mAP_hard")
"""Compared world by world."""
OF_TILES = ("f1", "marking_type_accuracy", "colour_accuracy", "f1_signs", "recall", "precision", "type_accuracy")
"""Compared over tiles: there are enough of them also in a few worlds."""
LEAST_WORLDS = 4
"""Fewer worlds tell no fall from noise."""
LEAST_TILES = 8


@dataclass(frozen=True)
class Change:
    """One figure of one class: new less old. low, high: interval of the change. fell: by more than noise."""

    kind: str
    element_class: str
    figure: str
    old: float
    new: float
    low: float
    high: float
    units: int
    fell: bool

    @property
    def text(self) -> str:
        return (
            f"{self.element_class} {self.figure} ({self.kind}): {self.old:.3f} -> {self.new:.3f}, "
            f"{self.new - self.old:+.3f} in [{self.low:+.3f}, {self.high:+.3f}] over {self.units}"
        )


def compare(new: Sequence[WorldScores], old: Sequence[WorldScores], config: EvaluationConfig) -> list[Change]:
    """Every figure of every class that both have, paired by world and by tile.

    A figure fell when its change lies below zero with the whole interval, and by more than `config.least_fall`.
    Raises ConfigurationError when the two were not evaluated on the same worlds.
    """
    pairs = _pairs(new, old)
    changes = []
    for kind in (FUSED, ALONE):
        here = [(a, b) for a, b in pairs if kind in a.maps and kind in b.maps]
        for name in sorted({c for pair in here for scores in pair for c in scores.maps[kind].metrics} - {"all"}):
            changes += _of_worlds(here, kind, name, config)
        for name in sorted({c for pair in here for s in pair for t in s.maps[kind].counts.values() for c in t}):
            changes += _of_tiles(here, kind, name, config)
    return changes


def _pairs(new: Sequence[WorldScores], old: Sequence[WorldScores]) -> list[tuple[WorldScores, WorldScores]]:
    by_name = {scores.name: scores for scores in old}
    if {scores.name for scores in new} != set(by_name):
        raise ConfigurationError("the two weights were evaluated on different worlds: evaluate both on the same")
    return [(scores, by_name[scores.name]) for scores in new]


def _of_worlds(
    pairs: Sequence[tuple[WorldScores, WorldScores]], kind: str, name: str, config: EvaluationConfig
) -> list[Change]:
    changes = []
    for figure in OF_WORLDS:
        both = [(a.maps[kind].metrics.get(name, {}), b.maps[kind].metrics.get(name, {})) for a, b in pairs]
        known = np.array([(a[figure], b[figure]) for a, b in both if figure in a and figure in b]).reshape(-1, 2)
        if len(known) < LEAST_WORLDS:
            continue
        drawn = (known[:, 0] - known[:, 1])[draws(len(known), config.bootstrap_rounds)].mean(axis=1)
        was, now = float(known[:, 1].mean()), float(known[:, 0].mean())
        changes.append(_change(kind, name, figure, was, now, drawn, len(known), config))
    return changes


def _of_tiles(
    pairs: Sequence[tuple[WorldScores, WorldScores]], kind: str, name: str, config: EvaluationConfig
) -> list[Change]:
    """Tiles are drawn, each with what both weights made of it."""
    new_parts: list[Counts] = []
    old_parts: list[Counts] = []
    for a, b in pairs:
        mine, theirs = a.maps[kind].counts, b.maps[kind].counts
        tiles = sorted(t for t in mine.keys() | theirs.keys() if name in mine.get(t, {}) or name in theirs.get(t, {}))
        new_parts += [mine.get(tile, {}).get(name, {}) for tile in tiles]
        old_parts += [theirs.get(tile, {}).get(name, {}) for tile in tiles]
    if len(new_parts) < LEAST_TILES:
        return []
    chosen = draws(len(new_parts), config.bootstrap_rounds)
    now, was = shares(total(new_parts)), shares(total(old_parts))
    now_drawn, was_drawn = shares(sums(new_parts, chosen)), shares(sums(old_parts, chosen))
    return [
        _change(
            kind, name, figure, float(was[figure]), float(now[figure]),
            now_drawn[figure] - was_drawn[figure], len(new_parts), config,
        )
        for figure in OF_TILES
        if figure in now and figure in was and np.isfinite(now[figure]) and np.isfinite(was[figure])
    ]  # fmt: skip


def _change(
    kind: str, name: str, figure: str, was: float, now: float, drawn: Float, units: int, config: EvaluationConfig
) -> Change:
    low, high = limits(drawn, config.gate_interval)
    fell = high < 0.0 and now - was < -config.least_fall
    return Change(kind, name, figure, was, now, low, high, units, fell)
