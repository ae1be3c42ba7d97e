"""Travel direction of every strip: what paths say, and what the cross-section says of lanes nobody drove.

A section of n lanes of one road is divided at one place c of 0..n: lanes on the near side of it (right of it where
traffic keeps to the right) run along the section, the others against it. The place is the one with most support: paths
weigh most, then other vehicles that were seen there, then stop lines, then markings that divide directions, then
a road beyond a median (where traffic keeps to the right, the other carriageway lies to the left), then the habit of
dividing a road in the middle.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.lane_graph.sections import MOST_SLOTS, NONE, Beside, roads_beyond, slots
from mapforge.lane_graph.strips import Strips, windowed_sum
from mapforge.lane_graph.votes import Votes
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_PATH_WEIGHT = 20.0
_TRAFFIC_WEIGHT = 10.0
_STOP_WEIGHT = 4.0
_MEDIAN_WEIGHT = 2.5
"""Of every lane: two lanes beside a median run one way although a solid line lies between them."""
_CLEARLY_M = 2.0
"""A road between two others, such as tracks between lanes, is neither one's other carriageway."""
_TWO_WAY = 1.0
_MIDDLE = 1.0
_CENTRE_SCORE = {
    "double_solid": 4.0,
    "double_dashed": 3.0,
    "solid_dashed": 3.0,
    "dashed_solid": 3.0,
    "solid": 2.0,
    "dashed": -0.5,
    "botts_dots": -0.5,
}
_YELLOW_SCORE = 4.0
_MARKING_M = 15.0
_STOP_WITHIN_M, _STOP_BEYOND_M = 6.0, 12.0
"""Dashes may end a gap before the stop line, which so lies ahead of where two lanes can be told apart."""
_BESIDE_STOP, _WHOLE_STOP = -0.25, 0.25
"""Votes of a stop line that crosses only the lanes beside, and of one that crosses all."""


def directions(
    strips: Strips,
    neighbours: Beside,
    over: Beside,
    votes: Votes,
    elements: list[MapElement],
    keeps_right: bool,
) -> Float:
    """(N,) +1 where traffic runs along the strip, -1 against it, 0 where nothing tells.

    neighbours, over: directly beside, and across medians. elements: those that owners of borders count in, with stop
    lines among them.
    """
    vote_m = votes.half_m
    number = np.maximum(windowed_sum(np.ones(len(strips)), strips, vote_m), 1.0)
    driven = windowed_sum(votes.paths, strips, vote_m) / number
    seen = windowed_sum(votes.traffic, strips, vote_m) / number
    row, sense = slots(strips, neighbours)
    stops = windowed_sum(_stop_votes(strips, row, sense, elements), strips, vote_m)
    evidence = _PATH_WEIGHT * np.clip(4.0 * driven, -1.0, 1.0) + _STOP_WEIGHT * np.clip(stops, -1.0, 1.0)
    evidence += _TRAFFIC_WEIGHT * np.clip(4.0 * seen, -1.0, 1.0)
    there = row != NONE
    own = np.where(there, evidence[row] * sense, 0.0)
    side = 1.0 if keeps_right else -1.0
    left, right = roads_beyond(strips, row, sense, over)
    nearer = (left + _CLEARLY_M < right).astype(np.float64) - (right + _CLEARLY_M < left)
    beyond = windowed_sum(nearer, strips, vote_m) / number
    own += np.where(there, _MEDIAN_WEIGHT * side * np.clip(2.0 * beyond, -1.0, 1.0)[:, None], 0.0)
    lanes = there.sum(axis=1)
    centre = windowed_sum(_left_scores(strips, elements), strips, _MARKING_M) / np.maximum(
        windowed_sum(np.ones(len(strips)), strips, _MARKING_M), 1.0
    )
    other = windowed_sum(_right_scores(strips, elements), strips, _MARKING_M) / np.maximum(
        windowed_sum(np.ones(len(strips)), strips, _MARKING_M), 1.0
    )
    left_line = np.where(there, np.where(sense > 0, centre[row], other[row]), 0.0)
    first = there.argmax(axis=1)
    scores = np.full((len(strips), 2 * MOST_SLOTS + 2), -np.inf)
    columns = np.arange(2 * MOST_SLOTS + 1)
    for place in range(2 * MOST_SLOTS + 2):
        inside = (place >= first) & (place <= first + lanes)
        runs = np.where(columns >= place, side, -side)
        score = (own * runs).sum(axis=1)
        within = (place > first) & (place < first + lanes)
        line = left_line[:, min(place, 2 * MOST_SLOTS)]
        score = score + np.where(within, line + _TWO_WAY + _MIDDLE * (2 * (place - first) == lanes), 0.0)
        scores[:, place] = np.where(inside, score, -np.inf)
    best = scores.argmax(axis=1)
    sense_of_own = np.where(best <= MOST_SLOTS, side, -side)
    alone = (lanes == 1) & (np.abs(own).sum(axis=1) == 0.0)
    return np.where(alone, 0.0, sense_of_own)


