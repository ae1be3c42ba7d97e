"""The lane graph of a window: lanes on roads, and the lanes that lead from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.areas import parts_of
from mapforge.lane_graph.borders import borders_of
from mapforge.lane_graph.config import DrivingSide, LaneGraphConfig
from mapforge.lane_graph.directions import directions
from mapforge.lane_graph.facing import strips_between
from mapforge.lane_graph.junctions import arms_of
from mapforge.lane_graph.lanes import Lane, lanes_of, travelled
from mapforge.lane_graph.movements import STRAIGHT, Movement, Rules, driven_pairs, movements_of
from mapforge.lane_graph.parking import painted_medians, parking
from mapforge.lane_graph.regulation import painted_turns
from mapforge.lane_graph.roundabouts import outside, round_rings, roundabouts_of, with_rings
from mapforge.lane_graph.sections import NONE, Beside, Nearby, beside, over_medians
from mapforge.lane_graph.shaping import lane_strips, without_flares
from mapforge.lane_graph.strips import Strips
from mapforge.lane_graph.traffic import Traffic
from mapforge.lane_graph.votes import Votes, path_votes, traffic_votes
from mapforge.lane_graph.ways import connector
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]

STEP_M = 1.5
"""Lanes this close to each other follow each other without a connector."""


def lane_graph(
    elements: list[MapElement], paths: list[Float], config: LaneGraphConfig, seen: Sequence[Traffic] = ()
) -> list[Lane]:
    """Lanes first, then connectors, then the lanes and connectors of roundabouts; `successors` count in this list.

    Owners count in `elements`.

    elements: of a window, map frame. paths: (M, 3) positions of whole drives near it. seen: where each of these drives
    saw others drive.
    """
    borders = borders_of(elements, config.sample_m, config.bridge_m, config.min_border_m)
    road = road_of(elements)
    between = strips_between(borders, config.max_road_width_m, np.radians(config.parallel_deg), road)
    rings = roundabouts_of(borders, road)
    strips = lane_strips(outside(between, rings), config.min_width_m, config.max_width_m, config.usual_width_m)
    strips = without_flares(strips)
    if not len(strips):
        return []
    nearby = Nearby(strips)
    votes = Votes(path_votes(strips, nearby, paths), traffic_votes(strips, nearby, seen), config.vote_m)
    neighbours, over = _around(strips, nearby)
    for_cars = parking(strips, neighbours, over, votes, elements, config.max_parking_width_m)
    strips, votes = strips.where(~for_cars), votes.where(~for_cars)
    medians = painted_medians(strips, beside(strips, Nearby(strips)), votes, elements)
    strips, votes = strips.where(~medians), votes.where(~medians)
    if not len(strips):
        return []
    neighbours, over = _around(strips, Nearby(strips))
    keeps_right = config.driving_side is DrivingSide.RIGHT
    sense = directions(strips, neighbours, over, votes, elements, keeps_right)
    found = travelled(strips, sense, borders, config.smoothing_m, config.min_lane_m, config.mouth_m)
    if not len(found.strips):
        return []
    lanes = lanes_of(found, path_votes(found.strips, found.nearby, paths), config.vote_m)
    arms = arms_of(lanes, found)
    rules = Rules(
        config.junction_m, np.radians(config.straight_deg), np.radians(config.max_turn_deg), config.on_road_share
    )
    kerbs = [e.xyz_map for e in elements if e.element_class is ElementClass.ROAD_BOUNDARY]
    driven = driven_pairs(found, lanes, paths, config.junction_m)
    arrows = painted_turns(lanes, elements)
    movements = movements_of(lanes, arms, found, road, kerbs, driven, arrows, rules)
    movements, traffic = round_rings(movements, arms, lanes, rings, keeps_right)
    return with_rings(joined_up(lanes, movements), traffic, borders, keeps_right)


def _around(strips: Strips, nearby: Nearby) -> tuple[Beside, Beside]:
    """What lies directly beside, and what across a median."""
    neighbours = beside(strips, nearby)
    return neighbours, over_medians(strips, nearby, neighbours)


def road_of(elements: list[MapElement]) -> shapely.Geometry | None:
    """Drivable area of all tiles as one; None where none is known."""
    parts = [
        part
        for element in elements
        if element.element_class is ElementClass.DRIVABLE_AREA
        for part in parts_of(shapely.force_2d(element.geometry))
    ]
    return shapely.union_all(parts) if parts else None


def joined_up(lanes: list[Lane], movements: list[Movement]) -> list[Lane]:
    """The lanes and one connector a movement, each with what it leads to. A lane goes on in one that begins where it
    ends, without a connector."""
    onward: dict[int, list[int]] = {}
    connectors: list[Lane] = []
    lanes = list(lanes)
    steps: dict[int, tuple[float, int]] = {}
    for m in movements:
        step_m = float(np.linalg.norm((lanes[m.target].centre[0] - lanes[m.source].centre[-1])[:2]))
        if m.turn == STRAIGHT and step_m < min(STEP_M, steps.get(m.source, (STEP_M, NONE))[0]):
            steps[m.source] = (step_m, m.target)
    for source, (_, target) in steps.items():
        lanes[source] = lanes[source].ending_at(lanes[target])
    for m in movements:
        if steps.get(m.source, (0.0, NONE))[1] == m.target:
            onward.setdefault(m.source, []).append(m.target)
        else:
            onward.setdefault(m.source, []).append(len(lanes) + len(connectors))
            way = np.vstack([lanes[m.source].centre[-1, :2], m.way[1:]])
            connectors.append(replace(connector(lanes[m.source], lanes[m.target], way, m.turn), successors=(m.target,)))
    return [replace(lane, successors=tuple(onward.get(k, ()))) for k, lane in enumerate(lanes)] + connectors
