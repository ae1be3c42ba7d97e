"""An area made of strips that meet, as crossings do at the corner of a junction, into its strips.

Cuts go from a reflex corner of the outline straight on along one of its sides, as partitions of rectilinear polygons
into rectangles do (Ohtsuki 1982), greedily, and count when the parts are more like rectangles than the whole.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.areas import intersection_over_union, parts_of, rectangle_of

Float = NDArray[np.float64]

_RECTANGLE_IOU = 0.75
_LEAST_GAIN = 0.05
_LEAST_SHARE = 0.12
_TOLERANCE_M = 0.4
_REFLEX_RAD = np.radians(35.0)
_LONGEST_CUT_M = 12.0
"""Crossings are not deeper."""
_CUT_WIDTH_M = 0.002
_MOST_STRIPS = 6


def strips_of(area: shapely.Polygon, least_m2: float) -> list[shapely.Polygon]:
    """The strips a valid area is made of, in a fixed order; the area itself where it is one, or cuts do not make any.

    least_m2: smaller strips, and holes between strips, are none.
    """
    if _likeness([area]) >= _RECTANGLE_IOU:
        return [area]
    parts = _opened(area, least_m2)
    while len(parts) < _MOST_STRIPS:
        better = _cut_once(parts, least_m2)
        if better is None:
            break
        parts = better
    if len(parts) < 2 or _likeness(parts) < max(_RECTANGLE_IOU, _likeness([area]) + _LEAST_GAIN):
        return [area]
    return sorted(parts, key=lambda part: (*part.bounds, part.area))


def _opened(area: shapely.Polygon, least_m2: float) -> list[shapely.Polygon]:
    """The area with its holes, around which strips lie, cut open to the outside; small holes are filled."""
    holes = [hole for hole in area.interiors if shapely.Polygon(hole).area >= least_m2]
    whole = shapely.Polygon(area.exterior, holes)
    for hole in holes:
        for cut in sorted(_cuts(whole), key=lambda cut: cut.length):
            parts = _without(whole, cut) if cut.distance(hole) < _TOLERANCE_M else []
            # other cuts sever a strip, which is not theirs to do
            if len(parts) == 1 and len(parts[0].interiors) < len(whole.interiors):
                whole = parts[0]
                break
    return [whole]


def _cut_once(parts: list[shapely.Polygon], least_m2: float) -> list[shapely.Polygon] | None:
    """The parts with the one among all cuts that makes them most like rectangles; None when there is none.

    It may make them less so at first: of a ring, the first cut leaves three sides in one.
    """
    whole_m2 = sum(part.area for part in parts)
    least = max(least_m2, _LEAST_SHARE * whole_m2)
    best, best_likeness = None, 0.0
    for number, part in enumerate(parts):
        if _likeness([part]) >= _RECTANGLE_IOU:
            continue
        for cut in _cuts(part):
            pieces = _without(part, cut)
            if len(pieces) < 2 or min(piece.area for piece in pieces) < least:
                continue
            tried = [*parts[:number], *pieces, *parts[number + 1 :]]
            likeness = _likeness(tried)
            if likeness > best_likeness:
                best, best_likeness = tried, likeness
    return best


def _likeness(parts: list[shapely.Polygon]) -> float:
    """How much of the parts their rectangles explain, 0 to 1, by area."""
    shares = []
    for part in parts:
        solid = shapely.Polygon(part.exterior)
        rectangle = rectangle_of(solid)
        shares.append(0.0 if rectangle is None else intersection_over_union(part, rectangle))
    return float(np.average(shares, weights=[part.area for part in parts]))


def _without(area: shapely.Polygon, cut: shapely.LineString) -> list[shapely.Polygon]:
    return parts_of(area.difference(cut.buffer(_CUT_WIDTH_M / 2, cap_style="square")))


def _cuts(area: shapely.Polygon) -> list[shapely.LineString]:
    """From reflex corners of the outline, on along either side, to where the area ends."""
    tidy = shapely.orient_polygons(area.simplify(_TOLERANCE_M))
    cuts = []
    for ring in (tidy.exterior, *tidy.interiors):
        xy = shapely.get_coordinates(ring)[:-1]
        into, out = xy - np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0) - xy
        turn = np.arctan2(into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0], (into * out).sum(axis=1))
        for corner in np.flatnonzero(turn < -_REFLEX_RAD):
            for along in (into[corner], -out[corner]):
                cut = _ray(area, xy[corner], along / np.linalg.norm(along))
                if cut is not None:
                    cuts.append(cut)
    return cuts


def _ray(area: shapely.Polygon, start: Float, along: Float) -> shapely.LineString | None:
    """From a corner through the area to its other side; None when that is too far to be across a strip.

    It begins a little before the corner: the tidied outline passes a true one at some distance.
    """
    ray = shapely.LineString([start - _TOLERANCE_M * along, start + (_LONGEST_CUT_M + 1.0) * along])
    within = [part for part in shapely.get_parts(ray.intersection(area)) if isinstance(part, shapely.LineString)]
    crossing = [part for part in within if part.distance(shapely.Point(*start)) < _TOLERANCE_M and part.length > 0.5]
    if not crossing or crossing[0].length > _LONGEST_CUT_M:
        return None
    return crossing[0]
