"""Lanes as map elements of one tile: what lies in its core, with references to each other.

Where one lane ends the next begins, in one point and therefore in one tile: successors and predecessors stand on the
piece that holds that point. References name pieces; the tiles stage puts the names of the elements there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.lane_graph.borders import BRIDGE
from mapforge.lane_graph.lanes import Lane
from mapforge.lane_graph.regulation import Ruling
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_SHORTEST_M = 1e-3
_UNSEEN_CONFIDENCE = 0.5


@dataclass(frozen=True, eq=False)
class _Part:
    """One stretch of a lane inside the core. begins, ends: the lane does so here. span: first and last vertex near."""

    lane: int
    line: shapely.LineString
    name: str
    begins: bool
    ends: bool
    span: tuple[int, int]


def lane_elements(
    lanes: list[Lane], rules: list[Ruling], elements: list[MapElement], core_m: Bounds, frame: MapFrame
) -> list[MapElement]:
    """The lanes of one tile, sorted by id. elements: of the window, in which owners and rules count."""
    parts = [part for number, lane in enumerate(lanes) for part in _parts(number, lane, core_m, frame)]
    first = {part.lane: part.name for part in reversed(parts)}
    begins = {part.lane: part.name for part in parts if part.begins}
    ends = {part.lane: part.name for part in parts if part.ends}
    before: dict[int, list[int]] = {}
    for number, lane in enumerate(lanes):
        for successor in lane.successors:
            before.setdefault(successor, []).append(number)
    made = []
    for part in parts:
        lane = lanes[part.lane]
        owners = [_owner(line[part.span[0] : part.span[1] + 1]) for line in (lane.left_owner, lane.right_owner)]
        attributes: dict[str, Any] = {
            "left_id": _id(owners[0], elements),
            "right_id": _id(owners[1], elements),
            "predecessor_ids": sorted(ends[k] for k in before.get(part.lane, ()) if part.begins and k in ends),
            "successor_ids": sorted(begins[k] for k in lane.successors if part.ends and k in begins),
            "left_neighbour_id": first.get(lane.left_lane),
            "right_neighbour_id": first.get(lane.right_lane),
            "width_m": round(lane.width_m, 3),
            "turn": lane.turn or None,
            "lane_type": lane.lane_type,
            "speed_limit_mps": rules[part.lane].speed_limit_mps,
            "regulatory_ids": sorted(elements[k].element_id for k in rules[part.lane].elements),
        }
        present = {name: value for name, value in attributes.items() if value not in (None, [])}
        made.append(_element(part, lane, present, elements))
    return sorted(made, key=lambda element: (element.element_id, element.xyz_map[0].tolist()))


def _parts(number: int, lane: Lane, core_m: Bounds, frame: MapFrame) -> list[_Part]:
    key = content_id(frame.to_projected(np.round(lane.centre[[0, -1]], 2)), lane.turn) if lane.turn else None
    last = len(lane.centre) - 1
    found = []
    for start, end, xyz in _inside(lane.centre, core_m):
        if len(xyz) > 1 and np.linalg.norm(np.diff(xyz[:, :2], axis=0), axis=1).sum() >= _SHORTEST_M:
            name = content_id("lane", frame.to_projected(xyz)) if key is None else content_id("way", key)
            span = int(np.floor(start)), int(np.ceil(end))
            found.append(_Part(number, shapely.LineString(xyz), name, start == 0.0, end == last, span))
    return found


def _inside(line: Float, core_m: Bounds) -> list[tuple[float, float, Float]]:
    """Stretches of a line inside a box: where they begin and end, in vertices, and their own vertices.

    Segment by segment (Liang and Barsky), so that both tiles at a border find the same point on it.
    """
    start, step = line[:-1, :2], np.diff(line[:, :2], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low = (np.array(core_m[:2]) - start) / step
        to_high = (np.array(core_m[2:]) - start) / step
    level = step == 0.0
    out = (level & ((start < core_m[:2]) | (start > core_m[2:]))).any(axis=1)
    enter = np.where(level, 0.0, np.minimum(to_low, to_high)).max(axis=1, initial=0.0)
    leave = np.where(level, 1.0, np.maximum(to_low, to_high)).min(axis=1, initial=1.0)
    within = np.flatnonzero((enter <= leave) & ~out)
    stretches = []
    for run in np.split(within, np.flatnonzero((np.diff(within) > 1) | (leave[within[:-1]] < 1.0)) + 1):
        if len(run):
            first, last = run[0] + enter[run[0]], run[-1] + leave[run[-1]]
            inner = np.arange(int(np.floor(first)) + 1, int(np.ceil(last)))
            stretches.append((float(first), float(last), _vertices(line, np.array([first, *inner, last]))))
    return stretches


def _vertices(line: Float, at: Float) -> Float:
    """Points of a line at positions counted in vertices."""
    before = np.minimum(np.floor(at).astype(np.int64), len(line) - 2)
    return np.asarray(line[before] + (at - before)[:, None] * (line[before + 1] - line[before]))


def _owner(owners: NDArray[np.int64]) -> int:
    """The element beside most of a stretch."""
    known = owners[owners != BRIDGE]
    return int(np.bincount(known).argmax()) if 2 * len(known) > len(owners) else BRIDGE


def _id(owner: int, elements: list[MapElement]) -> str | None:
    return None if owner == BRIDGE else elements[owner].element_id


def _element(part: _Part, lane: Lane, attributes: dict[str, Any], elements: list[MapElement]) -> MapElement:
    """Seen by those who saw its borders."""
    both = np.concatenate([lane.left_owner, lane.right_owner])
    borders = [elements[k] for k in np.unique(both[both != BRIDGE]).tolist()]
    sources = tuple(sorted({source for border in borders for source in border.sources}))
    return MapElement(
        element_id=part.name,
        element_class=ElementClass.LANE,
        geometry=part.line,
        attributes=attributes,
        confidence=float(np.mean([border.confidence for border in borders])) if borders else _UNSEEN_CONFIDENCE,
        n_drives=max(1, len(sources)),
        first_seen_ns=min((border.first_seen_ns for border in borders), default=0),
        last_seen_ns=max((border.last_seen_ns for border in borders), default=0),
        sources=sources,
    )
