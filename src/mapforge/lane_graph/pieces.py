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
_AT_END_M = 1e-6
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
    line = shapely.LineString(lane.centre)
    if not shapely.box(*core_m).intersects(line):
        return []
    key = content_id(frame.to_projected(np.round(lane.centre[[0, -1]], 2)), lane.turn) if lane.turn else None
    found = []
    for piece in shapely.get_parts(shapely.intersection(line, shapely.box(*core_m))):
        if not isinstance(piece, shapely.LineString) or piece.length < _SHORTEST_M:
            continue
        xyz = shapely.get_coordinates(piece, include_z=True)
        at = [line.project(shapely.Point(end[:2])) for end in (xyz[0], xyz[-1])]
        if at[0] > at[1]:
            piece, at = piece.reverse(), at[::-1]
        stations = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lane.centre[:, :2], axis=0), axis=1))])
        span = int(np.searchsorted(stations, at[0], "right")) - 1, int(np.searchsorted(stations, at[1], "left"))
        name = content_id("lane", frame.to_projected(xyz)) if key is None else content_id("way", key)
        found.append(
            _Part(number, piece, name, at[0] < _AT_END_M, at[1] > line.length - _AT_END_M, (max(span[0], 0), span[1]))
        )
    return found


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
