"""What rules a lane: arrows, stop lines, crossings, lights, signs, speed limits."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.polylines import project
from mapforge.lane_graph.lanes import Lane
from mapforge.schemas.elements import POINT_CLASSES, ElementClass, MapElement

Float = NDArray[np.float64]

RULING_SIGNS = ("stop", "yield", "no_left_turn", "no_right_turn", "no_u_turn", "do_not_enter", "one_way")
_ARROW_M = 35.0
_SHARE_ACROSS = 0.5
_FACING_COS = np.cos(np.radians(50.0))
_LIGHT_ASIDE_M = 10.0
_SIGN_ASIDE_M = 9.0
_BEHIND_M = 8.0
_SPEED = re.compile(r"speed_limit_(\d{1,3})")
_KMH = 1.0 / 3.6


@dataclass(frozen=True)
class Ruling:
    """elements: indices of those that rule the lane. speed_limit_mps: None where no sign says."""

    elements: tuple[int, ...] = ()
    speed_limit_mps: float | None = None


def painted_turns(lanes: list[Lane], elements: list[MapElement]) -> dict[int, set[str]]:
    """Turns that the arrows on the last stretch of each lane show; lanes without arrows are not in it."""
    arrows = [e for e in elements if e.element_class is ElementClass.ROAD_MARKING and e.attributes.get("turn")]
    if not arrows:
        return {}
    places = shapely.STRtree([arrow.geometry.centroid for arrow in arrows])
    turns: dict[int, set[str]] = {}
    for k, lane in enumerate(lanes):
        end = shapely.Point(lane.centre[-1, :2])
        for n in places.query(_outline(lane), predicate="intersects").tolist():
            if arrows[n].geometry.distance(end) < _ARROW_M:
                turns.setdefault(k, set()).update(str(arrows[n].attributes["turn"]).split(";"))
    return turns


def rulings(lanes: list[Lane], elements: list[MapElement], reach_m: float, keeps_right: bool) -> list[Ruling]:
    """One a lane. Crossings rule every lane that leads over them; stop lines, lights and signs the lane before them."""
    crossed = _overlapping(lanes, elements, ElementClass.PED_CROSSING)
    stopped = _stop_lines(lanes, elements, reach_m)
    faced = [(k, e) for k, e in enumerate(elements) if e.element_class in POINT_CLASSES]
    found = []
    for number, lane in enumerate(lanes):
        own = {*crossed.get(number, ()), *stopped.get(number, ())}
        speed = None
        if not lane.turn:
            for k, element in faced:
                if _rules(lane, element, reach_m, keeps_right):
                    own.add(k)
            speed = _speed_limit(lane, faced, keeps_right)
        found.append(Ruling(tuple(sorted(own)), speed))
    return _handed_on(lanes, found)


def _outline(lane: Lane) -> shapely.Geometry:
    return shapely.Polygon(np.vstack([lane.left[:, :2], lane.right[::-1, :2]])).buffer(0)


def _overlapping(lanes: list[Lane], elements: list[MapElement], element_class: ElementClass) -> dict[int, set[int]]:
    members = [k for k, e in enumerate(elements) if e.element_class is element_class]
    tree = shapely.STRtree([shapely.force_2d(elements[k].geometry) for k in members])
    lines = np.array([shapely.LineString(lane.centre[:, :2]) for lane in lanes], dtype=object)
    found: dict[int, set[int]] = {}
    for n, k in zip(*tree.query(lines, predicate="intersects").tolist()):
        found.setdefault(n, set()).add(members[k])
    return found


def _stop_lines(lanes: list[Lane], elements: list[MapElement], reach_m: float) -> dict[int, set[int]]:
    """Those that lie across most of a lane near its end."""
    found: dict[int, set[int]] = {}
    lines = [
        (k, shapely.force_2d(e.geometry)) for k, e in enumerate(elements) if e.element_class is ElementClass.STOP_LINE
    ]
    tree = shapely.STRtree([line for _, line in lines])
    for number, lane in enumerate(lanes):
        if lane.turn:
            continue
        outline, end = _outline(lane), shapely.Point(lane.centre[-1, :2])
        for n in tree.query(outline, predicate="intersects").tolist():
            k, line = lines[n]
            across = line.intersection(outline).length > _SHARE_ACROSS * lane.width_m
            if across and line.distance(end) < reach_m:
                found.setdefault(number, set()).add(k)
    return found


def _rules(lane: Lane, element: MapElement, reach_m: float, keeps_right: bool) -> bool:
    """A light or sign that faces the end of the lane, ahead of it or shortly before, on a side where it belongs."""
    light = element.element_class is ElementClass.TRAFFIC_LIGHT
    if not light and element.attributes.get("sign_type") not in RULING_SIGNS:
        return False
    ahead, aside, facing = _seen(lane.centre[-1, :2], lane.heading(True), element)
    if not facing:
        return False
    if light:
        return -_BEHIND_M < ahead < reach_m and abs(aside) < _LIGHT_ASIDE_M
    outer = -aside if keeps_right else aside
    return -_BEHIND_M < ahead < _BEHIND_M and 0.0 < outer < _SIGN_ASIDE_M


def _seen(place: Float, heading: Float, element: MapElement) -> tuple[float, float, bool]:
    """How far ahead and to the left an element stands, and whether it faces traffic that comes that way."""
    to = element.xyz_map[0, :2] - place
    face = float(element.attributes.get("heading_rad") or 0.0)
    facing = -(heading[0] * np.cos(face) + heading[1] * np.sin(face)) > _FACING_COS
    return float(to @ heading), float(heading[0] * to[1] - heading[1] * to[0]), bool(facing)


def _speed_limit(lane: Lane, faced: list[tuple[int, MapElement]], keeps_right: bool) -> float | None:
    """Of the last sign beside the lane, on the outer side."""
    best: tuple[float, float] | None = None
    for _, element in faced:
        limit = _SPEED.fullmatch(str(element.attributes.get("sign_type")))
        if limit is None or abs(element.xyz_map[0, :2] - lane.centre[:, :2]).sum(axis=1).min() > 2 * _SIGN_ASIDE_M:
            continue
        station, offset = project(element.xyz_map[:1, :2], lane.centre[:, :2])
        nearest = int(np.argmin(np.linalg.norm(lane.centre[:, :2] - element.xyz_map[0, :2], axis=1)))
        step = lane.centre[min(nearest + 1, len(lane.centre) - 1), :2] - lane.centre[max(nearest - 1, 0), :2]
        facing = _seen(lane.centre[nearest, :2], step / max(float(np.linalg.norm(step)), 1e-9), element)[2]
        outer = -float(offset[0]) if keeps_right else float(offset[0])
        if facing and 0.0 < outer < _SIGN_ASIDE_M + 4.0 and (best is None or station[0] > best[0]):
            best = float(station[0]), int(limit.group(1)) * _KMH
    return None if best is None else best[1]


def _handed_on(lanes: list[Lane], found: list[Ruling]) -> list[Ruling]:
    """Speed limits also of lanes beside the one with the sign."""
    limits = [ruling.speed_limit_mps for ruling in found]
    done = []
    for lane, ruling in zip(lanes, found):
        beside = [limits[k] for k in (lane.right_lane, lane.left_lane) if k >= 0 and limits[k] is not None]
        speed = ruling.speed_limit_mps if ruling.speed_limit_mps is not None or not beside else beside[0]
        done.append(Ruling(ruling.elements, speed))
    return done
