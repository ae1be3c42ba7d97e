"""Signs and lights: the tracks of all drives, told apart and put together, one point each.

A track of one drive and one of another are the same sign when place, height, facing, type and looks agree; two tracks
that one drive saw in the same camera frame never are. What drives that passed in front did not see is doubted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.fusion.identities import clustered
from mapforge.fusion.sightings import Sightings
from mapforge.fusion.sign_tracks import SignGates, SignTracks, mean_heading, robust_centre, tracks_of, unlikeness
from mapforge.schemas.detections import SIGN_TYPES
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_TYPE_COST = 0.25
_LOOKS_COST = 0.5
_SIGMA_MIN_M = 0.03
_LOOKED_FROM_M, _LOOKED_TO_M, _LOOKED_RAD, _LOOKED_STATIONS = 8.0, 30.0, np.radians(50.0), 6
_MISS_ODDS = 0.35
_PRIOR_ODDS = 0.5


def fused_signs(
    element_class: ElementClass,
    sightings: Sightings,
    drives: list[str],
    paths_map: list[Float | None],
    gates: SignGates,
    min_confidence: float,
) -> list[MapElement]:
    """Every sign of one class the sightings hold, wherever it lies, sorted by place.

    drives: names by index. paths_map: (K, 3) of each drive near here in the order driven, or None where unknown.
    min_confidence: what is less sure to exist is left out.
    """
    sightings = sightings.sorted()
    tracks = tracks_of(sightings, gates)
    signs = []
    for group in identities(tracks, sightings, gates):
        sign = _sign(element_class, tracks, group, drives, paths_map)
        if sign.confidence >= min_confidence:
            signs.append(sign)
    return sorted(signs, key=lambda sign: sign.geometry.coords[0])


def identities(tracks: SignTracks, sightings: Sightings, gates: SignGates) -> list[Index]:
    """Groups of tracks, each of one sign."""

    def cost(i: Index, j: Index) -> Float:
        types = (tracks.type_shares[i] * tracks.type_shares[j]).sum(axis=1)
        typed = (tracks.type_shares[i].any(axis=1)) & (tracks.type_shares[j].any(axis=1))
        looks = 1.0 - (tracks.embedding[i] * tracks.embedding[j]).sum(axis=1)
        known = tracks.embedding[i].any(axis=1) & tracks.embedding[j].any(axis=1)
        return unlikeness(tracks, gates, i, j) + _TYPE_COST * typed * (1.0 - types) + _LOOKS_COST * known * looks

    apart = _seen_together(tracks, sightings)
    return clustered(tracks.xyz_map[:, :2], gates.reach_m, cost, apart, tracks.evidence / tracks.sigma_m)


def _seen_together(tracks: SignTracks, sightings: Sightings) -> list[frozenset[int]]:
    """The camera frames of each track."""
    return [frozenset(sightings.picture[rows].tolist()) for rows in tracks.members]


def _sign(
    element_class: ElementClass,
    tracks: SignTracks,
    group: Index,
    drives: list[str],
    paths_map: list[Float | None],
) -> MapElement:
    sigma = np.maximum(tracks.sigma_m[group], _SIGMA_MIN_M)
    centre, weight = robust_centre(tracks.xyz_map[group], tracks.evidence[group] / sigma**2)
    heading = mean_heading(tracks.heading_rad[group], weight)
    seen_by = np.unique(tracks.drive[group])
    return MapElement(
        element_id=content_id(element_class, centre),
        element_class=element_class,
        geometry=shapely.Point(centre),
        attributes=_attributes(element_class, tracks, group, weight, heading),
        confidence=_confidence(tracks, group, looked(centre, heading, paths_map)),
        sigma_m=(_sigma(tracks, group, centre, weight),),
        n_drives=len(seen_by),
        first_seen_ns=int(tracks.seen_ns[group, 0].min()),
        last_seen_ns=int(tracks.seen_ns[group, 1].max()),
        sources=tuple(drives[d] for d in seen_by),
    )


def _attributes(
    element_class: ElementClass, tracks: SignTracks, group: Index, weight: Float, heading_rad: float
) -> dict[str, Any]:
    attributes: dict[str, Any] = {"height_m": round(float(np.average(tracks.height_m[group], weights=weight)), 3)}
    if np.isfinite(heading_rad):
        attributes["heading_rad"] = round(heading_rad, 4)
    if element_class is ElementClass.TRAFFIC_SIGN:
        votes = tracks.evidence[group] @ tracks.type_shares[group]
        attributes["sign_type"] = SIGN_TYPES[int(np.argmax(votes))]
    return attributes


def looked(centre_map: Float, heading_rad: float, paths_map: list[Float | None]) -> NDArray[np.bool_]:
    """(drives,) which of them passed in front of a sign, towards it, so that its cameras should have seen it."""
    result = np.zeros(len(paths_map), dtype=bool)
    for number, path in enumerate(paths_map):
        if path is None or len(path) < 2:
            continue
        away = path[:-1, :2] - centre_map[:2]
        distance = np.maximum(np.linalg.norm(away, axis=1), 1e-6)
        step = np.diff(path[:, :2], axis=0)
        pace = np.linalg.norm(step, axis=1)
        ahead = -(step * away).sum(axis=1) / (np.maximum(pace, 1e-6) * distance) > np.cos(_LOOKED_RAD)
        turn = np.arctan2(away[:, 1], away[:, 0]) - heading_rad
        facing = np.nan_to_num(np.abs((turn + np.pi) % (2 * np.pi) - np.pi)) < _LOOKED_RAD
        near = (distance > _LOOKED_FROM_M) & (distance < _LOOKED_TO_M) & (pace < 5.0)
        result[number] = np.count_nonzero(ahead & facing & near) >= _LOOKED_STATIONS
    return result


def _confidence(tracks: SignTracks, group: Index, looked_by: NDArray[np.bool_]) -> float:
    """Drives are independent, frames of one drive are not: odds multiply over drives, by each one's best track."""
    odds = _PRIOR_ODDS
    for drive in range(len(looked_by)):
        own = group[tracks.drive[group] == drive]
        if len(own):
            evidence = min(0.97, float(tracks.evidence[own].max()))
            odds *= evidence / (1.0 - evidence)
        elif looked_by[drive]:
            odds *= _MISS_ODDS
    return float(odds / (1.0 + odds))


def _sigma(tracks: SignTracks, group: Index, centre: Float, weight: Float) -> float:
    """Of the mean of the drives, by what they state and by how they differ."""
    share = weight / weight.sum()
    drives = len(np.unique(tracks.drive[group]))
    stated = float(np.sqrt(share @ tracks.sigma_m[group] ** 2))
    spread = float(np.sqrt(share @ ((tracks.xyz_map[group, :2] - centre[:2]) ** 2).sum(axis=1) / 2))
    return round(max(stated, spread, 0.02) / float(np.sqrt(drives)), 5)
