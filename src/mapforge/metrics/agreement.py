"""Without a reference: do the drives confirm each other and the map, and was enough of the place seen?"""

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
Bool = NDArray[np.bool_]

CONFIRMED_M = 0.5
INTERVAL_95 = 1.96


@dataclass(frozen=True, eq=False)
class Confirmation:
    """One drive's samples that lie where another drive looked, and whether some other drive confirms them.

    stations: the samples. distance_m: (N,) to the nearest line of any other drive, infinite beyond 0.5 m.
    """

    stations: Stations
    distance_m: Float

    def where(self, mask: Bool) -> Confirmation:
        return Confirmation(self.stations.where(mask), self.distance_m[mask])

    @property
    def confirmed(self) -> Bool:
        return np.isfinite(self.distance_m)


@dataclass(frozen=True, eq=False)
class LeftOut:
    """One drive against the map as the other drives support it, both ways.

    saw: the drive's samples where another drive looked; of these, `confirmed` (N,) by another drive's own line.
    offset_m: (N,) signed offset to the map, infinite beyond 0.5 m. sigma_m: (N,) the map's stated sigma there.
    mapped: samples of the map where the drive looked; seen_m: (M,) distance to the drive's nearest line, infinite
    beyond 0.5 m.
    """

    saw: Stations
    confirmed: Bool
    offset_m: Float
    sigma_m: Float
    mapped: Stations
    seen_m: Float

    def where(self, saw: Bool, mapped: Bool) -> LeftOut:
        return LeftOut(
            self.saw.where(saw),
            self.confirmed[saw],
            self.offset_m[saw],
            self.sigma_m[saw],
            self.mapped.where(mapped),
            self.seen_m[mapped],
        )


def confirm(
    lines: Mapping[str, Sequence[Float]], seen: Mapping[str, shapely.Geometry | None], spacing_m: float = 0.5
) -> dict[str, Confirmation]:
    """Leave one drive out: each drive's lines of one class against those of all the others.

    lines: drive -> vertices (N, >=2). seen: drive -> what it looked at (None = unknown, counts as everything).
    """
    drives = sorted(lines)
    index = SegmentIndex([line for drive in drives for line in lines[drive]])
    owner = np.repeat(np.arange(len(drives)), [len(lines[drive]) for drive in drives])
    confirmations = {}
    for number, drive in enumerate(drives):
        stations = stations_along(lines[drive], spacing_m)
        looked = np.zeros(len(stations), dtype=bool)
        for other in drives:
            if other != drive and not looked.all():
                looked[~looked] = inside(seen.get(other), stations.xyz[~looked])
        stations = stations.where(looked)
        distance, _ = _nearest(stations.xyz, index, owner != number)
        confirmations[drive] = Confirmation(stations, np.abs(distance))
    return confirmations


def left_out(
    confirmations: Mapping[str, Confirmation],
    lines: Mapping[str, Sequence[Float]],
    seen: Mapping[str, shapely.Geometry | None],
    map_lines: Sequence[Float],
    map_sigma: Sequence[Float],
    sources: Sequence[Sequence[str]],
    spacing_m: float = 0.5,
) -> dict[str, LeftOut]:
    """Each drive against the elements that some other drive supports too: the map, one drive left out.

    map_lines: vertices (N, >=2) of the map's lines of one class; map_sigma: (N,) stated, or empty; sources: of each
    line, the drives it was made from; none stated counts as made by others.
    """
    index = SegmentIndex(map_lines, map_sigma)
    mapped = stations_along(map_lines, spacing_m)
    results = {}
    for drive, confirmation in confirmations.items():
        by_others = np.array([not own or any(other != drive for other in own) for own in sources], dtype=bool)
        offset, sigma = _nearest(confirmation.stations.xyz, index, by_others)
        looked = inside(seen.get(drive), mapped.xyz) & (by_others[mapped.line] if len(by_others) else True)
        here = mapped.where(np.asarray(looked, dtype=bool))
        distance, _ = _nearest(here.xyz, SegmentIndex(lines[drive]), np.ones(len(lines[drive]), dtype=bool))
        results[drive] = LeftOut(confirmation.stations, confirmation.confirmed, offset, sigma, here, np.abs(distance))
    return results


