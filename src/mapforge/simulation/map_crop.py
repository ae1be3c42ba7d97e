"""The surroundings of one place of a large map: a world has only these, so that it stays cheap to simulate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.charted import ChartedMap, lanes_on
from mapforge.simulation.lanes import Lane

Float = NDArray[np.float64]

LARGE_M = 800.0
"""Maps longer than this, in either direction, are cropped."""
REACH_M = 220.0
SHORTEST_LANE_M = 3.0
BESIDE_M = 60.0
"""Heights are kept this far beyond the roads: the ground goes on there."""


def around_a_place(charted: ChartedMap, rng: np.random.Generator) -> ChartedMap:
    """The map as it is when it is small and connected, else what surrounds a place drawn among its lanes.

    That is the connected part it lies in; of a large one, the roads within REACH_M.
    """
    parts = shapely.get_parts(charted.asphalt)
    if not charted.lanes or (len(parts) == 1 and not _is_large(parts[0])):
        return replace(charted, asphalt=parts[0])
    place = _place(charted.lanes, rng)
    part = min(parts, key=shapely.Point(*place).distance)
    reach_m = REACH_M if _is_large(part) else float(shapely.hausdorff_distance(shapely.Point(*place), part)) + 1.0
    return cropped(replace(charted, asphalt=part), place, reach_m)


def cropped(charted: ChartedMap, place: Float, reach_m: float) -> ChartedMap:
    """What of a map lies within a distance of a place (2,) and is connected with it; lanes end where they leave."""
    disc = shapely.Point(*place).buffer(reach_m, quad_segs=32)
    shapely.prepare(disc)
    parts = shapely.get_parts(charted.asphalt.intersection(disc))
    asphalt = min((p for p in parts if isinstance(p, shapely.Polygon)), key=shapely.Point(*place).distance)
    shapely.prepare(asphalt)
    near = np.linalg.norm(charted.heights[:, :2] - place, axis=1) < reach_m + BESIDE_M
    return replace(
        charted,
        asphalt=asphalt,
        extent=charted.extent.intersection(disc),
        lanes=lanes_on(asphalt, _lanes_within(disc, charted.lanes)),
        lines=[line for line in charted.lines if asphalt.intersects(shapely.LineString(line.xy))],
        crossings=[e for e in charted.crossings if _is_on(np.vstack(e), asphalt, disc)],
        heights=charted.heights[near],
        stop_lines=[xy for xy in charted.stop_lines if _is_on(xy, asphalt, disc)],
    )


def _is_large(part: shapely.Polygon) -> bool:
    x0, y0, x1, y1 = shapely.bounds(part)
    return bool(max(x1 - x0, y1 - y0) > LARGE_M)


def _is_on(xy: Float, asphalt: shapely.Polygon, disc: shapely.Polygon) -> bool:
    """Whether what is painted lies on the asphalt, and not across the edge of the disc; it may reach over the curb."""
    points = shapely.MultiPoint(xy)
    return bool(disc.contains(points) and asphalt.distance(points.convex_hull) < 1.0)


def _place(lanes: list[Lane], rng: np.random.Generator) -> Float:
    """A point of a lane, every metre of lane as likely as any other."""
    lengths = np.array([polylines.length(lane.centreline) for lane in lanes])
    lane = lanes[int(rng.choice(len(lanes), p=lengths / lengths.sum()))]
    station = rng.uniform(0.0, polylines.length(lane.centreline))
    return polylines.at_stations(lane.centreline, np.array([station]))[0]


def _lanes_within(disc: shapely.Polygon, lanes: list[Lane]) -> list[Lane]:
    """Lanes cut at the disc's edge, by the numbers they have; those outside are left where they are."""
    kept = [_within(lane, disc) for lane in lanes]
    begins = [np.allclose(part[0], lane.centreline[0]) for part, lane in zip(kept, lanes)]
    ends = [np.allclose(part[-1], lane.centreline[-1]) for part, lane in zip(kept, lanes)]
    return [
        replace(lane, centreline=part, successors=tuple(s for s in lane.successors if begins[s]) if end else ())
        for lane, part, end in zip(lanes, kept, ends)
    ]


def _within(lane: Lane, disc: shapely.Polygon) -> Float:
    """The longest part of a lane's centreline within the disc; the whole line where next to nothing is."""
    line = shapely.LineString(lane.centreline)
    longest = max(shapely.get_parts(line.intersection(disc)), key=shapely.length, default=shapely.LineString())
    if disc.contains(line) or longest.length < SHORTEST_LANE_M:
        return lane.centreline
    return polylines.resample(shapely.get_coordinates(longest), 1.0)
