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

STRAIGHT_TURN_RAD = np.deg2rad(30.0)


@dataclass(frozen=True, eq=False)
class ChartedLine:
    """A painted line. xy: (N, 2); marking_type and colour in the words of map elements."""

    xy: Float
    marking_type: str
    colour: str


@dataclass(frozen=True, eq=False)
class ChartedMap:
    """A real map. asphalt: its connected drivable area. heights: (K, 3) points on the ground, empty when flat.

    crossings: pairs of edges (N, 2) along which people walk. extent: beyond it nothing was mapped.
    """

    name: str
    frame: MapFrame
    placement: str
    asphalt: shapely.Polygon
    extent: shapely.Polygon
    lanes: list[Lane]
    lines: list[ChartedLine]
    crossings: list[tuple[Float, Float]]
    heights: Float = field(default_factory=lambda: np.zeros((0, 3)))


def turn_of(centreline: Float) -> str:
    """left, straight or right, by the change of heading from end to end."""
    tangent = polylines.tangents(centreline)
    heading = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
    change = heading[-1] - heading[0]
    return "straight" if abs(change) < STRAIGHT_TURN_RAD else "left" if change > 0 else "right"


def largest_part(area: shapely.Geometry, smallest_hole_m2: float = 20.0) -> shapely.Polygon:
    """The greatest polygon of an area, without holes too small to be islands."""
    parts = [part for part in shapely.get_parts(area) if isinstance(part, shapely.Polygon)]
    best = max(parts, key=lambda part: part.area)
    return shapely.Polygon(best.exterior, [h for h in best.interiors if shapely.Polygon(h).area > smallest_hole_m2])


def lanes_on(asphalt: shapely.Polygon, lanes: list[Lane]) -> list[Lane]:
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
