"""Lanes lead on: no dead end on open road, no gap between lanes, no lane across another, borders on their sides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from mapforge.geometry.polylines import project
from mapforge.schemas.elements import MapElement
from mapforge.schemas.vocabulary import ElementClass
from mapforge.schemas.whole import whole_elements
from mapforge.validation.rules.findings import Finding, Piece, error, warning

_AHEAD_M = 10.0
_OWN_END_M = 2.0


class Lanes:
    """Whole lanes of a map, each with one of its pieces for findings to name."""

    def __init__(self, pieces: list[Piece]) -> None:
        own = [piece for piece in pieces if piece.element.element_class is ElementClass.LANE]
        self.piece = {piece.element.element_id: piece for piece in reversed(own)}
        self.lanes = {lane.element_id: lane for lane in whole_elements([piece.element for piece in own])}
        borders = [p.element for p in pieces if p.element.element_class in _BORDERS]
        self.borders = {border.element_id: border for border in whole_elements(borders)}
        road = [p.element.geometry for p in pieces if p.element.element_class is ElementClass.DRIVABLE_AREA]
        areas = shapely.make_valid(shapely.force_2d(np.array(road, dtype=object)))
        self.road = shapely.union_all(areas) if road else None


_BORDERS = (ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY)


def dead_ends(lanes: Lanes) -> list[Finding]:
    """A warning a lane that begins or ends with road behind or ahead of it, and no other lane; silent without drivable
    area. Lanes for parking may."""
    findings = []
    for name, lane in lanes.lanes.items():
        if lanes.road is None or lane.attributes.get("lane_type") == "parking":
            continue
        xy = lane.xyz_map[:, :2]
        ends = (("successor_ids", xy[-1], xy[-1] - xy[-2], "out"), ("predecessor_ids", xy[0], xy[0] - xy[1], "in"))
        for key, end, step, way in ends:
            beyond = end + step / max(float(np.linalg.norm(step)), 1e-9) * _AHEAD_M
            if not lane.attributes.get(key) and lanes.road.contains(shapely.LineString([end, beyond])):
                at = (float(end[0]), float(end[1]))
                findings.append(warning(lanes.piece[name], f"the lane has no way {way}, though the road goes on", at))
    return findings


def broken_links(lanes: Lanes, gap_m: float) -> list[Finding]:
    """Errors: a successor that begins elsewhere, or that does not name this lane as its predecessor."""
    findings = []
    for name, lane in lanes.lanes.items():
        for other in lane.attributes.get("successor_ids") or ():
            if other not in lanes.lanes:
                continue
            end, start = lane.xyz_map[-1, :2], lanes.lanes[other].xyz_map[0, :2]
            at, apart = (float(end[0]), float(end[1])), float(np.linalg.norm(start - end))
            if apart > gap_m:
                findings.append(error(lanes.piece[name], f"its successor {other} begins {apart:.2f} m away", at))
            if name not in (lanes.lanes[other].attributes.get("predecessor_ids") or ()):
                findings.append(error(lanes.piece[name], f"its successor {other} does not name it as predecessor", at))
    return findings


def crossing_lanes(lanes: Lanes) -> list[Finding]:
    """A warning two lanes that cross outside a junction: neither of them is a way through one."""
    plain = [lane for lane in lanes.lanes.values() if not lane.attributes.get("turn")]
    lines = np.array([shapely.force_2d(lane.geometry) for lane in plain], dtype=object)
    findings = []
    for a, b in shapely.STRtree(lines).query(lines, predicate="intersects").T.tolist() if len(lines) else []:
        for place in shapely.get_parts(shapely.intersection(lines[a], lines[b])) if a < b else ():
            point = place.representative_point()
            ends = [shapely.Point(line.coords[k]) for line in (lines[a], lines[b]) for k in (0, -1)]
            if min(point.distance(end) for end in ends) > _OWN_END_M:
                message = f"crosses lane {plain[b].element_id} outside a junction"
                findings.append(warning(lanes.piece[plain[a].element_id], message, (point.x, point.y)))
    return findings


def swapped_borders(lanes: Lanes) -> list[Finding]:
    """An error a lane whose left border lies on its right, or the other way round."""
    return [
        error(lanes.piece[lane.element_id], f"its {side} border {border.element_id} lies on its other side")
        for lane in lanes.lanes.values()
        for side, sign, border in _borders_of(lane, lanes)
        if sign * _side_of(border, lane) < 0.0
    ]


def _borders_of(lane: MapElement, lanes: Lanes) -> Iterator[tuple[str, float, MapElement]]:
    for side, sign in (("left", 1.0), ("right", -1.0)):
        name = lane.attributes.get(f"{side}_id")
        if name in lanes.borders:
            yield side, sign, lanes.borders[name]


def _side_of(border: MapElement, lane: MapElement) -> float:
    """Median signed distance of the border from the lane, left positive, where they lie beside each other."""
    points = shapely.get_coordinates(shapely.segmentize(shapely.force_2d(border.geometry), 2.0))
    station, offset = project(points, lane.xyz_map)
    beside = (station > 0.0) & (station < station.max(initial=0.0)) & (np.abs(offset) < 10.0)
    return float(np.median(offset[beside])) if beside.any() else 0.0