def _left_scores(strips: Strips, elements: list[MapElement]) -> Float:
    return _scores(elements)[strips.left_owner]


def _right_scores(strips: Strips, elements: list[MapElement]) -> Float:
    return _scores(elements)[strips.right_owner]


def _scores(elements: list[MapElement]) -> Float:
    """How much a line looks like one between opposite directions; the last entry is that of BRIDGE."""
    scores = np.zeros(len(elements) + 1)
    for k, element in enumerate(elements):
        if element.element_class is ElementClass.LANE_DIVIDER:
            scores[k] = _CENTRE_SCORE.get(str(element.attributes.get("marking_type")), 0.0)
            scores[k] += _YELLOW_SCORE * (element.attributes.get("colour") == "yellow")
    return scores


def _stop_votes(strips: Strips, section: Index, sense: Index, elements: list[MapElement]) -> Float:
    """(N,) where a strip ends: does the way out lead over a stop line (+ along the strip, - against it at its start)?

    A stop line lies across all lanes that come to it, and no others: a strip beside those it crosses leads away. One
    across every lane is the edge of a crossing, or the road is one-way: it says little, and nothing where another
    crosses some lanes only. section, sense: `slots` of the strips.
    """
    votes = np.zeros(len(strips))
    lines = [e.geometry for e in elements if e.element_class is ElementClass.STOP_LINE]
    if not lines or not len(strips):
        return votes
    first, last = strips.ends
    for ends, outward in ((first, -1.0), (last, 1.0)):
        members = section[ends]
        there = members != NONE
        crossed = np.zeros((*members.shape, len(lines)), dtype=bool)
        crossed[there] = _crossed(strips, members[there], (outward * sense[ends])[there], lines)
        own = crossed[:, MOST_SLOTS]
        every = (crossed | ~there[:, :, None]).all(axis=1) & (there.sum(axis=1) > 1)[:, None]
        some = crossed.any(axis=1) & ~every
        partly = some.any(axis=1)
        vote = np.where((own & some).any(axis=1), 1.0, np.where(partly, _BESIDE_STOP, 0.0))
        votes[ends] += outward * np.where(~partly & (own & every).any(axis=1), _WHOLE_STOP, vote)
    return votes


def _crossed(strips: Strips, at: Index, outward: Float, lines: list[shapely.Geometry]) -> NDArray[np.bool_]:
    """(K, lines) which stop lines lie across the way out of a strip at samples (K,). outward: (K,) +1 where that way
    leads along the strip."""
    out_of = outward[:, None] * strips.along[at]
    tip = strips.centre[at, :2]
    ways = shapely.linestrings(np.stack([tip - _STOP_WITHIN_M * out_of, tip + _STOP_BEYOND_M * out_of], axis=1))
    way, line = shapely.STRtree(lines).query(ways, predicate="intersects")
    out = np.zeros((len(at), len(lines)), dtype=bool)
    out[way, line] = True
    return out
