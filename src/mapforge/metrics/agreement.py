"""Without a reference: do the drives confirm each other, and was enough of the place seen?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.metrics.judged_area import inside
from mapforge.metrics.lateral import weighted_quantile
from mapforge.metrics.stations import SegmentIndex, Stations, stations_along

Float = NDArray[np.float64]

CONFIRMED_M = 0.5


@dataclass(frozen=True, eq=False)
class Confirmation:
    """One drive's samples that lie where another drive looked, and whether some other drive confirms them.

    stations: the samples. distance_m: (N,) to the nearest line of any other drive, infinite beyond 0.5 m.
    """

    stations: Stations
    distance_m: Float


def confirm(
    lines: Mapping[str, Sequence[Float]], seen: Mapping[str, shapely.Geometry | None], spacing_m: float = 0.5
) -> dict[str, Confirmation]:
    """Leave one drive out: each drive's lines of one class against those of all the others.

    lines: drive -> vertices (N, >=2). seen: drive -> what it looked at (None = unknown, counts as everything).
    """
    confirmations = {}
    for drive in sorted(lines):
        others = [d for d in sorted(lines) if d != drive]
        stations = stations_along(lines[drive], spacing_m)
        looked = np.zeros(len(stations), dtype=bool)
        for other in others:
            looked |= inside(seen.get(other), stations.xyz)
        stations = stations.where(looked)
        index = SegmentIndex([line for other in others for line in lines[other]])
        distance = np.full(len(stations), np.inf)
        feet = index.nearest(stations.xyz, CONFIRMED_M)
        distance[feet.query] = feet.distance_m
        confirmations[drive] = Confirmation(stations, distance)
    return confirmations


def agreement(confirmations: Sequence[Confirmation]) -> dict[str, float]:
    """agreement_0.5m: share of length confirmed; agreement_median_m, agreement_p95_m of the confirmed; length_m."""
    distance = np.concatenate([np.zeros(0), *(c.distance_m for c in confirmations)])
    length = np.concatenate([np.zeros(0), *(c.stations.length_m for c in confirmations)])
    confirmed = np.isfinite(distance)
    total = float(length.sum())
    return {
        "agreement_0.5m": float(length[confirmed].sum()) / total if total else float("nan"),
        "agreement_median_m": weighted_quantile(distance[confirmed], length[confirmed], 0.5),
        "agreement_p95_m": weighted_quantile(distance[confirmed], length[confirmed], 0.95),
        "agreement_length_m": total,
    }


def covered_share(coverage: shapely.Geometry | None, wanted: shapely.Geometry) -> float:
    """Share of the area that should have been seen that was; NaN where nothing was to be seen."""
    if wanted.area == 0.0:
        return float("nan")
    return float(coverage.intersection(wanted).area / wanted.area) if coverage is not None else 0.0
