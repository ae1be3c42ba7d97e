"""Scores of one world: measured once for given weights, kept as JSON, added up later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mapforge.evaluation.counts import Counts, TileCounts
from mapforge.evaluation.reliability import Bins

FUSED, ALONE = "fused", "alone"
"""Maps of a world: of all drives, of one."""


@dataclass(frozen=True)
class MapFigures:
    """metrics: class (or `all`) -> score, of the whole map, as validation names them; what is undefined is left out.

    counts: what adds up over tiles and worlds.
    """

    metrics: dict[str, dict[str, float]]
    counts: TileCounts = field(default_factory=dict)


@dataclass(frozen=True)
class WorldScores:
    """maps: FUSED, ALONE -> figures. cells, instances: class -> bins of reliability. worst: pictures by file name ->
    what they show. seconds: what it took."""

    name: str
    family: str
    condition: str
    seed: int
    place: str
    cameras: bool
    maps: dict[str, MapFigures]
    cells: dict[str, Bins] = field(default_factory=dict)
    instances: dict[str, Bins] = field(default_factory=dict)
    worst: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> WorldScores:
        """The inverse of `as_dict`; raises TypeError or KeyError on anything else."""
        maps = {kind: MapFigures(**figures) for kind, figures in plain["maps"].items()}
        return cls(**{**plain, "maps": maps})

    def counts_of(self, kind: str, element_class: str) -> list[Counts]:
        """Of one class, a tile each."""
        return [own[element_class] for own in self.maps[kind].counts.values() if element_class in own]


def defined(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Scores without those that are not defined (no truth, nothing found): JSON knows no NaN."""
    return {
        name: {key: round(float(value), 5) for key, value in sorted(values.items()) if math.isfinite(value)}
        for name, values in sorted(metrics.items())
    }
