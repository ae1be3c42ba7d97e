"""Shortest ways over the lane graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from mapforge.errors import MissingInputError
from mapforge.schemas.elements import MapElement
from mapforge.schemas.vocabulary import NOT_TO_CROSS, ElementClass

LANE_CHANGE_M = 10.0
"""What a change of lane costs, in metres of driving."""


@dataclass(frozen=True)
class Route:
    """lane_ids: from start to goal, lanes changed to among them. length_m: of the lanes driven through to the beginning
    of the goal. lane_changes: how many."""

    lane_ids: tuple[str, ...]
    length_m: float
    lane_changes: int


def shortest_path(
    elements: Iterable[MapElement], start_id: str, goal_id: str, lane_changes: bool = True
) -> Route | None:
    """The shortest way from the beginning of a lane to the beginning of another; None when there is none.

    elements: whole ones (`schemas.whole`), lanes and the dividers between them. Lanes are changed to neighbours where
    the line between them may be crossed, unless without `lane_changes`. Dijkstra's method. Raises MissingInputError on
    an unknown lane.
    """
    lanes, markings = {}, {}
    for element in elements:
        if element.element_class is ElementClass.LANE:
            lanes[element.element_id] = element
        elif element.element_class is ElementClass.LANE_DIVIDER:
            markings[element.element_id] = element.attributes.get("marking_type")
    for name in (start_id, goal_id):
        if name not in lanes:
            raise MissingInputError(f"no lane '{name}' in this map; it has {len(lanes)} lanes")
    names = sorted(lanes)
    number = {name: k for k, name in enumerate(names)}
    steps = {
        (number[a], number[b]): cost
        for lane in lanes.values()
        for a, b, cost in [*_onward(lane), *(_beside(lane, lanes, markings) if lane_changes else ())]
        if b in number
    }
    ends = np.array(list(steps), dtype=np.int64).reshape(-1, 2)
    graph = csr_matrix((np.array(list(steps.values())), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    distances, befores = dijkstra(graph, indices=np.array([number[start_id]]), return_predecessors=True)
    distance, before = distances[0], befores[0]
    if not np.isfinite(distance[number[goal_id]]):
        return None
    path = [number[goal_id]]
    while path[-1] != number[start_id]:
        path.append(int(before[path[-1]]))
    return _route([lanes[names[k]] for k in reversed(path)])


def _onward(lane: MapElement) -> list[tuple[str, str, float]]:
    """To lanes that follow, at the cost of driving through this one."""
    return [(lane.element_id, other, lane.geometry.length) for other in lane.attributes.get("successor_ids") or ()]


def _beside(
    lane: MapElement, lanes: dict[str, MapElement], markings: dict[str, str | None]
) -> list[tuple[str, str, float]]:
    """To lanes beside it and back, where the line between may be crossed.

    Where that line is partly solid, one of the lanes may name the solid part and the other the dashed one: the lane can
    be changed along the latter.
    """
    steps = []
    for side, opposite in (("left", "right"), ("right", "left")):
        other = lanes.get(lane.attributes.get(f"{side}_neighbour_id") or "")
        if other is not None:
            named = (lane.attributes.get(f"{side}_id"), other.attributes.get(f"{opposite}_id"))
            if any(markings.get(name or "") not in NOT_TO_CROSS for name in named):
                steps.append((lane.element_id, other.element_id, LANE_CHANGE_M))
                steps.append((other.element_id, lane.element_id, LANE_CHANGE_M))
    return steps


def _route(lanes: list[MapElement]) -> Route:
    onward = [b.element_id in (a.attributes.get("successor_ids") or ()) for a, b in pairwise(lanes)]
    driven = sum(lane.geometry.length for lane, drives_on in zip(lanes, onward) if drives_on)
    return Route(tuple(lane.element_id for lane in lanes), float(driven), len(onward) - sum(onward))
