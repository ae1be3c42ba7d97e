"""Means over worlds and how far they would be off with other worlds: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.evaluation.counts import Counts, shares, total
from mapforge.evaluation.world_scores import ALONE, FUSED, WorldScores

Float = NDArray[np.float64]
Index = NDArray[np.int64]

OF_WHOLE_MAPS = (
    "mAP_easy", "mAP_hard", "AP_0.2", "AP_0.5", "AP_1.0", "AP_1.5", "lateral_median_m", "lateral_p95_m",
    "duplicated_length", "position_median_m",
    "successor_precision", "successor_recall", "neighbour_precision", "neighbour_recall", "wrong_way",
)  # fmt: skip
"""Scores that belong to a world as a whole: their mean over worlds is given. All others are shares of sums."""

EVERYTHING = "all worlds"
_SEED = 20_240


@dataclass(frozen=True)
class Spread:
    """A figure over worlds. low, high: interval of the mean; the mean itself of a single world. worlds: how many."""

    mean: float
    low: float
    high: float
    worlds: int

    def as_list(self) -> list[float]:
        return [round(self.mean, 4), round(self.low, 4), round(self.high, 4), self.worlds]


Summary = dict[str, dict[str, dict[str, dict[str, Spread]]]]
"""Group of worlds -> FUSED or ALONE -> class -> figure -> spread."""


def draws(count: int, rounds: int) -> Index:
    """(rounds, count) indices drawn with replacement; the same ones every time."""
    return np.random.default_rng([_SEED, count]).integers(0, count, (rounds, count))


def summarise(worlds: Sequence[WorldScores], rounds: int, interval: float) -> Summary:
    """All worlds together, then by condition and by family."""
    groups: dict[str, list[WorldScores]] = {EVERYTHING: list(worlds)}
    for name, key in (("condition", _condition), ("family", _family)):
        for value in sorted({key(world) for world in worlds}):
            groups[f"{name} {value}"] = [world for world in worlds if key(world) == value]
    return {
        group: {kind: _classes(members, kind, rounds, interval) for kind in (FUSED, ALONE)}
        for group, members in groups.items()
    }


def _condition(world: WorldScores) -> str:
    return world.condition


def _family(world: WorldScores) -> str:
    return world.family


def _classes(worlds: Sequence[WorldScores], kind: str, rounds: int, interval: float) -> dict[str, dict[str, Spread]]:
    here = [world for world in worlds if kind in world.maps]
    names = sorted({name for world in here for name in world.maps[kind].metrics})
    names += sorted({c for world in here for own in world.maps[kind].counts.values() for c in own} - set(names))
    classes = {}
    for name in names:
        metrics = [world.maps[kind].metrics.get(name, {}) for world in here]
        found = {key: spread_of_means([m[key] for m in metrics if key in m], rounds, interval) for key in OF_WHOLE_MAPS}
        found |= spread_of_shares([total(world.counts_of(kind, name)) for world in here], rounds, interval)
        classes[name] = {key: value for key, value in found.items() if value.worlds}
    return {name: figures for name, figures in classes.items() if figures}


def spread_of_means(values: Sequence[float], rounds: int, interval: float) -> Spread:
    """Of one value a world."""
    own = np.array(values, dtype=np.float64)
    if not len(own):
        return Spread(float("nan"), float("nan"), float("nan"), 0)
    low, high = limits(own[draws(len(own), rounds)].mean(axis=1), interval)
    return Spread(float(own.mean()), low, high, len(own))


def spread_of_shares(parts: Sequence[Counts], rounds: int, interval: float) -> dict[str, Spread]:
    """Of every share that the sums over worlds allow; worlds count by how much there is in them."""
    held = [part for part in parts if part]
    if not held:
        return {}
    drawn = shares(sums(held, draws(len(held), rounds)))
    return {
        name: Spread(float(value), *limits(drawn[name], interval), len(held))
        for name, value in shares(total(held)).items()
        if np.isfinite(value)
    }


def sums(parts: Sequence[Counts], chosen: Index) -> dict[str, Float]:
    """Count -> (rounds,) its sum over the parts chosen (rounds, parts) in each round."""
    names = sorted({name for part in parts for name in part})
    table = np.array([[part.get(name, 0.0) for name in names] for part in parts])
    times = np.zeros((len(chosen), len(parts)))
    np.add.at(times, (np.arange(len(chosen))[:, None], chosen), 1.0)
    return dict(zip(names, (times @ table).T))


def limits(drawn: Float, interval: float) -> tuple[float, float]:
    """The interval that holds this share of the draws; draws in which nothing is defined are left out."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1.0 - interval) / 2.0, (1.0 + interval) / 2.0])
    return float(low), float(high)
