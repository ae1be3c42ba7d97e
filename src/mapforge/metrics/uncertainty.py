"""Whether stated uncertainty holds: how much of the truth lies inside the stated intervals."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from mapforge.metrics.lateral import Offsets

STATION_M = 1.0


def interval_coverage(matched: Offsets) -> dict[str, float]:
    """Share of offsets inside the stated 68 % and 95 % intervals, and how many samples had a sigma.

    matched: at stations 1 m apart; samples without a positive sigma do not count.
    """
    stated = np.isfinite(matched.sigma_m) & (matched.sigma_m > 0.0)
    ratio = np.abs(matched.offset_m[stated]) / matched.sigma_m[stated]
    coverage = {
        f"interval_{percent}_share": float(np.mean(ratio <= ndtri(0.5 + percent / 200.0)))
        if len(ratio)
        else float("nan")
        for percent in (68, 95)
    }
    return {**coverage, "interval_stations": float(len(ratio))}
