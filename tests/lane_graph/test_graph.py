"""Lanes, directions and ways through junctions of small places drawn by hand, and of a simulated town."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from crossroads import crossroads, path, placed

from mapforge.lane_graph.config import DrivingSide, LaneGraphConfig
from mapforge.lane_graph.graph import lane_graph
from mapforge.lane_graph.lanes import Lane
from mapforge.lane_graph.regulation import rulings
from mapforge.lane_graph.sections import NONE
from mapforge.lane_graph.traffic import Traffic
from mapforge.metrics.topology import edge_scores, lanes_along
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.simulation.config import TownConfig
from mapforge.simulation.routes import plan_drives
from mapforge.simulation.town import make_town

AT = np.array([150.0, 150.0])


def road(*lines: tuple[ElementClass, float, dict[str, str]], length_m: float = 80.0) -> list[MapElement]:
    """A straight road from west to east: lines at offsets to the left of its axis, drivable between the outermost."""
    offsets = [offset for _, offset, _ in lines]
    area = shapely.box(0.0, min(offsets), length_m, max(offsets))
    shapes = [(kind, shapely.LineString([(0, y), (length_m, y)]), attributes) for kind, y, attributes in lines]
    shapes.append((ElementClass.DRIVABLE_AREA, area, {}))
    return [
        MapElement(f"{kind}-{k}", kind, placed(shape, (150.0, 150.0)), attributes)
        for k, (kind, shape, attributes) in enumerate(shapes)
    ]


def kerb(offset_m: float) -> tuple[ElementClass, float, dict[str, str]]:
    return ElementClass.ROAD_BOUNDARY, offset_m, {"boundary_type": "curb"}


def line(offset_m: float, marking: str = "dashed", colour: str = "white") -> tuple[ElementClass, float, dict[str, str]]:
    return ElementClass.LANE_DIVIDER, offset_m, {"marking_type": marking, "colour": colour}


def offsets_and_senses(lanes: list[Lane]) -> list[tuple[float, int]]:
    """(offset of the lane left of the axis, +1 eastbound or -1) of each lane, from left to right."""
    found = [(float(lane.centre[:, 1].mean() - AT[1]), int(np.sign(lane.heading(True)[0]))) for lane in lanes]
    return sorted(((round(offset, 2), sense) for offset, sense in found), reverse=True)


def test_a_stretch_too_short_for_a_lane_makes_none_even_where_a_path_runs() -> None:
    stretch = road(kerb(3.5), line(0.0), kerb(-3.5), length_m=9.0)
    assert lane_graph(stretch, [path([(-20.0, -1.75), (30.0, -1.75)])], LaneGraphConfig()) == []


EAST, WEST = [(0.0, -1.75), (80.0, -1.75)], [(80.0, 1.75), (0.0, 1.75)]


@pytest.mark.parametrize("turned_rad", [0.0, 0.4, 2.0])
def test_a_crossroads_has_all_its_turns(turned_rad: float) -> None:
    lanes = lane_graph(crossroads(turned_rad=turned_rad), [], LaneGraphConfig())
    roads, ways = [k for k in lanes if not k.turn], [k for k in lanes if k.turn]
    assert len(roads) == 8
    assert sorted(way.turn for way in ways) == ["left"] * 4 + ["right"] * 4 + ["straight"] * 4
    inbound = [lane for lane in roads if lane.successors]
    assert all({lanes[s].turn for s in lane.successors} == {"left", "right", "straight"} for lane in inbound)
    assert len(inbound) == 4
    for way in ways:
        first, last = np.diff(way.centre[:, :2], axis=0)[[0, -1]]
        turned = np.degrees(np.arctan2(first[0] * last[1] - first[1] * last[0], first @ last))
        assert turned == pytest.approx({"left": 90, "straight": 0, "right": -90}[way.turn], abs=8)


def test_lanes_meet_and_have_their_borders_on_their_sides() -> None:
    lanes = lane_graph(crossroads(), [], LaneGraphConfig())
    for lane in lanes:
        assert 2.5 < lane.width_m < 4.5
        step = np.diff(lane.centre[:, :2], axis=0)
        to_left = (lane.left - lane.centre)[:-1, :2]
        assert (step[:, 0] * to_left[:, 1] - step[:, 1] * to_left[:, 0] > 0).all()
        for successor in lane.successors:
            np.testing.assert_allclose(lane.centre[-1], lanes[successor].centre[0], atol=1e-6)
            np.testing.assert_allclose(lane.left[-1], lanes[successor].left[0], atol=1e-6)


def test_traffic_keeps_to_the_side_that_is_set() -> None:
    place = road(kerb(3.5), line(0.0, "double_solid"), kerb(-3.5))
    right = lane_graph(place, [], LaneGraphConfig())
    left = lane_graph(place, [], LaneGraphConfig(driving_side=DrivingSide.LEFT))
    assert offsets_and_senses(right) == [(1.75, -1), (-1.75, 1)]
    assert offsets_and_senses(left) == [(1.75, 1), (-1.75, -1)]


def test_paths_outweigh_habit() -> None:
    place = road(kerb(3.5), line(0.0), kerb(-3.5))
    one_way = lane_graph(place, [path(EAST), path([(0.0, 1.75), (80.0, 1.75)])], LaneGraphConfig())
    assert offsets_and_senses(one_way) == [(1.75, 1), (-1.75, 1)]
    upper, lower = sorted(one_way, key=lambda lane: -lane.centre[0, 1])
    assert (one_way[upper.right_lane], one_way[lower.left_lane]) == (lower, upper)
    assert (upper.left_lane, lower.right_lane) == (NONE, NONE)


def traffic(lateral_m: float, sense: float, length_m: float = 80.0) -> Traffic:
    """Others that a drive saw in a lane of a `road`."""
    x = np.arange(0.0, length_m, 2.0)
    heading = np.column_stack([np.full(len(x), sense), np.zeros(len(x))])
    return Traffic(np.column_stack([x, np.full(len(x), lateral_m)]) + AT, heading)


def test_other_vehicles_outweigh_habit_and_markings() -> None:
    place = road(kerb(3.5), line(0.0, "solid", "yellow"), kerb(-3.5))
    seen = [traffic(1.75, 1.0), traffic(-1.75, 1.0)]
    assert offsets_and_senses(lane_graph(place, [], LaneGraphConfig(), seen)) == [(1.75, 1), (-1.75, 1)]


def test_the_own_path_outweighs_other_vehicles() -> None:
    place = road(kerb(3.5), line(0.0), kerb(-3.5))
    lanes = lane_graph(place, [path(EAST)], LaneGraphConfig(), [traffic(-1.75, -1.0)])
    assert offsets_and_senses(lanes) == [(1.75, -1), (-1.75, 1)]


def test_a_lane_nobody_drove_follows_from_the_lane_beside_it() -> None:
    place = road(kerb(7.0), line(3.5), line(0.0, "solid", "yellow"), line(-3.5), kerb(-7.0))
    lanes = lane_graph(place, [path(EAST)], LaneGraphConfig())
    assert offsets_and_senses(lanes) == [(5.25, -1), (1.75, -1), (-1.75, 1), (-5.25, 1)]


FAR = LaneGraphConfig(vote_m=85.0, junction_m=5.0)
"""Votes reach over the whole of a short road."""


def stop(left_m: float, right_m: float, along_m: float = 78.0) -> MapElement:
    shape = placed(shapely.LineString([(along_m, left_m), (along_m, right_m)]), (150.0, 150.0))
    return MapElement(f"stop-{left_m}", ElementClass.STOP_LINE, shape, {}, sources=("a",))


def test_beside_the_lanes_that_stop_are_those_that_lead_away() -> None:
    three = road(kerb(-5.1), line(-1.7), line(1.7), kerb(5.1))
    driven = [path([(2.0, -3.4), (78.0, -3.4)])]
    one = offsets_and_senses(lane_graph([*three, stop(-4.9, -1.9)], driven, FAR))
    assert one == [(3.4, -1), (0.0, -1), (-3.4, 1)]
    two = offsets_and_senses(lane_graph([*three, stop(-4.9, 1.5)], driven, FAR))
    assert two == [(3.4, -1), (0.0, 1), (-3.4, 1)]


def test_a_line_across_the_whole_road_does_not_overrule_one_across_a_lane() -> None:
    three = road(kerb(-5.1), line(-1.7), line(1.7), kerb(5.1))
    driven = [path([(2.0, -3.4), (78.0, -3.4)])]
    found = lane_graph([*three, stop(-4.9, -1.9), stop(-5.5, 5.5, 79.0)], driven, FAR)
    assert offsets_and_senses(found) == [(3.4, -1), (0.0, -1), (-3.4, 1)]


def test_a_road_without_markings_is_divided_where_two_lanes_fit() -> None:
    assert offsets_and_senses(lane_graph(road(kerb(3.4), kerb(-3.4)), [], LaneGraphConfig())) == [(1.7, -1), (-1.7, 1)]
    narrow = lane_graph(road(kerb(2.0), kerb(-2.0)), [path([(0.0, 0.0), (80.0, 0.0)])], LaneGraphConfig())
    assert offsets_and_senses(narrow) == [(0.0, 1)]


def test_a_narrow_strip_at_the_kerb_is_for_parking_unless_it_is_driven() -> None:
    place = road(kerb(6.0), line(3.5, "solid"), line(0.0, "double_solid"), line(-3.5, "solid"), kerb(-6.0))
    assert len(lane_graph(place, [path(EAST), path(WEST)], LaneGraphConfig())) == 2
    driven = [path(EAST), path(WEST), path([(0.0, -4.75), (80.0, -4.75)])]
    assert len(lane_graph(place, driven, LaneGraphConfig())) == 3


def test_a_gap_in_the_paint_does_not_cut_the_lane() -> None:
    place = road(kerb(3.5), kerb(-3.5))
    for k, (a, b) in enumerate(((0.0, 35.0), (40.0, 80.0))):
        shape = placed(shapely.LineString([(a, 0.0), (b, 0.0)]), (150.0, 150.0))
        place.append(MapElement(f"d{k}", ElementClass.LANE_DIVIDER, shape, {"marking_type": "dashed"}))
    lanes = lane_graph(place, [], LaneGraphConfig())
    assert [round(lane.length_m) for lane in lanes] == [80, 80]


def test_arrows_and_arrow_like_fragments_do_not_divide_a_lane() -> None:
    place = road(kerb(3.5), line(0.0, "double_solid"), kerb(-3.5))
    shape = placed(shapely.LineString([(30.0, -1.7), (34.0, -1.8)]), (150.0, 150.0))
    place.append(MapElement("arrow", ElementClass.LANE_DIVIDER, shape, {"marking_type": "solid"}))
    assert len(lane_graph(place, [], LaneGraphConfig())) == 2


def test_nothing_gives_nothing() -> None:
    assert lane_graph([], [], LaneGraphConfig()) == []
    assert lane_graph(road(kerb(3.5), kerb(-30.0)), [], LaneGraphConfig()) == []


def test_edges_of_a_town_from_its_true_lines() -> None:
    world = make_town(61, TownConfig(blocks_east=1, blocks_north=2))
    plans = plan_drives(world, 6, 30.0, 61)
    paths = [plan.translation_m[::10] for plan in plans]
    lanes = lane_graph([e for e in world.truth if e.element_class is not ElementClass.LANE], paths, LaneGraphConfig())
    area = shapely.union_all([shapely.LineString(p[:, :2]).buffer(20.0) for p in paths])

    def judged(xyz: np.ndarray) -> bool:
        return bool(shapely.contains_xy(area, xyz[:, 0], xyz[:, 1]).mean() > 0.5)

    truth = {e.element_id: e for e in world.truth if e.element_class is ElementClass.LANE and judged(e.xyz_map)}
    found = {str(k): lane for k, lane in enumerate(lanes) if judged(lane.centre)}
    matches = lanes_along({n: e.xyz_map for n, e in truth.items()}, {n: lane.centre for n, lane in found.items()})
    true_edges = [(n, s) for n, e in truth.items() for s in e.attributes["successor_ids"] if s in truth]
    edges = [(n, str(s)) for n, lane in found.items() for s in lane.successors if str(s) in found]
    scores = edge_scores(true_edges, edges, matches)
    assert len(true_edges) > 10
    assert scores["precision"] >= 0.95
    assert scores["recall"] >= 0.95


def test_a_place_with_crossings_and_stop_lines_but_no_lane_has_no_rulings() -> None:
    crossing = placed(shapely.box(0.0, -3.0, 3.0, 3.0), (150.0, 150.0))
    elements = [MapElement("c", ElementClass.PED_CROSSING, crossing, {}), *crossroads()]
    assert rulings([], elements, 20.0, True) == []


@pytest.mark.parametrize("driving_side", list(DrivingSide))
@pytest.mark.parametrize("driven_east", [True, False])
def test_a_carriageway_nobody_drove_runs_against_the_one_beyond_the_median(
    driving_side: DrivingSide, driven_east: bool
) -> None:
    """Both of three lanes, dashed between: nothing on the undriven one itself tells its direction."""
    south = road(kerb(-1.5), line(-5.0), line(-8.5), kerb(-12.0), length_m=120.0)
    north = road(kerb(12.0), line(8.5), line(5.0), kerb(1.5), length_m=120.0)
    ends = (0.0, 120.0) if driven_east else (120.0, 0.0)
    paths = [path([(x, y) for x in ends]) for y in (-3.25, -10.25)]
    drawn = [replace(e, element_id=f"{k}-{e.element_id}") for k, side in enumerate((south, north)) for e in side]
    lanes = lane_graph(drawn, paths, LaneGraphConfig(driving_side=driving_side))
    found = offsets_and_senses(lanes)
    # the median lies on the left of those who keep right: else both carriageways run the same way
    keeps_right = driving_side is DrivingSide.RIGHT
    own, other = (1, -1) if driven_east else (-1, 1)
    expected = other if driven_east == keeps_right else own
    assert [sense for offset, sense in found if offset < 0] == [own] * 3
    assert [sense for offset, sense in found if offset > 0] == [expected] * 3
