"""Streets as curves with a cross-section, and smooth paths through knots."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry import polylines
from mapforge.simulation.street_profile import StreetProfile

Float = NDArray[np.float64]

AXIS_STEP_M = 1.0


@dataclass(frozen=True)
class Knot:
    """A point a street passes through with a heading. node: index of the junction there, or -1."""

    x_m: float
    y_m: float
    heading_rad: float
    node: int = -1


@dataclass(frozen=True, eq=False)
class Curve:
    """A smooth line. xy: (N, 2) map frame; heading_rad: (N,) unwrapped, of the curve itself, not of its chords."""

    xy: Float
    heading_rad: Float

    @property
    def length_m(self) -> float:
        return polylines.length(self.xy)

    def headings(self, stations_m: Float) -> Float:
        """(M,) heading at stations."""
        return np.interp(stations_m, polylines.arc_length(self.xy), self.heading_rad)

    def line(self, offset_m: float, start_m: float, end_m: float, spacing_m: float = AXIS_STEP_M) -> Float:
        """(N, 2) the parallel curve at `offset_m` to the left, from station to station of the axis (either order)."""
        count = max(2, int(np.ceil(abs(end_m - start_m) / spacing_m)) + 1)
        return self.points(np.linspace(start_m, end_m, count), offset_m)

    def points(self, stations_m: Float, offset_m: float | Float) -> Float:
        """(M, 2) points at stations and offsets to the left."""
        stations = np.asarray(stations_m, dtype=np.float64)
        heading = self.headings(stations)
        normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
        return polylines.at_stations(self.xy, stations) + normal * np.broadcast_to(offset_m, len(stations))[:, None]

    def bent(self, stations_m: Float, offset_m: Float) -> Curve:
        """The curve through points (M,) at rising stations and offsets to the left that change along the way."""
        xy = self.points(stations_m, offset_m)
        along = np.maximum(np.gradient(polylines.arc_length(xy)), 1e-9)
        return Curve(xy, self.headings(stations_m) + np.arctan2(np.gradient(offset_m), along))

    def strip(self, right_m: float, left_m: float, start_m: float, end_m: float) -> shapely.Polygon:
        """The area between two parallels (offsets to the left, right_m < left_m)."""
        return shapely.Polygon(np.vstack([self.line(right_m, start_m, end_m), self.line(left_m, start_m, end_m)[::-1]]))


@dataclass(frozen=True, eq=False)
class Street:
    """A stretch of road between two junctions, or between one and an open end.

    start_node, end_node: junction indices, -1 at an open end. drive_*_m: stations between which cars drive (an open
    end has asphalt beyond them). corridor: streets of one corridor run on smoothly through junctions.
    """

    index: int
    corridor: int
    curve: Curve
    profile: StreetProfile
    start_node: int
    end_node: int
    drive_start_m: float
    drive_end_m: float

    @property
    def length_m(self) -> float:
        return self.curve.length_m

    def asphalt(self, start_m: float = 0.0, end_m: float | None = None) -> shapely.Polygon:
        half = self.profile.half_width_m
        return self.curve.strip(-half, half, start_m, self.length_m if end_m is None else end_m)


def through(knots: list[Knot]) -> tuple[Curve, list[int]]:
    """A smooth curve through knots (cubic Bezier pieces, circular where both ends lie on one circle).

    Returns the curve, about 1 m between vertices, and the vertex index of each knot.
    """
    pieces: list[Float] = []
    headings: list[Float] = []
    places = [0]
    for a, b in itertools.pairwise(knots):
        xy, heading = _piece(a, b)
        if headings:
            turns = round(float(headings[-1][-1] - heading[0]) / (2 * np.pi))
            heading = heading + 2 * np.pi * turns
            xy, heading = xy[1:], heading[1:]
        pieces.append(xy)
        headings.append(heading)
        places.append(places[-1] + len(xy) - (1 if len(pieces) == 1 else 0))
    return Curve(np.vstack(pieces), np.concatenate(headings)), places


def _piece(a: Knot, b: Knot) -> tuple[Float, Float]:
    start, end = np.array([a.x_m, a.y_m]), np.array([b.x_m, b.y_m])
    chord = float(np.linalg.norm(end - start))
    turn = abs((b.heading_rad - a.heading_rad + np.pi) % (2 * np.pi) - np.pi)
    handle = chord / 3 if turn < 1e-3 else chord * (4 / 3) * np.tan(turn / 4) / (2 * np.sin(turn / 2))
    p1 = start + handle * np.array([np.cos(a.heading_rad), np.sin(a.heading_rad)])
    p2 = end - handle * np.array([np.cos(b.heading_rad), np.sin(b.heading_rad)])
    t = np.linspace(0.0, 1.0, 257)[:, None]
    xy = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * end
    speed = 3 * (1 - t) ** 2 * (p1 - start) + 6 * (1 - t) * t * (p2 - p1) + 3 * t**2 * (end - p2)
    heading = np.unwrap(np.arctan2(speed[:, 1], speed[:, 0]))
    along = polylines.arc_length(xy)
    stations = np.linspace(0.0, along[-1], max(2, int(np.ceil(along[-1] / AXIS_STEP_M)) + 1))
    return polylines.at_stations(xy, stations), np.interp(stations, along, heading)
