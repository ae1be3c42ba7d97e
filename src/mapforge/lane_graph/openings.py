"""Lanes that open or close beside a lane that goes on: turn pockets, added and dropped lanes, ramps.

The lane beside is cut where the other begins (or ends), and that one is led out of it (or into it) from there: where
it is a few metres long it is as wide as a lane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.lane_graph.borders import Borders
from mapforge.lane_graph.sections import GOES_ON_M, NONE, Beside, goes_on
from mapforge.lane_graph.strips import Strips

Index = NDArray[np.int64]
Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

_TAPER_M = 12.0
_POCKET_M = 45.0
"""Longer ones are lanes that were added; the tiles beside see no further than this beyond a junction."""
_FACING_M = 40.0
_FACING_ASIDE_M = 1.5
_BARRED_M, _INSIDE_M = 25.0, 5.0
_ALIKE_COS = np.cos(np.radians(25.0))


@dataclass(frozen=True, eq=False)
class Openings:
    """strips: cut. left, right: of short strips that open to the left or right of a lane that goes on (pockets)."""

    strips: Strips
    left: frozenset[int]
    right: frozenset[int]


def cut_at_openings(strips: Strips, neighbours: Beside, borders: Borders) -> Openings:
    """strips: in travel direction. neighbours: `beside` of them. borders: where one lies across the way of a lane
    behind its beginning, the road widens there; elsewhere its lines may just not have been found."""
    first, last = strips.ends
    lines = shapely.STRtree(_lines(borders))
    length_m = strips.length_of_strip()[first]
    cut = np.zeros(len(strips), dtype=bool)
    kept = np.ones(len(strips), dtype=bool)
    pocket = np.zeros((2, len(first)), dtype=bool)
    leads_on = _leads_on(strips)
    trimmed_m = np.minimum(_TAPER_M, 0.4 * length_m)[strips.strip]
    for ends, opens in ((first, True), (last, False)):
        followed = _is_followed(strips, opens, _FACING_M)
        for side, across in enumerate((neighbours.left[ends], neighbours.right[ends])):
            opening = ~followed & (across != NONE) & leads_on[across] & _same_way(strips, ends, across)
            found = np.flatnonzero(opening)
            opening[found] = _is_barred(strips, ends[found], across[found], opens, lines)
            if not opening.any():
                continue
            here = across[opening & goes_on(strips, across, GOES_ON_M)]
            cut[here + (0 if opens else 1)] = True
            station, end = strips.station_m, strips.station_m[ends][strips.strip]
            kept &= ~(opening[strips.strip] & (np.abs(station - end) < trimmed_m))
            if opens:
                # the lane that goes on lies to the right of one that opens to the left
                pocket[1 - side] |= opening & (length_m < _POCKET_M)
    cut = _apart(cut, strips)
    number = np.cumsum(cut | (np.diff(strips.strip, prepend=-1) != 0)) - 1
    return _renumbered(strips, number, kept, pocket)


def _renumbered(strips: Strips, number: Index, kept: Mask, pocket: Mask) -> Openings:
    """The kept samples under new numbers; of a strip that was cut, its last part is what ends at the junction."""
    chosen = np.flatnonzero(kept)
    part, old = number[chosen], strips.strip[chosen]
    new = np.unique(part, return_inverse=True)[1].astype(np.int64)
    last_part = {int(o): int(n) for o, n in zip(old, new)}
    sides = [frozenset(last_part[int(k)] for k in np.flatnonzero(own) if int(k) in last_part) for own in pocket]
    return Openings(strips.renumbered(chosen, new), sides[0], sides[1])


def _apart(cut: Mask, strips: Strips) -> Mask:
    """Of cuts of one strip that lie within a few metres of each other, the first."""
    kept = np.zeros_like(cut)
    before = -1
    for at in np.flatnonzero(cut).tolist():
        same = before >= 0 and strips.strip[at] == strips.strip[before]
        if not same or strips.station_m[at] - strips.station_m[before] > GOES_ON_M:
            kept[at], before = True, at
    return kept


def _is_barred(strips: Strips, ends: Index, across: Index, opens: bool, lines: shapely.STRtree) -> Mask:
    """(E,) whether a border lies across the way beyond these ends, beside what goes on (samples `across`)."""
    barred = np.zeros(len(ends), dtype=bool)
    for k, (end, other) in enumerate(zip(ends.tolist(), across.tolist())):
        own = np.flatnonzero(strips.strip == strips.strip[other])
        beyond_m = (strips.station_m[own] - strips.station_m[other]) * (-1.0 if opens else 1.0)
        run = own[(beyond_m > -_INSIDE_M) & (beyond_m < _BARRED_M)]
        head = strips.along[run]
        gap = (strips.centre[end] - strips.centre[other])[:2]
        aside = float(strips.along[other, 0] * gap[1] - strips.along[other, 1] * gap[0])
        way = strips.centre[run, :2] + aside * np.stack([-head[:, 1], head[:, 0]], axis=1)
        # where the lane beside has a gap, straight on from there
        first_m, last_m = strips.station_m[run[[0, -1]]] - strips.station_m[other]
        low_m, high_m = (-_BARRED_M, _INSIDE_M) if opens else (-_INSIDE_M, _BARRED_M)
        way = np.vstack([way[0] + (low_m - first_m) * head[0], way, way[-1] + (high_m - last_m) * head[-1]])
        barred[k] = len(lines.query(shapely.LineString(way), predicate="intersects")) > 0
    return barred


def _lines(borders: Borders) -> list[shapely.LineString]:
    first = np.flatnonzero(np.diff(borders.chain, prepend=-1))
    return [shapely.LineString(xyz[:, :2]) for xyz in np.split(borders.xyz, first[1:]) if len(xyz) > 1]


def _same_way(strips: Strips, ends: Index, across: Index) -> Mask:
    along = strips.along
    return np.asarray((along[ends] * along[across]).sum(axis=1) > _ALIKE_COS)


def _leads_on(strips: Strips) -> Mask:
    """(N,) whether the lane of each sample leads on in both directions, be it over a short gap."""
    first, last = strips.ends
    strip, station = strips.strip, strips.station_m
    behind = (station - station[first][strip] > GOES_ON_M) | _is_followed(strips, True, GOES_ON_M)[strip]
    ahead = (station[last][strip] - station > GOES_ON_M) | _is_followed(strips, False, GOES_ON_M)[strip]
    return np.asarray(behind & ahead)


def _is_followed(strips: Strips, opens: bool, within_m: float) -> Mask:
    """(S,) whether another strip ends before the beginning of each (`opens`), or begins beyond its end: then a gap lies
    there, and the lane goes on beyond it."""
    first, last = strips.ends
    own, others = (first, last) if opens else (last, first)
    gap = strips.centre[own, None, :2] - strips.centre[None, others, :2]
    head = strips.along[own]
    sign = 1.0 if opens else -1.0
    ahead = sign * (gap * head[:, None]).sum(axis=2)
    aside = np.abs(gap[..., 0] * head[:, None, 1] - gap[..., 1] * head[:, None, 0])
    alike = (head[:, None] * strips.along[others][None]).sum(axis=2) > _ALIKE_COS
    facing = alike & (ahead > 0.0) & (ahead < within_m) & (aside < _FACING_ASIDE_M)
    return np.asarray(facing.any(axis=1))
