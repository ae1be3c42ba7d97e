"""Where drives meet: which piece of which drive saw the same street as which pieces of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.localization.segments import Pieces

OWN_PIECES_APART = 3
"""A drive meets itself only where it comes back, this many pieces later."""


@dataclass(frozen=True)
class Meeting:
    """Piece `piece` of `drive` drove along pieces `first`..`last` (one pass) of `other`.

    other_ns: when the other was nearest to the piece's middle. share: of the piece's way that has the other near.
    """

    drive: str
    piece: int
    other: str
    first: int
    last: int
    other_ns: int
    share: float


@dataclass(frozen=True, eq=False)
class _Index:
    """Samples of all paths in one tree: which drive, and which of its samples."""

    names: list[str]
    paths: Mapping[str, Pieces]
    drive: NDArray[np.int64]
    sample: NDArray[np.int64]
    tree: cKDTree

    @classmethod
    def of(cls, paths: Mapping[str, Pieces]) -> _Index:
        names = sorted(paths)
        counts = [len(paths[name].sample_m) for name in names]
        return cls(
            names,
            paths,
            np.repeat(np.arange(len(names)), counts),
            np.concatenate([np.arange(count) for count in counts]),
            cKDTree(np.concatenate([paths[name].sample_m[:, :2] for name in names])),
        )


def meetings_of(
    paths: Mapping[str, Pieces],
    moving: frozenset[str],
    certainty_m: Mapping[str, float],
    reach_m: float,
    min_share: float,
    max_neighbours: int,
) -> list[Meeting]:
    """All meetings of moving drives with each other (each pair once) and with the frozen ones, sorted.

    A piece is tied to at most `max_neighbours` frozen passes, those with most overlap and then the surest
    (`certainty_m`, by drive, small is sure), and to as many moving ones, chosen so that all drives of a place hang
    together.
    """
    if not paths:
        return []
    index = _Index.of(paths)
    meetings = []
    for name in sorted(moving):
        for piece in range(len(paths[name])):
            near = [m for m in _passes(index, name, piece, reach_m) if m.share >= min_share]
            frozen = [m for m in near if m.other not in moving]
            frozen.sort(key=lambda m: (-round(4 * m.share), certainty_m[m.other], m.other, m.first))
            meetings += frozen[:max_neighbours]
            meetings += _of_equals([m for m in near if m.other in moving], name, max_neighbours)
    return meetings


def _of_equals(near: list[Meeting], name: str, max_neighbours: int) -> list[Meeting]:
    """Of the moving drives at a place, in a ring by name, those some steps ahead: all pairs once when they are few."""
    ring = sorted({m.other for m in near} | {name})
    half = len(ring) // 2
    ahead = [step for step in _ring_steps(half, max_neighbours) if 2 * step < len(ring) or ring.index(name) < half]
    chosen = {ring[(ring.index(name) + step) % len(ring)] for step in ahead} | {name}
    return [m for m in near if m.other in chosen]


def _ring_steps(half: int, max_neighbours: int) -> list[int]:
    """Steps 1..half, or of a longer ring some near and some far ones, which keep every two drives few steps apart."""
    if half <= max_neighbours:
        return list(range(1, half + 1))
    return sorted({1, *np.round(np.geomspace(1, half, max_neighbours)).astype(int).tolist()})


def _passes(index: _Index, name: str, piece: int, reach_m: float) -> Iterator[Meeting]:
    """Every pass of another drive (or of the same one, earlier) along one piece."""
    own = index.paths[name]
    here = np.flatnonzero(own.sample_piece == piece)
    hits = [np.array(hit, dtype=np.int64) for hit in index.tree.query_ball_point(own.sample_m[here, :2], reach_m)]
    row = np.repeat(np.arange(len(here)), [len(hit) for hit in hits])
    found = np.concatenate(hits)
    for other_number in np.unique(index.drive[found]):
        other = index.names[other_number]
        path = index.paths[other]
        mine = index.drive[found] == other_number
        sample, rows = index.sample[found[mine]], row[mine]
        pieces = path.sample_piece[sample]
        if other == name:
            earlier = pieces <= piece - OWN_PIECES_APART
            sample, rows, pieces = sample[earlier], rows[earlier], pieces[earlier]
        for first, last in _runs(np.unique(pieces)):
            inside = (pieces >= first) & (pieces <= last)
            offset = path.sample_m[sample[inside]] - own.centre_m[piece]
            nearest = sample[inside][int(np.argmin(np.linalg.norm(offset[:, :2], axis=1)))]
            share = len(np.unique(rows[inside])) / len(here)
            yield Meeting(name, piece, other, first, last, int(path.sample_ns[nearest]), share)


def _runs(sorted_numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last of every run of consecutive numbers."""
    if not len(sorted_numbers):
        return []
    breaks = np.flatnonzero(np.diff(sorted_numbers) > 1)
    firsts = sorted_numbers[np.concatenate([[0], breaks + 1])]
    lasts = sorted_numbers[np.concatenate([breaks, [len(sorted_numbers) - 1]])]
    return list(zip(firsts.tolist(), lasts.tolist()))
