"""Strips of road between two borders that face each other."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mapforge.lane_graph.borders import BRIDGE

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Strips:
    """Samples across strips, strip by strip, in order along each; the sense of a strip has no meaning yet.

    strip: (N,). station_m: (N,) along the strip. left, right: (N, 3) points on the borders, seen along the strip.
    left_owner, right_owner: (N,) elements of the borders, BRIDGE without. left_kerb, right_kerb: (N,) road boundaries.
    """

    strip: Index
    station_m: Float
    left: Float
    right: Float
    left_owner: Index
    right_owner: Index
    left_kerb: Mask
    right_kerb: Mask

    def __len__(self) -> int:
        return len(self.strip)

    @property
    def ends(self) -> tuple[Index, Index]:
        """First and last sample of every strip."""
        first = np.flatnonzero(np.diff(self.strip, prepend=-1))
        return first, np.append(first[1:], len(self))[: len(first)] - 1

    @property
    def centre(self) -> Float:
        """(N, 3)."""
        return 0.5 * (self.left + self.right)

    @property
    def width_m(self) -> Float:
        return np.asarray(np.linalg.norm(self.left[:, :2] - self.right[:, :2], axis=1))

    @property
    def along(self) -> Float:
        """(N, 2) unit direction along the strip: across it, turned to the right."""
        across = (self.left - self.right)[:, :2]
        across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
        return np.stack([across[:, 1], -across[:, 0]], axis=1)

    def where(self, mask: Mask) -> Strips:
        """The samples that are wanted; a strip falls apart where some were left out."""
        kept = np.flatnonzero(mask)
        chosen = self._at(kept)
        apart = (np.diff(kept) > 1) | (np.diff(chosen.strip) != 0)
        return chosen._with(strip=np.concatenate([[0], np.cumsum(apart)])[: len(kept)].astype(np.int64))

    def divided(self, parts: int) -> Strips:
        """Every strip as `parts` strips of equal width; the lines between them belong to no element."""
        pieces = []
        for part in range(parts):
            near, far = part / parts, (part + 1) / parts
            inner = np.full(len(self), BRIDGE)
            no = np.zeros(len(self), dtype=bool)
            pieces.append(
                Strips(
                    self.strip * parts + part,
                    self.station_m,
                    self.right + far * (self.left - self.right),
                    self.right + near * (self.left - self.right),
                    self.left_owner if part == parts - 1 else inner,
                    self.right_owner if part == 0 else inner,
                    self.left_kerb if part == parts - 1 else no,
                    self.right_kerb if part == 0 else no,
                )
            )
        return joined(pieces)

    def length_of_strip(self) -> Float:
        """(N,) length of the strip that each sample belongs to."""
        first, last = self.ends
        return np.asarray((self.station_m[last] - self.station_m[first])[self.strip])

    def to_ends_m(self) -> Float:
        """(N,) distance along the strip to its nearer end."""
        first, last = self.ends
        station = self.station_m
        return np.minimum(station - station[first][self.strip], station[last][self.strip] - station)

    def renumbered(self, chosen: Index, strip: Index) -> Strips:
        """The samples (K,) as members of other strips (K,), numbered from 0 in this order."""
        return self._at(chosen)._with(strip)

    def _at(self, chosen: Index) -> Strips:
        return Strips(*(getattr(self, f.name)[chosen] for f in fields(self)))

    def _with(self, strip: Index) -> Strips:
        return Strips(strip, *(getattr(self, f.name) for f in fields(self)[1:]))


def joined(parts: list[Strips]) -> Strips:
    """Several sets of strips as one, numbered anew, sorted by strip."""
    offset = np.cumsum([0, *(int(part.strip.max()) + 1 if len(part) else 0 for part in parts)])
    shifted = [part._with(part.strip + offset[k]) for k, part in enumerate(parts)]
    whole = Strips(*(np.concatenate([getattr(part, f.name) for part in shifted]) for f in fields(Strips)))
    order = np.argsort(whole.strip, kind="stable")
    ordered = whole._at(order)
    return ordered._with(np.unique(ordered.strip, return_inverse=True)[1].astype(np.int64))


def oriented(strips: Strips, sense: Float) -> Strips:
    """Strips turned so that `sense` (N,) is +1 everywhere; they are broken where it changes, and left out where 0."""
    parts = []
    for sign in (1, -1):
        chosen = strips.where(sense == sign)
        if sign < 0:
            chosen = Strips(
                chosen.strip,
                -chosen.station_m,
                chosen.right,
                chosen.left,
                chosen.right_owner,
                chosen.left_owner,
                chosen.right_kerb,
                chosen.left_kerb,
            )
            chosen = chosen._at(np.lexsort((chosen.station_m, chosen.strip)))
        parts.append(chosen)
    return joined(parts)


def windowed_sum(values: Float, strips: Strips, half_m: float) -> Float:
    """Sums of values (N,) or (N, K) over the samples of the same strip within `half_m` along it."""
    low, high = window(strips, half_m)
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    return np.asarray(total[high] - total[low])


def window(strips: Strips, half_m: float | Float) -> tuple[Index, Index]:
    """(N,) first and one past the last sample of the same strip within `half_m` of each."""
    spacing = (
        4.0 * (float(np.ptp(strips.station_m)) if len(strips) else 0.0) + 4.0 * float(np.max(half_m, initial=0.0)) + 1.0
    )
    key = strips.strip * spacing + strips.station_m
    return np.searchsorted(key, key - half_m, "left"), np.searchsorted(key, key + half_m, "right")
