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
_ECHO_M, _ECHO_SHARE = 2.5, 3
_BASE, _OF_LOOKS, _OF_SCORE, _OF_MISS = -1.75, 2.8, 0.7, -0.25


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
    groups = identities(tracks, sightings, gates)
    signs = [sign_of(element_class, tracks, group, drives, paths_map) for group in groups]
    return sorted(
        (sign for sign in signs if sign.confidence >= min_confidence), key=lambda sign: sign.geometry.coords[0]
    )


def identities(tracks: SignTracks, sightings: Sightings, gates: SignGates) -> list[Index]:
    """Groups of tracks, each of one sign."""

    def cost(i: Index, j: Index) -> Float:
        types = (tracks.type_shares[i] * tracks.type_shares[j]).sum(axis=1)
        typed = (tracks.type_shares[i].any(axis=1)) & (tracks.type_shares[j].any(axis=1))
        looks = 1.0 - (tracks.embedding[i] * tracks.embedding[j]).sum(axis=1)
        known = tracks.embedding[i].any(axis=1) & tracks.embedding[j].any(axis=1)
        return unlikeness(tracks, gates, i, j) + _TYPE_COST * typed * (1.0 - types) + _LOOKS_COST * known * looks

    apart = _seen_together(tracks, sightings)
    groups = clustered(tracks.xyz_map[:, :2], gates.reach_m, cost, apart, tracks.evidence / tracks.sigma_m)
    return _without_echoes(groups, tracks, apart, gates)


def _without_echoes(
    groups: list[Index], tracks: SignTracks, apart: list[frozenset[int]], gates: SignGates
) -> list[Index]:
    """Without groups of a few sightings beside a sign of many, never in one picture with it: the same sign, misplaced
    along the line of sight."""
    if len(groups) < 2:
        return groups
    seen = np.array([sum(len(tracks.members[track]) for track in group) for group in groups])
    centres = np.array([robust_centre(tracks.xyz_map[group], tracks.evidence[group])[0] for group in groups])
    headings = np.array([mean_heading(tracks.heading_rad[group], tracks.evidence[group]) for group in groups])
    pictures = [frozenset().union(*(apart[track] for track in group)) for group in groups]
    turn = np.abs((headings[:, None] - headings[None] + np.pi) % (2 * np.pi) - np.pi)
    echoes = np.linalg.norm(centres[:, None, :2] - centres[None, :, :2], axis=2) < _ECHO_M
    echoes &= (seen[:, None] * _ECHO_SHARE <= seen[None]) & ~(turn > gates.turn_rad)
    return [
        group
        for k, group in enumerate(groups)
        if not any(not pictures[k] & pictures[other] for other in np.flatnonzero(echoes[k]))
    ]


def _seen_together(tracks: SignTracks, sightings: Sightings) -> list[frozenset[int]]:
    """The camera frames of each track."""
    return [frozenset(sightings.picture[rows].tolist()) for rows in tracks.members]


def sign_of(
    element_class: ElementClass,
    tracks: SignTracks,
    group: Index,
    drives: list[str],
    paths_map: list[Float | None],
) -> MapElement:
    """The sign that a group of tracks is of; drives and paths as of `fused_signs`."""
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
    """That there is a sign: a logistic model of how often, how clearly and by whom it was seen, and who missed it.

    Fitted on the tracks of one simulated town (eight drives) that no reported figure is of.
    """
    looks = float(tracks.looks[group].sum())
    missed = np.count_nonzero(looked_by) - np.count_nonzero(looked_by[np.unique(tracks.drive[group])])
    score = float(tracks.best_score[group].max())
    odds = _BASE + _OF_LOOKS * np.log(looks) + _OF_SCORE * (score - 0.5) + _OF_MISS * missed
    return float(1.0 / (1.0 + np.exp(-odds)))


def _sigma(tracks: SignTracks, group: Index, centre: Float, weight: Float) -> float:
    """Of the mean of the drives, by what they state and by how they differ."""
    share = weight / weight.sum()
    drives = len(np.unique(tracks.drive[group]))
    stated = float(np.sqrt(share @ tracks.sigma_m[group] ** 2))
    spread = float(np.sqrt(share @ ((tracks.xyz_map[group, :2] - centre[:2]) ** 2).sum(axis=1) / 2))
    return round(max(stated, spread, 0.02) / float(np.sqrt(drives)), 5)
