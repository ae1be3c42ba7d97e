"""Guides: samples that together lie beside every line any drive saw, about once.

Only guides are fused, so that the work grows with the drives and not with their square. Drives are asked one after the
other, long lines first; what a guide already covers is passed over. Kept guides are continued a little along their
line, so that estimates over a few metres do not end where a guide of another drive takes over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.association import Crossings, Gates, crossings, pair_gates
from mapforge.fusion.samples import LineSamples

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]

_LONG_M = (60.0, 15.0, 0.0)
_COVER_M = 0.3


def guides_of(samples: LineSamples, sides: tuple[Float, Float], gates: Gates, continued_m: float) -> Bool:
    """(N,) which samples are guides. sides: `side_gates` of the samples."""
    chosen = np.zeros(len(samples), dtype=bool)
    length, drive = samples.length_m[samples.line], samples.drive_of
    upper = np.inf
    for least_m in _LONG_M:
        for d in range(int(drive.max()) + 1 if len(drive) else 0):
            asked = np.flatnonzero((drive == d) & (length >= least_m) & (length < upper))
            if len(asked):
                chosen[asked[~_covered(samples, asked, np.flatnonzero(chosen), sides, gates)]] = True
        upper = least_m
    return _continued(samples, chosen, round(continued_m / gates.station_m))


def _covered(samples: LineSamples, asked: Index, guides: Index, sides: tuple[Float, Float], gates: Gates) -> Bool:
    """Which of the asked samples (of one drive) have a guide of another drive on their own line close by.

    A guide covers one line of a drive, the nearest.
    """
    found = crossings(samples.take(asked), samples.take(guides), gates, _COVER_M)
    i, j = asked[found.i], guides[found.j]
    same_way = (samples.tangent[i] * samples.tangent[j]).sum(axis=1) >= 0
    pairs = pair_gates(same_way, (sides[0][i], sides[1][i]), (sides[0][j], sides[1][j]), gates.across_m)
    allowed = np.where(found.offset_m >= 0, pairs.to_left_m, pairs.to_right_m)
    covers = (np.abs(found.offset_m) <= allowed) & (samples.line[i] == _nearest_line(samples, found, i, j))
    out = np.zeros(len(asked), dtype=bool)
    out[found.i[covers & (samples.drive_of[i] != samples.drive_of[j])]] = True
    return out


def _nearest_line(samples: LineSamples, found: Crossings, i: Index, j: Index) -> Index:
    """(M,) of every pair, the line that lies nearest to its guide."""
    order = np.lexsort((i, np.abs(found.offset_m), j))
    first = np.ones(len(order), dtype=bool)
    first[1:] = j[order][1:] != j[order][:-1]
    nearest = np.zeros(len(samples), dtype=np.int64)
    nearest[j[order][first]] = samples.line[i[order][first]]
    return nearest[j]


def _continued(samples: LineSamples, chosen: Bool, places: int) -> Bool:
    """Guides and their neighbours on their line, at most `places` stations away (lines are contiguous)."""
    out = chosen.copy()
    for step in range(1, places + 1):
        same = samples.line[step:] == samples.line[:-step]
        same &= samples.station[step:] - samples.station[:-step] <= places
        out[step:] |= chosen[:-step] & same
        out[:-step] |= chosen[step:] & same
    return out
