"""Lanes: runs of strips in their direction of travel, with what lies beside them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.polylines import arc_length, at_stations
from mapforge.lane_graph.borders import Borders
from mapforge.lane_graph.mouths import led_to_mouths
from mapforge.lane_graph.openings import cut_at_openings
from mapforge.lane_graph.sections import NONE, Beside, Nearby, beside, over_medians
from mapforge.lane_graph.shaping import smoothed, thinned
from mapforge.lane_graph.strips import Strips, oriented, windowed_sum

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

VEHICLE = "vehicle"
_HEADING_M = 4.0
_LEAST_NEIGHBOUR_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class Lane:
    """One lane in travel direction.

    centre, left, right: (N, 3) map frame, point by point across the lane. left_owner, right_owner: (N,) elements of its
    borders, BRIDGE where there is none. turn: of a way through a junction, else empty. left_lane, right_lane: lanes
    beside it in the same direction, NONE without. driven: a path runs in it. successors: lanes it leads to.
    """

    centre: Float
    left: Float
    right: Float
    left_owner: Index
    right_owner: Index
    lane_type: str = VEHICLE
    turn: str = ""
    left_lane: int = NONE
    right_lane: int = NONE
    driven: bool = False
    successors: tuple[int, ...] = field(default=())

    @property
    def width_m(self) -> float:
        return float(np.linalg.norm((self.left - self.right)[:, :2], axis=1).mean())

    @property
    def length_m(self) -> float:
        return float(arc_length(self.centre)[-1])

    def ending_at(self, target: Lane) -> Lane:
        """The lane with its last vertex on the first of another."""
        return replace(
            self,
            centre=np.vstack([self.centre[:-1], target.centre[:1]]),
            left=np.vstack([self.left[:-1], target.left[:1]]),
            right=np.vstack([self.right[:-1], target.right[:1]]),
        )

    def heading(self, last: bool) -> Float:
        """(2,) unit direction of travel at an end, over a few metres."""
        run = self.centre[::-1] if last else self.centre
        step = at_stations(run[:, :2], np.array([_HEADING_M]))[0] - run[0, :2]
        step = -step if last else step
        return np.asarray(step / max(float(np.linalg.norm(step)), 1e-9))


@dataclass(frozen=True, eq=False)
class LaneStrips:
    """Strips whose sense is the direction of travel; strip k is lane k. beside: what lies across their borders. over:
    what lies across a median there. left_pockets, right_pockets: short lanes that open to that side of another."""

    strips: Strips
    nearby: Nearby
    beside: Beside
    over: Beside
    left_pockets: frozenset[int] = frozenset()
    right_pockets: frozenset[int] = frozenset()


def travelled(
    strips: Strips, sense: Float, borders: Borders, smoothing_m: float, min_length_m: float, mouth_m: float
) -> LaneStrips:
    """Strips turned into their direction, broken where it changes, smooth, without short ones, led to the mouths of
    junctions, cut where others open beside them."""
    turned = thinned(smoothed(oriented(strips, sense), smoothing_m))
    turned = turned.where(turned.length_of_strip() >= min_length_m)
    turned = led_to_mouths(turned, borders, mouth_m)
    nearby = Nearby(turned)
    openings = cut_at_openings(turned, beside(turned, nearby), borders)
    turned = openings.strips
    nearby = Nearby(turned)
    neighbours = beside(turned, nearby)
    over = over_medians(turned, nearby, neighbours)
    return LaneStrips(turned, nearby, neighbours, over, openings.left, openings.right)


def lanes_of(found: LaneStrips, votes: Float, vote_m: float) -> list[Lane]:
    """One lane a strip. votes: of paths, by sample (`path_votes`)."""
    strips = found.strips
    driven = windowed_sum(np.abs(votes), strips, vote_m) > 0
    lanes = []
    for first, last in _runs(strips.strip):
        own = slice(first, last)
        lane = Lane(
            strips.centre[own],
            strips.left[own],
            strips.right[own],
            strips.left_owner[own],
            strips.right_owner[own],
            driven=bool(driven[own].any()),
            left_lane=_neighbour(found, found.beside.left, own),
            right_lane=_neighbour(found, found.beside.right, own),
        )
        lanes.append(lane)
    return lanes


def _runs(strip: Index) -> list[tuple[int, int]]:
    first = np.flatnonzero(np.diff(strip, prepend=-1))
    return [(int(a), int(b)) for a, b in zip(first, [*first[1:], len(strip)])]


def _neighbour(found: LaneStrips, across: Index, own: slice) -> int:
    """The lane that lies beside most of a lane and runs its way."""
    near = across[own]
    there = near != NONE
    along = found.strips.along
    there &= (along[own] * along[near]).sum(axis=1) > 0
    if there.sum() < _LEAST_NEIGHBOUR_SHARE * len(near):
        return NONE
    return int(np.bincount(found.strips.strip[near[there]]).argmax())
