"""What became of a map: how much of its length stayed, moved, went, and came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex, Stations, stations_along

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

GONE_M = 1.0
"""What has no counterpart this near is gone, or new; nearer, it has moved."""


@dataclass(frozen=True)
class LengthChange:
    """Lengths of one class, metres: old = kept + moved + removed; added is the new length without a counterpart."""

    old_m: float = 0.0
    kept_m: float = 0.0
    moved_m: float = 0.0
    removed_m: float = 0.0
    added_m: float = 0.0

    def __add__(self, other: LengthChange) -> LengthChange:
        return LengthChange(*(a + b for a, b in zip(self.__dict__.values(), other.__dict__.values())))

    @property
    def removed_share(self) -> float:
        """Of the old length; NaN without any."""
        return self.removed_m / self.old_m if self.old_m else float("nan")

    @property
    def moved_share(self) -> float:
        """Of the old length; NaN without any."""
        return self.moved_m / self.old_m if self.old_m else float("nan")


@dataclass(frozen=True, eq=False)
class Change:
    """Samples of the old lines with the distance (N,) to the nearest new line, and of the new with that to the old;

    infinite beyond GONE_M.
    """

    old: Stations
    to_new_m: Float
    new: Stations
    to_old_m: Float

    def where(self, old: Bool, new: Bool) -> Change:
        return Change(self.old.where(old), self.to_new_m[old], self.new.where(new), self.to_old_m[new])

    def lengths(self, moved_m: float) -> LengthChange:
        """moved_m: what lies nearer than this has not moved."""
        removed = ~np.isfinite(self.to_new_m)
        moved = ~removed & (self.to_new_m > moved_m)
        length = self.old.length_m
        return LengthChange(
            float(length.sum()),
            float(length[~removed & ~moved].sum()),
            float(length[moved].sum()),
            float(length[removed].sum()),
            float(self.new.length_m[~np.isfinite(self.to_old_m)].sum()),
        )


def change(old: Sequence[Float], new: Sequence[Float], spacing_m: float = 0.5) -> Change:
    """Compares the lines of one class. old, new: vertices (N, >=2), one frame."""
    before, after = stations_along(old, spacing_m), stations_along(new, spacing_m)
    return Change(before, _distance(before, new), after, _distance(after, old))


def _distance(stations: Stations, lines: Sequence[Float]) -> Float:
    distance = np.full(len(stations), np.inf)
    feet = SegmentIndex(lines).nearest(stations.xyz, GONE_M)
    distance[feet.query] = feet.distance_m
    return distance
