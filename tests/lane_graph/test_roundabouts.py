"""Lanes of roundabouts drawn by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from crossroads import ISLAND_M, RING_M, crossroads, roundabout
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.lane_graph.config import DrivingSide, LaneGraphConfig
from mapforge.lane_graph.graph import lane_graph
from mapforge.lane_graph.lanes import Lane
from mapforge.lane_graph.roundabouts import _APART_RAD, _apart, _Join
from mapforge.lane_graph.sections import NONE
from mapforge.schemas.elements import ElementClass, MapElement

AT = np.array([150.0, 150.0])


def ring_of(lanes: list[Lane]) -> list[int]:
    """Lanes that go round the middle."""
    return [
        k
        for k, lane in enumerate(lanes)
        if not lane.turn and np.ptp(np.linalg.norm(lane.centre[:, :2] - AT, axis=1)) < 0.05
    ]


def reached(lanes: list[Lane], start: int) -> set[int]:
    seen, todo = set(), [start]
    while todo:
        k = todo.pop()
        if k not in seen:
            seen.add(k)
            todo += lanes[k].successors
    return seen


def swept_rad(lane: Lane) -> float:
    """Angle round the middle, counter-clockwise positive."""
    away = lane.centre[:, :2] - AT
    return float(np.ptp(np.unwrap(np.arctan2(away[:, 1], away[:, 0]))) * np.sign(np.cross(away[0], away[1])))


@pytest.mark.parametrize("turned_rad", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("side", list(DrivingSide))
def test_the_ring_is_closed_and_every_street_leads_through_it_to_every_other(
    turned_rad: float, side: DrivingSide
) -> None:
    lanes = lane_graph(roundabout(turned_rad=turned_rad), [], LaneGraphConfig(driving_side=side))
    ring = ring_of(lanes)
    assert len(ring) == 8
    sense = 1.0 if side is DrivingSide.RIGHT else -1.0
    assert all(np.sign(swept_rad(lanes[k])) == sense for k in ring)
    assert sum(abs(swept_rad(lanes[k])) for k in ring) == pytest.approx(2 * np.pi)
    for k in ring:
        assert lanes[k].centre[:, 2] == pytest.approx(200.0)
        assert np.linalg.norm(lanes[k].centre[:, :2] - AT, axis=1) == pytest.approx((ISLAND_M + RING_M) / 2, abs=0.1)
        assert any(following in ring for following in lanes[k].successors)
    streets = [k for k, lane in enumerate(lanes) if not lane.turn and k not in ring]
    inbound = [k for k in streets if lanes[k].successors]
    assert len(streets) == 8 and len(inbound) == 4
    for k in inbound:
        assert {s for s in reached(lanes, k) if s in streets} == {k, *(set(streets) - set(inbound))}


def test_lanes_of_the_ring_meet_and_have_their_borders_on_their_sides() -> None:
    lanes = lane_graph(roundabout(), [], LaneGraphConfig())
    for lane in lanes:
        step = np.diff(lane.centre[:, :2], axis=0)
        to_left = (lane.left - lane.centre)[:-1, :2]
        assert (step[:, 0] * to_left[:, 1] - step[:, 1] * to_left[:, 0] > 0).all()
        for successor in lane.successors:
            np.testing.assert_allclose(lane.centre[-1], lanes[successor].centre[0], atol=1e-6)


def test_a_line_round_the_island_makes_two_lanes_side_by_side() -> None:
    lanes = lane_graph(roundabout(lanes=2), [], LaneGraphConfig())
    ring = ring_of(lanes)
    assert len(ring) == 16
    inner = [k for k in ring if lanes[k].right_lane != NONE]
    assert len(inner) == 8
    for k in inner:
        outer = lanes[k].right_lane
        assert lanes[outer].left_lane == k and lanes[outer].right_lane == NONE and lanes[k].left_lane == NONE


def test_an_island_of_which_hardly_more_than_half_was_seen_is_enough() -> None:
    elements = roundabout()
    whole = lane_graph(elements, [], LaneGraphConfig())
    cut = [_without(e, shapely.box(141.0, 152.0, 159.0, 159.0)) for e in elements]
    partly = lane_graph(cut, [], LaneGraphConfig())
    assert len(ring_of(partly)) == len(ring_of(whole))


def test_a_crossroads_is_none_and_neither_is_an_island_that_is_not_round() -> None:
    assert not ring_of(lane_graph(crossroads(), [], LaneGraphConfig()))
    middle, scale = np.array([*AT, 0.0]), np.array([1.3, 0.8, 1.0])
    squeezed = [
        replace(e, geometry=shapely.transform(e.geometry, lambda xyz: middle + (xyz - middle) * scale, include_z=True))
        for e in roundabout()
    ]
    assert not ring_of(lane_graph(squeezed, [], LaneGraphConfig()))


@settings(max_examples=100, deadline=None)
@given(angles=st.lists(st.floats(0.0, 6.28), min_size=1, max_size=8), turned=st.floats(0.0, 6.28))
def test_no_two_joins_lie_at_one_place_however_the_ring_is_turned(angles: list[float], turned: float) -> None:
    joins = _apart([_Join((angle + turned) % (2 * np.pi), True, (k,)) for k, angle in enumerate(angles)])
    spans = np.diff([join.angle_rad for join in joins], append=joins[0].angle_rad + 2 * np.pi)
    assert spans.min() >= _APART_RAD - 1e-9
    assert spans.sum() == pytest.approx(2 * np.pi)
    assert sorted(join.lanes[0] for join in joins) == list(range(len(angles)))


def _without(element: MapElement, hole: shapely.Geometry) -> MapElement:
    if element.element_class is not ElementClass.ROAD_BOUNDARY:
        return element
    left = element.geometry.difference(hole)
    return replace(element, geometry=max(shapely.get_parts(shapely.line_merge(left)), key=lambda part: part.length))
