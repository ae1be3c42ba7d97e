"""Lines that can bound a lane: joined end to end, and sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.polylines import arc_length, at_stations
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]
Index = NDArray[np.int64]
End = tuple[int, bool]

BRIDGE = -1
"""Owner of samples that no element owns: bridged gaps."""
_OUTWARD_M = 3.0
_TANGENT_M = 2.0
_TOUCH_M = 0.3
_ONE_M = 2e-3
_BRIDGE_TURN_RAD = np.radians(20.0)
_TOUCH_TURN_RAD = np.radians(60.0)


@dataclass(frozen=True, eq=False)
class Borders:
    """Samples of border chains, chain by chain, in order along each.

    xyz: (N, 3) map frame. tangent: (N, 2). chain: (N,). station_m: (N,) along the chain. owner: (N,) index into the
    elements they were made from, BRIDGE where there is none. kerb: (N,) True of road boundaries.
    """

    xyz: Float
    tangent: Float
    chain: Index
    station_m: Float
    owner: Index
    kerb: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.xyz)


def borders_of(elements: list[MapElement], sample_m: float, bridge_m: float, min_length_m: float) -> Borders:
    """Dividers and boundaries of a window as borders; other elements are passed over."""
    parts = []
    for kerb, element_class in ((False, ElementClass.LANE_DIVIDER), (True, ElementClass.ROAD_BOUNDARY)):
        members = [k for k, e in enumerate(elements) if e.element_class is element_class]
        lines = [elements[k].xyz_map for k in members]
        for chain in _chains(lines, bridge_m):
            sampled = _sampled(lines, members, chain, sample_m)
            if sampled[1][-1] >= min_length_m:
                parts.append((*sampled, kerb))
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Borders(np.zeros((0, 3)), np.zeros((0, 2)), nothing, np.zeros(0), nothing, np.zeros(0, dtype=bool))
    counts = [len(part[0]) for part in parts]
    return Borders(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([_tangents(part[0], part[1]) for part in parts]),
        np.repeat(np.arange(len(parts)), counts),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        np.repeat([part[3] for part in parts], counts),
    )


def _chains(lines: list[Float], bridge_m: float) -> list[list[End]]:
    """Lines in the order and sense in which they follow each other: (line, is it run through backwards)."""
    partner = _partners(lines, bridge_m)
    done: set[int] = set()
    chains = []
    starts = [(k, last) for k in range(len(lines)) for last in (False, True) if (k, last) not in partner]
    for k, last in [*starts, *((k, False) for k in range(len(lines)))]:
        if k in done:
            continue
        chain: list[End] = []
        entered: End | None = (k, last)
        while entered is not None and entered[0] not in done:
            done.add(entered[0])
            chain.append(entered)
            entered = partner.get((entered[0], not entered[1]))
        chains.append(chain)
    return chains


def _partners(lines: list[Float], bridge_m: float) -> dict[End, End]:
    """Ends that go on in each other, nearest first; each end at most once."""
    ends: list[End] = [(k, last) for k in range(len(lines)) for last in (False, True)]
    if len(ends) < 2:
        return {}
    place = np.array([lines[k][-1 if last else 0, :2] for k, last in ends])
    outward = np.array([_outward(lines[k], last) for k, last in ends])
    pairs = cKDTree(place).query_pairs(bridge_m, output_type="ndarray")
    e, f = pairs[:, 0], pairs[:, 1]
    gap = place[f] - place[e]
    distance = np.linalg.norm(gap, axis=1)
    ahead = gap / np.maximum(distance, 1e-9)[:, None]
    turn = np.maximum(_angle(outward[e], ahead), _angle(-outward[f], ahead))
    fits = np.where(distance < _TOUCH_M, _angle(outward[e], -outward[f]) < _TOUCH_TURN_RAD, turn < _BRIDGE_TURN_RAD)
    fits &= e // 2 != f // 2
    cost = distance * (1.0 + np.where(distance < _TOUCH_M, 0.0, turn))
    partner: dict[End, End] = {}
    for k in np.lexsort((place[e, 1], place[e, 0], cost)):
        a, b = ends[int(e[k])], ends[int(f[k])]
        if fits[k] and a not in partner and b not in partner:
            partner[a], partner[b] = b, a
    return partner


def _outward(line: Float, last: bool) -> Float:
    run = line[::-1] if last else line
    step = run[0, :2] - at_stations(run[:, :2], np.array([_OUTWARD_M]))[0]
    return np.asarray(step / max(float(np.linalg.norm(step)), 1e-9))


def _angle(a: Float, b: Float) -> Float:
    return np.asarray(np.abs(np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1))))


def _sampled(lines: list[Float], members: list[int], chain: list[End], sample_m: float) -> tuple[Float, Float, Index]:
    """Vertices, stations and owners of a chain; every segment is divided by itself, so that no sample depends on where
    the chain begins."""
    xyz: list[Float] = []
    owner: list[Index] = []
    for k, backwards in chain:
        line = lines[k][::-1] if backwards else lines[k]
        own = _divided(line, sample_m)
        if xyz and np.linalg.norm(xyz[-1][-1, :2] - line[0, :2]) < _ONE_M:
            own = own[1:]
        elif xyz:
            bridge = _divided(np.vstack([xyz[-1][-1], line[0]]), sample_m)[1:-1]
            xyz.append(bridge)
            owner.append(np.full(len(bridge), BRIDGE))
        xyz.append(own)
        owner.append(np.full(len(own), members[k]))
    points = np.concatenate(xyz)
    return points, arc_length(points), np.concatenate(owner).astype(np.int64)


def _divided(line: Float, sample_m: float) -> Float:
    """The line with every segment in equal parts of at most `sample_m`."""
    step = np.diff(line, axis=0)
    parts = np.maximum(1, np.ceil(np.linalg.norm(step[:, :2], axis=1) / sample_m - 1e-9)).astype(np.int64)
    segment = np.repeat(np.arange(len(step)), parts)
    share = (np.arange(len(segment)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[segment]
    return np.vstack([line[segment] + share[:, None] * step[segment], line[-1]])


def _tangents(xyz: Float, station_m: Float) -> Float:
    """(N, 2) direction over a few metres on either side."""
    ahead = [np.interp(station_m + _TANGENT_M, station_m, xyz[:, d]) for d in (0, 1)]
    behind = [np.interp(station_m - _TANGENT_M, station_m, xyz[:, d]) for d in (0, 1)]
    step = np.stack(ahead, axis=1) - np.stack(behind, axis=1)
    return np.asarray(step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9))
