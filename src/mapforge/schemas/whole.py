"""Whole elements from their pieces in many tiles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from mapforge.schemas.elements import MapElement

MEET_M = 0.01
"""Ends of pieces this close together are one vertex."""

_Key = tuple[int, int]


def whole_elements(pieces: list[MapElement]) -> list[MapElement]:
    """Pieces that carry one `element_id` put together, sorted by id.

    Lines are joined end to end, in the direction of most of their length; areas are united. What cannot be joined stays
    apart under its id. Confidence is the mean by length or area, times and sources those of all pieces.
    """
    groups: dict[str, list[MapElement]] = defaultdict(list)
    for piece in pieces:
        groups[piece.element_id].append(piece)
    return [whole for name in sorted(groups) for whole in _of_one_element(groups[name])]


def _of_one_element(pieces: list[MapElement]) -> list[MapElement]:
    if len(pieces) == 1 or isinstance(pieces[0].geometry, shapely.Point):
        return pieces
    pieces = sorted(pieces, key=lambda piece: piece.xyz_map[0].tolist())
    if isinstance(pieces[0].geometry, shapely.LineString):
        return _joined_lines(pieces)
    united = shapely.union_all([shapely.force_2d(piece.geometry) for piece in pieces], grid_size=1e-3)
    vertices = np.concatenate([piece.xyz_map for piece in pieces])

    def nearest(xy: np.ndarray) -> np.ndarray:
        return np.asarray(((xy[:, None] - vertices[None, :, :2]) ** 2).sum(axis=2).argmin(axis=1))

    polygon = shapely.transform(
        shapely.force_3d(united),
        lambda p: np.column_stack([p[:, :2], vertices[nearest(p[:, :2]), 2]]),
        include_z=True,
    )
    sigma: tuple[float, ...] = ()
    if isinstance(polygon, shapely.Polygon) and all(len(piece.sigma_m) == len(piece.xyz_map) for piece in pieces):
        stated = np.concatenate([piece.sigma_m for piece in pieces])
        sigma = tuple(stated[nearest(shapely.get_coordinates(polygon.exterior))].tolist())
    return [_with_all(polygon, sigma, pieces, [piece.geometry.area for piece in pieces])]


def _joined_lines(pieces: list[MapElement]) -> list[MapElement]:
    ends: dict[_Key, list[tuple[int, bool]]] = defaultdict(list)
    for k, piece in enumerate(pieces):
        for last in (False, True):
            ends[_key(piece, last)].append((k, last))
    done: set[int] = set()
    whole = []
    for k in [*_loose(pieces, ends), *range(len(pieces))]:
        if k in done:
            continue
        forward = len(_partners(pieces, ends, k, False)) == 0
        whole.append(_walked(pieces, ends, k, forward, done))
    return whole


def _loose(pieces: list[MapElement], ends: dict[_Key, list[tuple[int, bool]]]) -> list[int]:
    """Pieces with an end that meets no other: where a walk starts."""
    return [
        k for k in range(len(pieces)) if not _partners(pieces, ends, k, False) or not _partners(pieces, ends, k, True)
    ]


def _partners(
    pieces: list[MapElement], ends: dict[_Key, list[tuple[int, bool]]], k: int, last: bool
) -> list[tuple[int, bool]]:
    """Ends of other pieces at an end, also across the edge of the rounding cell."""
    x, y = _key(pieces[k], last)
    own = pieces[k].xyz_map[-1 if last else 0, :2]
    near = [end for dx in (-1, 0, 1) for dy in (-1, 0, 1) for end in ends.get((x + dx, y + dy), []) if end[0] != k]
    return [
        (other, tail)
        for other, tail in near
        if float(np.hypot(*(pieces[other].xyz_map[-1 if tail else 0, :2] - own))) <= MEET_M
    ]


def _key(piece: MapElement, last: bool) -> _Key:
    x, y = np.round(piece.xyz_map[-1 if last else 0, :2] / MEET_M)
    return int(x), int(y)


def _walked(
    pieces: list[MapElement], ends: dict[_Key, list[tuple[int, bool]]], k: int, forward: bool, done: set[int]
) -> MapElement:
    xyz: list[np.ndarray] = []
    sigma: list[np.ndarray] = []
    members = []
    ahead_m = 0.0
    while True:
        done.add(k)
        members.append(pieces[k])
        ahead_m += pieces[k].geometry.length * (1.0 if forward else -1.0)
        skip = 1 if xyz else 0
        own = pieces[k].xyz_map
        stated = np.array(pieces[k].sigma_m) if len(pieces[k].sigma_m) == len(own) else np.full(len(own), np.nan)
        xyz.append((own if forward else own[::-1])[skip:])
        sigma.append((stated if forward else stated[::-1])[skip:])
        onward = [end for end in _partners(pieces, ends, k, forward) if end[0] not in done]
        if not onward:
            break
        k, entered_last = onward[0]
        forward = not entered_last
    step = 1 if ahead_m >= 0.0 else -1
    all_sigma = np.concatenate(sigma)[::step]
    line = shapely.LineString(np.concatenate(xyz)[::step])
    known = () if np.isnan(all_sigma).any() else tuple(all_sigma.tolist())
    return _with_all(line, known, members, [piece.geometry.length for piece in members])


def _with_all(
    geometry: shapely.Geometry, sigma_m: tuple[float, ...], pieces: list[MapElement], weights: list[float]
) -> MapElement:
    sources = tuple(sorted({source for piece in pieces for source in piece.sources}))
    return replace(
        pieces[0],
        geometry=geometry,
        attributes=_attributes(pieces, weights),
        sigma_m=sigma_m,
        confidence=float(np.average([piece.confidence for piece in pieces], weights=weights)),
        n_drives=max(len(sources), *(piece.n_drives for piece in pieces)),
        first_seen_ns=min(piece.first_seen_ns for piece in pieces),
        last_seen_ns=max(piece.last_seen_ns for piece in pieces),
        sources=sources,
    )


def _attributes(pieces: list[MapElement], weights: list[float]) -> dict[str, Any]:
    """Lists are united and do not hold the element itself; of other values that with the greatest weight stands."""
    merged: dict[str, Any] = {}
    for name in sorted({name for piece in pieces for name in piece.attributes}):
        given = [(piece.attributes[name], w) for piece, w in zip(pieces, weights) if name in piece.attributes]
        if isinstance(given[0][0], list):
            merged[name] = sorted({entry for value, _ in given for entry in value} - {pieces[0].element_id})
        else:
            votes: dict[Any, float] = defaultdict(float)
            for value, w in given:
                votes[value] += w
            merged[name] = max(sorted(votes, key=str), key=lambda value: votes[value])
    return merged
