"""Shortest ways on graphs whose answer is plain to see."""

from __future__ import annotations

import pytest
import shapely

from mapforge.errors import MissingInputError
from mapforge.lane_graph.routing import LANE_CHANGE_M, Route, shortest_path
from mapforge.schemas.elements import ElementClass, MapElement


def lane(name: str, length_m: float, follow: tuple[str, ...] = (), **more: str) -> MapElement:
    shape = shapely.LineString([(0, 0, 0), (length_m, 0, 0)])
    return MapElement(name, ElementClass.LANE, shape, {"successor_ids": list(follow), **more})


def divider(name: str, marking: str) -> MapElement:
    shape = shapely.LineString([(0, 0, 0), (9, 0, 0)])
    return MapElement(name, ElementClass.LANE_DIVIDER, shape, {"marking_type": marking})


FORK = [lane("a", 10, ("b", "c")), lane("b", 50, ("d",)), lane("c", 20, ("e",)), lane("e", 20, ("d",)), lane("d", 5)]


def test_the_shorter_branch_wins() -> None:
    assert shortest_path(FORK, "a", "d") == Route(("a", "c", "e", "d"), 50.0, 0)
    assert shortest_path(FORK, "a", "a") == Route(("a",), 0.0, 0)


def test_there_may_be_no_way() -> None:
    assert shortest_path(FORK, "d", "a") is None
    with pytest.raises(MissingInputError, match="no lane 'x'"):
        shortest_path(FORK, "a", "x")


@pytest.mark.parametrize(("marking", "possible"), [("dashed", True), ("solid", False), ("double_solid", False)])
def test_lanes_are_changed_over_lines_that_may_be_crossed(marking: str, possible: bool) -> None:
    pair = [
        lane("left", 30, right_neighbour_id="right", right_id="line"),
        lane("right", 30, ("goal",), left_neighbour_id="left", left_id="line"),
        lane("goal", 5),
        divider("line", marking),
    ]
    route = shortest_path(pair, "left", "goal")
    assert (route is not None) == possible
    if route is not None:
        assert (route.lane_ids, route.lane_changes) == (("left", "right", "goal"), 1)
    assert shortest_path(pair, "left", "goal", lane_changes=False) is None


def test_a_change_of_lane_costs_a_detour_worth_of_metres() -> None:
    detour = LANE_CHANGE_M - 1.0
    lanes = [
        lane("a", 30, ("long",), right_neighbour_id="b"),
        lane("b", 30, ("goal",)),
        lane("long", detour, ("goal",)),
        lane("goal", 5),
    ]
    assert shortest_path(lanes, "a", "goal") == Route(("a", "long", "goal"), 30.0 + detour, 0)
