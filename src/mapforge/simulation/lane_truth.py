"""Lanes as map elements and as routes: ids, neighbours, successors, the lines beside them."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry import polylines
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.lanes import Lane
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.world import Heightfield, RouteLane

Float = NDArray[np.float64]

BESIDE_TOLERANCE_M = 0.6


def draw_lanes(lanes: list[Lane], ledger: TruthLedger) -> None:
    """Truth lanes with centreline, neighbours, predecessors, successors, and the lines left and right of them."""
    ids = [ledger.next_id(ElementClass.LANE) for _ in lanes]
    before: list[list[int]] = [[] for _ in lanes]
    for n, lane in enumerate(lanes):
        for successor in lane.successors:
            before[successor].append(n)
    beside = _Beside(ledger)
    for n, lane in enumerate(lanes):
        attributes = {
            "width_m": lane.width_m,
            "lane_type": lane.lane_type,
            "speed_limit_mps": lane.speed_limit_mps,
            "predecessor_ids": [ids[p] for p in before[n]],
            "successor_ids": [ids[s] for s in lane.successors],
            "left_neighbour_id": ids[lane.left] if lane.left >= 0 else None,
            "right_neighbour_id": ids[lane.right] if lane.right >= 0 else None,
            "turn": lane.turn or None,
            "left_id": None if lane.turn else beside.id_at(lane, lane.width_m / 2),
            "right_id": None if lane.turn else beside.id_at(lane, -lane.width_m / 2),
        }
        present = {name: value for name, value in attributes.items() if value is not None}
        ledger.draw(ElementClass.LANE, shapely.LineString(lane.centreline), element_id=ids[n], **present)


def route_lanes(lanes: list[Lane], ground: Heightfield) -> tuple[RouteLane, ...]:
    """The lanes as routes are planned on, with ground heights."""
    return tuple(
        RouteLane(
            centreline=np.column_stack([lane.centreline, ground.at(lane.centreline)]),
            successors=lane.successors,
            speed_limit_mps=lane.speed_limit_mps,
            width_m=lane.width_m,
        )
        for lane in lanes
    )


class _Beside:
    """Finds the divider or boundary that runs along a side of a lane."""

    def __init__(self, ledger: TruthLedger) -> None:
        self._ids: list[str] = []
        samples, owners = [], []
        for kind in (ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY):
            for element_id, line, _ in ledger.drawn(kind):
                points = shapely.get_coordinates(shapely.segmentize(line, 0.5))
                samples.append(points)
                owners.append(np.full(len(points), len(self._ids)))
                self._ids.append(element_id)
        self._tree = cKDTree(np.vstack(samples)) if samples else None
        self._owners = np.concatenate(owners) if owners else np.zeros(0, dtype=int)

    def id_at(self, lane: Lane, offset_m: float) -> str | None:
        """The line nearest to most of the lane's side, None when less than half of the side has one."""
        if self._tree is None:
            return None
        side = polylines.offset_left(polylines.resample(lane.centreline, 1.0), offset_m)
        distance, nearest = self._tree.query(side, distance_upper_bound=BESIDE_TOLERANCE_M)
        found = self._owners[np.asarray(nearest)[np.isfinite(distance)]]
        if len(found) < len(side) / 2:
            return None
        return self._ids[int(np.bincount(found).argmax())]
