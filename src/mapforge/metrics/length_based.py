"""How much of the truth was found, how much of what was found is true, how much was found twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex, Stations

Float = NDArray[np.float64]

TOLERANCES_M = (0.2, 0.5)
ALONGSIDE_M, ALONGSIDE_COS = 0.5, float(np.cos(np.deg2rad(30.0)))


def share_within(stations: Stations, others: SegmentIndex, tolerance_m: float) -> float:
    """Share of the stations' length that has another line within `tolerance_m`; NaN without stations.

    Of truth among predictions it is completeness, of predictions among truth correctness.
    """
    total = float(stations.length_m.sum())
    if total == 0.0:
        return float("nan")
    found = others.nearest(stations.xyz, tolerance_m).query
    return float(stations.length_m[found].sum()) / total


def duplicated(stations: Stations, lines: SegmentIndex, rank: Sequence[float] | Float) -> NDArray[np.bool_]:
    """(N,) bool: stations beside which a better line of the same class runs within 0.5 m and 30 degrees.

    stations: on the lines of `lines`. rank: (L,) one a line, higher is better; of equals the earlier is better.
    Of two lines on one another only the worse counts. Lines that merely continue each other do not count.
    """
    position = np.empty(len(rank), dtype=np.int64)
    position[np.lexsort((np.arange(len(rank)), -np.asarray(rank, dtype=np.float64)))] = np.arange(len(rank))
    feet = lines.within(stations.xyz, ALONGSIDE_M)
    own = stations.line[feet.query]
    along = np.stack([feet.normal[:, 1], -feet.normal[:, 0]], axis=1)
    parallel = np.abs((along * stations.tangent[feet.query]).sum(axis=1)) >= ALONGSIDE_COS
    better = position[feet.line] < position[own]
    doubled = np.zeros(len(stations), dtype=bool)
    doubled[feet.query[(feet.line != own) & parallel & better & ~feet.beyond_end]] = True
    return doubled
