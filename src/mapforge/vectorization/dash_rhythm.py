"""The rhythm of a dashed line tells a dash that was not seen from a place where nothing is painted.

Dash and gap lengths repeat along a line. A longer gap is a whole number of missed dashes, or the paint pauses. How
often dashes are missed shows in the rest of the line: as many in a row as that makes likely are believed to have been
missed, and more are a pause (a likelihood ratio with a fixed prior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

_USUAL_GAP_M, _USUAL_DASH_M = 9.0, 3.0
"""Of lines that do not tell their own rhythm: a wide pattern in common use. A wider one misses a dash at each gap."""
_LONGEST_DASH_M = 8.0
"""Longer pieces are several dashes, the gaps between which were bridged already."""
_LEAST_GAPS = 3
"""A line with so many gaps between single dashes tells its own rhythm."""
_EARLY_M = 1.5
"""Dashes are found so much shorter, both ends together, that a gap may be longer by this."""
_LIKELY_PAUSE = 0.02
"""Share of gaps that are pauses."""
_USUAL_SHARE, _USUAL_DASHES = 0.05, 20.0
"""Of dashes missed, and as how many dashes of one drive this counts."""
_DRIVE_DASHES = 6.0
"""The share of dashes a drive missed counts as so many dashes of one line."""
_LEAST_SHARE = 0.05
"""However many dashes were found, one may be worn off or hidden: a single one is never a pause."""


@dataclass(frozen=True, eq=False)
class DashRow:
    """Pieces that continue each other, P in order. piece_m: (P,) lengths; gap_m: (P - 1,) between them; dashed:
    (P - 1,) whether dashes are on both sides of the gap."""

    piece_m: Float
    gap_m: Float
    dashed: Bool


def pauses_of(rows: list[DashRow], least_m: float) -> list[Bool]:
    """(P - 1,) of each row of one drive: at which gaps the paint pauses. Gaps up to `least_m` are none."""
    rhythms = [_rhythm(row) for row in rows]
    missed = [_missed(row, *rhythm) for row, rhythm in zip(rows, rhythms)]
    found = [_found(row, *rhythm) for row, rhythm in zip(rows, rhythms)]
    all_missed, all_found = sum(float(beats.sum()) for beats in missed), sum(found)
    usual = (all_missed + _USUAL_SHARE * _USUAL_DASHES) / (all_missed + all_found + _USUAL_DASHES)
    pauses = []
    for row, beats, seen in zip(rows, missed, found):
        others = beats.sum() - beats
        share = np.maximum((others + usual * _DRIVE_DASHES) / (others + seen + _DRIVE_DASHES), _LEAST_SHARE)
        pauses.append(row.dashed & (row.gap_m > least_m) & (share**beats < _LIKELY_PAUSE))
    return pauses


def _rhythm(row: DashRow) -> tuple[float, float]:
    """Gap and dash length, metres. A missed dash only ever lengthens a gap: the shorter gaps tell."""
    single = row.piece_m <= _LONGEST_DASH_M
    gaps = row.gap_m[row.dashed & single[1:] & single[:-1]]
    if len(gaps) < _LEAST_GAPS:
        return _USUAL_GAP_M, _USUAL_DASH_M
    return float(np.quantile(gaps, 0.25)), float(np.median(row.piece_m[single]))


def _missed(row: DashRow, gap_m: float, dash_m: float) -> Float:
    """(P - 1,) dashes missed in each gap."""
    return np.ceil(np.maximum(row.gap_m - gap_m - _EARLY_M, 0.0) / (gap_m + dash_m)) * row.dashed


def _found(row: DashRow, gap_m: float, dash_m: float) -> float:
    """Dashes found, in all pieces beside a gap between dashes together."""
    beside = np.append(row.dashed, False) | np.append(False, row.dashed)
    return float((np.maximum(row.piece_m / (gap_m + dash_m), 1.0) * beside).sum())