def agreement(confirmations: Sequence[Confirmation]) -> dict[str, float]:
    """agreement_0.5m: share of length confirmed; agreement_median_m, agreement_p95_m of the confirmed; length_m."""
    distance = np.concatenate([np.zeros(0), *(c.distance_m for c in confirmations)])
    length = np.concatenate([np.zeros(0), *(c.stations.length_m for c in confirmations)])
    confirmed = np.isfinite(distance)
    return {
        "agreement_0.5m": _share(length, confirmed),
        "agreement_median_m": weighted_quantile(distance[confirmed], length[confirmed], 0.5),
        "agreement_p95_m": weighted_quantile(distance[confirmed], length[confirmed], 0.95),
        "agreement_length_m": float(length.sum()),
    }


def left_out_scores(parts: Sequence[LeftOut]) -> dict[str, float]:
    """Length weighted, over the drives left out in turn; NaN = undefined.

    kept_0.5m: share of what two drives saw that is in the map within 0.5 m. left_out_completeness_0.5m: share of what
    the left-out drive saw that is in the map of the others; left_out_correctness_0.5m: share of their map that it saw
    too. left_out_lateral_median_m, _p95_m: of the matched. left_out_interval_95: share of offsets inside the map's
    stated 95 % interval. kept_length_m, mapped_length_m: what these shares are of.
    """
    none = np.zeros(0)
    saw = np.concatenate([none, *(part.saw.length_m for part in parts)])
    twice = np.concatenate([none.astype(bool), *(part.confirmed for part in parts)])
    offset = np.abs(np.concatenate([none, *(part.offset_m for part in parts)]))
    sigma = np.concatenate([none, *(part.sigma_m for part in parts)])
    mapped = np.concatenate([none, *(part.mapped.length_m for part in parts)])
    seen = np.isfinite(np.concatenate([none, *(part.seen_m for part in parts)]))
    found = np.isfinite(offset)
    stated = found & np.isfinite(sigma)
    return {
        "kept_0.5m": _share(saw[twice], found[twice]),
        "kept_length_m": float(saw[twice].sum()),
        "left_out_completeness_0.5m": _share(saw, found),
        "left_out_correctness_0.5m": _share(mapped, seen),
        "left_out_lateral_median_m": weighted_quantile(offset[found], saw[found], 0.5),
        "left_out_lateral_p95_m": weighted_quantile(offset[found], saw[found], 0.95),
        "left_out_interval_95": _share(saw[stated], offset[stated] <= INTERVAL_95 * sigma[stated]),
        "mapped_length_m": float(mapped.sum()),
    }


def covered_share(coverage: shapely.Geometry | None, wanted: shapely.Geometry) -> float:
    """Share of the area that should have been seen that was; NaN where nothing was to be seen."""
    if wanted.area == 0.0:
        return float("nan")
    return float(coverage.intersection(wanted).area / wanted.area) if coverage is not None else 0.0


def _nearest(xyz: Float, index: SegmentIndex, allowed: Bool) -> tuple[Float, Float]:
    """Signed offset to, and value at, the nearest allowed line of each point (N, >=2); infinite and NaN beyond 0.5 m.

    allowed: of each line of the index. Distances past a line's end count as such, without a sign.
    """
    offset, value = np.full(len(xyz), np.inf), np.full(len(xyz), np.nan)
    feet = index.within(xyz, CONFIRMED_M)
    mine = np.flatnonzero(allowed[feet.line]) if len(feet.line) else np.zeros(0, dtype=np.int64)
    order = mine[np.lexsort((feet.line[mine], feet.distance_m[mine], feet.query[mine]))]
    query, first = np.unique(feet.query[order], return_index=True)
    best = order[first]
    offset[query] = np.copysign(feet.distance_m[best], feet.offset_m[best])
    value[query] = feet.value[best]
    return offset, value


def _share(length: Float, mask: Bool) -> float:
    total = float(length.sum())
    return float(length[mask].sum()) / total if total else float("nan")
