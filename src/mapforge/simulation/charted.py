"""What worlds take from a real map, whatever its format, in the map frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.geometry.crs import MapFrame
from mapforge.simulation.lanes import Lane

Float = NDArray[np.float64]

NO_GEOREFERENCE = "arbitrary: the source has no georeference"
STRAIGHT_TURN_RAD = np.deg2rad(30.0)


@dataclass(frozen=True, eq=False)
class ChartedLine:
    """A painted line. xy: (N, 2); marking_type and colour in the words of map elements."""

    xy: Float
    marking_type: str
    colour: str


@dataclass(frozen=True, eq=False)
class ChartedMap:
    """A real map. asphalt: its drivable area, in connected parts where a file holds roads of several places.

    heights: (K, 3) points on the ground, empty when flat.
    crossings: pairs of edges (N, 2) along which people walk. extent: beyond it nothing was mapped.
    stop_lines: (N, 2) each, across the lanes that end there. open_ends: areas in which the asphalt ends only because
    the map does.
    """

    name: str
    frame: MapFrame
    placement: str
    asphalt: shapely.Polygon | shapely.MultiPolygon
    extent: shapely.Polygon
    lanes: list[Lane]
    lines: list[ChartedLine]
    crossings: list[tuple[Float, Float]]
    heights: Float = field(default_factory=lambda: np.zeros((0, 3)))
    stop_lines: list[Float] = field(default_factory=list)
    open_ends: shapely.Geometry = field(default_factory=shapely.Polygon)


def turn_of(centreline: Float) -> str:
    """left, straight or right, by the change of heading from end to end."""
    tangent = polylines.tangents(centreline)
    heading = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
    change = heading[-1] - heading[0]
    return "straight" if abs(change) < STRAIGHT_TURN_RAD else "left" if change > 0 else "right"


def largest_part(area: shapely.Geometry, smallest_hole_m2: float = 20.0) -> shapely.Polygon:
    """The greatest polygon of an area, without holes too small to be islands."""
    return large_parts(area, np.inf, smallest_hole_m2)[0]


def large_parts(area: shapely.Geometry, smallest_m2: float, smallest_hole_m2: float) -> list[shapely.Polygon]:
    """Polygons of an area, the greatest first and always there, without holes too small to be islands."""
    parts = [part for part in shapely.get_parts(area) if isinstance(part, shapely.Polygon)]
    best = max(parts, key=lambda part: part.area)
    others = [part for part in parts if part is not best and part.area >= smallest_m2]
    return [
        shapely.Polygon(part.exterior, [h for h in part.interiors if shapely.Polygon(h).area > smallest_hole_m2])
        for part in (best, *others)
    ]


def paved(
    area: shapely.Geometry, corner_radius_m: float, narrowest_m: float, islands: shapely.Geometry | None = None
) -> shapely.Geometry:
    """An area without islands, its corners round.

    Gaps narrower than twice `corner_radius_m` are closed, strips narrower than `narrowest_m` dropped.
    """
    closed = area.buffer(corner_radius_m, quad_segs=32).buffer(-corner_radius_m, quad_segs=32)
    if islands is not None:
        closed = closed.difference(islands)
    half = narrowest_m / 2
    return closed.buffer(-half, quad_segs=32).buffer(half, quad_segs=32).simplify(0.01)


def lanes_on(asphalt: shapely.Geometry, lanes: list[Lane]) -> list[Lane]:
    """The lanes that lie on the asphalt, their references renumbered."""
    room = asphalt.buffer(0.3)
    shapely.prepare(room)
    kept = [n for n, lane in enumerate(lanes) if room.contains(shapely.LineString(lane.centreline))]
    number = {old: new for new, old in enumerate(kept)}
    return [
        replace(
            lanes[old],
            left=number.get(lanes[old].left, -1),
            right=number.get(lanes[old].right, -1),
            successors=tuple(number[s] for s in lanes[old].successors if s in number),
        )
        for old in kept
    ]
