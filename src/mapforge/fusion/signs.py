"""Signs and lights: detections of all drives gathered into one point each.

Detections are attracted by the densest place around them (one mean-shift peak a sign), weighted by their position
uncertainty; class, facing and height keep signs on one pole apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sightings:
    """Detections of one class, all drives. xyz_map: (N, 3); heading_rad, height_m, sigma_m, score: (N,);
    sign_type: (N,) str; timestamp_ns: (N,); drive: (N,) index."""

    xyz_map: Float
    heading_rad: Float
    height_m: Float
    sigma_m: Float
    score: Float
    sign_type: NDArray[np.str_]
    timestamp_ns: Index
    drive: Index

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: Index | NDArray[np.bool_]) -> Sightings:
        return Sightings(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def fused_signs(
    element_class: ElementClass,
    sightings: Sightings,
    drives: list[str],
    gate_m: float,
    height_gate_m: float,
    turn_rad: float,
    min_detections: int,
) -> list[MapElement]:
    """Every sign of one class the sightings hold, wherever it lies, sorted by place."""
    order = np.lexsort((sightings.xyz_map[:, 1], sightings.xyz_map[:, 0], sightings.timestamp_ns, sightings.drive))
    sightings = sightings.take(order)
    groups = _groups(sightings, gate_m, height_gate_m, turn_rad)
    signs = [_sign(element_class, sightings.take(group), drives) for group in groups if len(group) >= min_detections]
    return sorted(signs, key=lambda sign: sign.geometry.coords[0])


def _groups(sightings: Sightings, gate_m: float, height_gate_m: float, turn_rad: float) -> list[Index]:
    """Indices of the sightings of each sign: peaks of density first, each takes what is near and fits."""
    n = len(sightings)
    if n == 0:
        return []
    compatible = _closeness(sightings, sightings, gate_m, height_gate_m, turn_rad)
    weight = sightings.score / np.maximum(sightings.sigma_m, 0.1)
    density = compatible @ weight
    peaks: list[int] = []
    for k in np.lexsort((np.arange(n), -density)):
        if not any(compatible[k, peak] > 0 for peak in peaks):
            peaks.append(int(k))
    nearest = compatible[:, peaks]
    owner = np.where(nearest.max(axis=1) > 0, nearest.argmax(axis=1), -1)
    return [np.flatnonzero(owner == k) for k in range(len(peaks))]


def _closeness(a: Sightings, b: Sightings, gate_m: float, height_gate_m: float, turn_rad: float) -> Float:
    """(N, M) 1 at one place, 0 from the gate on; the gate is wider for uncertain positions."""
    distance = np.linalg.norm(a.xyz_map[:, None, :2] - b.xyz_map[None, :, :2], axis=2)
    gate = np.clip(2.0 * np.hypot(a.sigma_m[:, None], b.sigma_m[None]) + 0.5, 0.5, gate_m)
    lower = np.abs(a.xyz_map[:, None, 2] - b.xyz_map[None, :, 2])
    turn = np.abs((a.heading_rad[:, None] - b.heading_rad[None] + np.pi) % (2 * np.pi) - np.pi)
    fits = (lower < height_gate_m) & ~(turn > turn_rad)  # an unknown heading (NaN) fits any
    return np.where(fits, np.maximum(1.0 - (distance / gate) ** 2, 0.0), 0.0)


def _sign(element_class: ElementClass, seen: Sightings, drives: list[str]) -> MapElement:
    weight = seen.score / np.maximum(seen.sigma_m, 0.05) ** 2
    centre = np.average(seen.xyz_map, axis=0, weights=weight)
    for _ in range(3):
        far = np.linalg.norm(seen.xyz_map[:, :2] - centre[:2], axis=1)
        robust = weight / (1.0 + (far / 0.3) ** 2)
        centre = np.average(seen.xyz_map, axis=0, weights=robust)
    seen_by = np.unique(seen.drive)
    return MapElement(
        element_id=content_id(element_class, centre),
        element_class=element_class,
        geometry=shapely.Point(centre),
        attributes=_attributes(element_class, seen, robust),
        confidence=_confidence(seen, seen_by),
        sigma_m=(_sigma(seen, centre, robust, len(seen_by)),),
        n_drives=len(seen_by),
        first_seen_ns=int(seen.timestamp_ns.min()),
        last_seen_ns=int(seen.timestamp_ns.max()),
        sources=tuple(drives[d] for d in seen_by),
    )


def _attributes(element_class: ElementClass, seen: Sightings, weight: Float) -> dict[str, Any]:
    attributes: dict[str, Any] = {"height_m": round(float(np.average(seen.height_m, weights=weight)), 3)}
    known = np.isfinite(seen.heading_rad)
    if known.any():
        heading = seen.heading_rad[known]
        mean = np.arctan2(weight[known] @ np.sin(heading), weight[known] @ np.cos(heading))
        attributes["heading_rad"] = round(float(mean), 4)
    if element_class is ElementClass.TRAFFIC_SIGN:
        names = sorted(set(seen.sign_type.tolist()))
        # close views tell types apart best
        votes = [float((seen.score / np.maximum(seen.sigma_m, 0.1))[seen.sign_type == name].sum()) for name in names]
        attributes["sign_type"] = names[int(np.argmax(votes))]
    return attributes


def _confidence(seen: Sightings, seen_by: Index) -> float:
    """Frames of one drive are far from independent: each drive counts as its best frames, drives multiply."""
    doubt = 1.0
    for drive in seen_by:
        scores = np.sort(seen.score[seen.drive == drive])[::-1][:5]
        doubt *= 1.0 - min(0.97, float(scores.mean()) * (1.0 - 0.5 ** len(scores)))
    return 1.0 - doubt


def _sigma(seen: Sightings, centre: Float, weight: Float, n_drives: int) -> float:
    """Spread about the centre; a drive's pose error is common to its frames, so drives average and frames do not."""
    spread = float(np.sqrt(np.average(((seen.xyz_map[:, :2] - centre[:2]) ** 2).sum(axis=1) / 2, weights=weight)))
    stated = float(np.average(seen.sigma_m, weights=weight))
    return round(max(spread, stated / np.sqrt(len(seen.score)), 0.02) / np.sqrt(n_drives), 5)
