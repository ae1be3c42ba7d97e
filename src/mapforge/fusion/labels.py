"""Marking type, colour and boundary type of lines: a vote of the drives, the newer ones where it changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.along_line import sums_along
from mapforge.fusion.changes import relabelled_since
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.consensus import Observed
from mapforge.fusion.samples import LABEL_SHAPE, LineSamples

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Labels:
    """label: (N,) the number of the attributes that won. since: (N,) the first drive that saw them; 0 = always so.

    counts: (N, drives) the drives since then. doubt: (N,) share of the votes for other marking types than the winner.
    """

    label: Index
    since: Index
    counts: Bool
    doubt: Float


def labels_of(guides: LineSamples, seen: Observed, counts: Bool, config: FusionConfig) -> Labels:
    """Each part of a label is voted by itself, so that doubt about the colour does not decide the type.

    counts: (N, drives) whose word counts.
    """
    parts = np.unravel_index(seen.label, LABEL_SHAPE)
    places = max(1, round(config.vote_reach_m / config.station_m))
    won, doubt, since = [], [], np.zeros(len(guides), dtype=np.int64)
    word = np.where(counts & seen.there, seen.confidence, 0.0)
    drives = np.arange(seen.there.shape[1])
    for part, size in zip(parts, LABEL_SHAPE):
        said = sums_along(guides, word[:, :, None] * (part[:, :, None] == np.arange(size)), places)
        shares = said / np.maximum(said.sum(axis=2, keepdims=True), 1e-12)
        changed = relabelled_since(shares, config.min_newer_drives)
        newer = drives[None] >= changed[:, None]
        since = np.maximum(since, changed)
        votes = np.where(newer[:, :, None], said, 0.0).sum(axis=1)
        won.append(_steady(guides, votes, places))
        doubt.append(1.0 - votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1e-12))
    label = np.ravel_multi_index(tuple(won), LABEL_SHAPE)
    return Labels(label, since, drives[None] >= since[:, None], np.where(word.any(axis=1), doubt[0], 0.0))


def _steady(guides: LineSamples, votes: Float, places: int) -> Index:
    """(N,) the winner of the votes (N, K); winners are voted on once more along the line, so that short changes go."""
    winner = np.eye(votes.shape[1])[votes.argmax(axis=1)]
    return np.asarray(sums_along(guides, winner, places).argmax(axis=1))
