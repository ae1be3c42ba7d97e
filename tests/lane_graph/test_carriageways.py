"""Carriageways with medians, parking, pockets, and junctions of which a road was not seen; drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from crossroads import CORNER_M, path, placed
from test_graph import AT, kerb, line, offsets_and_senses, road

from mapforge.lane_graph.config import LaneGraphConfig
from mapforge.lane_graph.graph import lane_graph
from mapforge.lane_graph.lanes import Lane
from mapforge.schemas.elements import ElementClass, MapElement

CONFIG = LaneGraphConfig()


def drawn(kind: ElementClass, points: list[tuple[float, float]], **attributes: str) -> MapElement:
    return MapElement(f"{kind}-{points}", kind, placed(shapely.LineString(points), (150.0, 150.0)), attributes)


def renamed(elements: list[MapElement], prefix: str) -> list[MapElement]:
    return [MapElement(f"{prefix}-{e.element_id}", e.element_class, e.geometry, dict(e.attributes)) for e in elements]


def test_lanes_beside_a_median_run_one_way_though_a_solid_line_parts_them() -> None:
    """Nobody drove there, and a solid line within a carriageway would else part directions."""
    south = road(kerb(-1.0), line(-4.5, "solid"), kerb(-8.0), length_m=120.0)
    north = road(kerb(8.0), line(4.5, "solid"), kerb(1.0), length_m=120.0)
    lanes = lane_graph(renamed(south, "s") + renamed(north, "n"), [], CONFIG)
    assert [(offset > 0, sense) for offset, sense in offsets_and_senses(lanes)] == [(True, -1)] * 2 + [(False, 1)] * 2


def test_a_road_between_two_others_keeps_both_directions() -> None:
    """Tracks between two lanes, with platforms to either side: as far from the one as from the other."""
    outer = [road(kerb(8.5), line(5.5, "solid"), length_m=120.0), road(line(-5.5, "solid"), kerb(-8.5), length_m=120.0)]
    inner = road(line(3.2, "solid"), line(0.0), line(-3.2, "solid"), length_m=120.0)
    elements = [e for k, part in enumerate([*outer, inner]) for e in renamed(part, str(k))]
    assert offsets_and_senses(lane_graph(elements, [], CONFIG)) == [(7.0, -1), (1.6, -1), (-1.6, 1), (-7.0, 1)]


def test_a_painted_median_is_no_lane_unless_it_is_driven() -> None:
    section = road(kerb(5.2), line(1.6, "solid"), line(-1.6, "solid"), kerb(-5.2), length_m=90.0)
    assert offsets_and_senses(lane_graph(section, [], CONFIG)) == [(3.4, -1), (-3.4, 1)]
    driven = lane_graph(section, [path([(0.0, 0.0), (90.0, 0.0)])], CONFIG)
    assert len(driven) == 3


def test_lanes_between_solid_lines_with_parking_beside_them_stay_lanes() -> None:
    """A solid centre line and solid edge lines: what lies beyond an edge line is no lane that would make a median."""
    section = road(kerb(5.8), line(3.3, "solid"), line(0.0, "solid"), line(-3.3, "solid"), kerb(-5.8), length_m=90.0)
    assert offsets_and_senses(lane_graph(section, [], CONFIG)) == [(1.65, -1), (-1.65, 1)]


@pytest.mark.parametrize("width_m", [2.6, 4.8])
def test_parking_is_told_beside_one_lane_and_a_median(width_m: float) -> None:
    south = road(kerb(-1.0), line(-4.5, "solid"), kerb(-4.5 - width_m), length_m=90.0)
    north = road(kerb(4.5), kerb(1.0), length_m=90.0)
    lanes = lane_graph(renamed(south, "s") + renamed(north, "n"), [], CONFIG)
    assert offsets_and_senses(lanes) == [(2.75, -1), (-2.75, 1)]


def pocket() -> list[MapElement]:
    """An eastbound lane; from 60 m on, beyond the nose of an island, another to its left."""
    area = placed(shapely.box(0.0, -3.5, 100.0, 0.0).union(shapely.box(60.0, -3.5, 100.0, 3.2)), (150.0, 150.0))
    return [
        drawn(ElementClass.ROAD_BOUNDARY, [(0.0, -3.5), (100.0, -3.5)], boundary_type="curb"),
        drawn(ElementClass.ROAD_BOUNDARY, [(0.0, 0.0), (60.0, 0.0), (60.0, 3.2), (100.0, 3.2)], boundary_type="curb"),
        drawn(ElementClass.LANE_DIVIDER, [(60.3, 0.0), (100.0, 0.0)], marking_type="dashed", colour="white"),
        MapElement("area", ElementClass.DRIVABLE_AREA, area, {}),
    ]


def test_a_pocket_is_entered_from_the_lane_beside_it() -> None:
    paths = [path([(0.0, -1.75), (100.0, -1.75)]), path([(75.0, 1.6), (100.0, 1.6)])]
    lanes = lane_graph(pocket(), paths, CONFIG)
    before = next(lane for lane in lanes if lane.centre[0, 0] - AT[0] < 5.0)
    after = [lanes[k] for k in before.successors]
    assert len(after) == 2
    straight_on = next(lane for lane in after if not lane.turn)
    led = next(lane for lane in after if lane.turn)
    assert straight_on.centre[-1, :2] == pytest.approx(AT + (100.0, -1.75), abs=0.6)
    (target,) = led.successors
    assert lanes[target].centre[-1, :2] == pytest.approx(AT + (100.0, 1.6), abs=0.6)
    assert lanes[target].centre[0, 0] > before.centre[-1, 0] + 5.0, "room for the way into it"


def test_a_lane_whose_line_was_not_found_for_a_while_is_no_pocket() -> None:
    """No border lies behind its beginning: the lane beside is not cut."""
    section = road(kerb(5.25), line(1.75), kerb(-1.75), length_m=100.0)
    (divider,) = [e for e in section if e.element_class is ElementClass.LANE_DIVIDER]
    west, east = shapely.LineString([(0, 1.75), (30, 1.75)]), shapely.LineString([(60, 1.75), (100, 1.75)])
    parts = [MapElement(f"d{k}", divider.element_class, placed(part, (150.0, 150.0)), dict(divider.attributes))
             for k, part in enumerate((west, east))]  # fmt: skip
    kept = [e for e in section if e is not divider]
    paths = [path([(0.0, y), (100.0, y)]) for y in (0.0, 3.5)]
    lanes = lane_graph(kept + parts, paths, CONFIG)
    assert not any(len(lane.successors) > 1 for lane in lanes)


def head_of_a_t(left_m: float) -> list[MapElement]:
    """Two lanes from the south end at a road across; to the right it leads on with lanes, to the left for `left_m`."""
    united = shapely.union_all([shapely.box(-7.0, -60.0, 7.0, 0.0), shapely.box(-left_m, -4.0, 60.0, 4.0)])
    area = united.buffer(CORNER_M, quad_segs=24).buffer(-CORNER_M, quad_segs=24).union(united)
    ends = [[(-7.0, -60.0), (7.0, -60.0)], [(60.0, -4.0), (60.0, 4.0)]]
    if left_m > 10.0:
        ends.append([(-left_m, -4.0), (-left_m, 4.0)])
    opened = shapely.union_all([shapely.LineString(end).buffer(0.05) for end in ends])
    kerbs = shapely.get_parts(shapely.line_merge(area.exterior.difference(opened)))
    paint = [(0.0, "double_solid"), (3.5, "dashed")]
    return [
        *(MapElement(f"k{k}", ElementClass.ROAD_BOUNDARY, placed(part, (150.0, 150.0)), {}) for k, part in
          enumerate(kerbs)),
        *(drawn(ElementClass.LANE_DIVIDER, [(x, -60.0), (x, -12.0)], marking_type=kind, colour="yellow" if x == 0.0
                else "white") for x, kind in paint),
        drawn(ElementClass.LANE_DIVIDER, [(18.0, 0.0), (60.0, 0.0)], marking_type="double_solid", colour="yellow"),
        MapElement("area", ElementClass.DRIVABLE_AREA, placed(area, (150.0, 150.0)), {}),
    ]  # fmt: skip


def northbound(lanes: list[Lane]) -> list[Lane]:
    """Those of the road from the south, left to right."""
    found = [k for k in lanes if not k.turn and k.heading(True)[1] > 0.9 and k.centre[0, 0] > AT[0]]
    return sorted(found, key=lambda lane: lane.centre[0, 0])


def test_a_lane_that_can_only_lead_to_a_road_not_seen_leads_nowhere() -> None:
    """Left of the T there is road, but its lanes were not found: the left lane leads there, not to the right."""
    left, right = northbound(lane_graph(head_of_a_t(left_m=17.0), [], CONFIG))
    assert not left.successors
    assert len(right.successors) == 1


def test_where_the_only_way_on_is_a_turn_every_lane_makes_it() -> None:
    lanes = lane_graph(head_of_a_t(left_m=7.0), [], CONFIG)
    left, right = northbound(lanes)
    assert [lanes[k].turn for k in (*left.successors, *right.successors)] == ["right", "right"]


def test_where_a_road_forks_one_branch_is_straight_on() -> None:
    """Both turn by less than what counts as a turn."""
    branch = np.array([np.cos(np.radians(32.0)), np.sin(np.radians(32.0))])
    stem = shapely.box(0.0, -3.5, 40.0, 3.5)
    ahead = shapely.box(40.0, -3.5, 110.0, 3.5)
    axis = shapely.LineString([(36.0, 0.0), tuple(np.array([36.0, 0.0]) + 74.0 * branch)])
    area = shapely.union_all([stem, ahead, axis.buffer(3.5, cap_style="flat")])
    ends = shapely.union_all([shapely.Point(x).buffer(3.6) for x in ((0.0, 0.0), (110.0, 0.0), axis.coords[-1])])
    kerbs = shapely.get_parts(shapely.line_merge(area.exterior.difference(ends)))
    paint = {"marking_type": "double_solid", "colour": "yellow"}
    lines = [[(0.0, 0.0), (32.0, 0.0)], [(64.0, 0.0), (110.0, 0.0)]]
    lines.append([tuple(np.array([36.0, 0.0]) + d * branch) for d in (30.0, 74.0)])
    elements = [
        *(MapElement(f"k{k}", ElementClass.ROAD_BOUNDARY, placed(part, (150.0, 150.0)), {}) for k, part in
          enumerate(kerbs)),
        *(drawn(ElementClass.LANE_DIVIDER, points, **paint) for points in lines),
        MapElement("area", ElementClass.DRIVABLE_AREA, placed(area, (150.0, 150.0)), {}),
    ]  # fmt: skip
    lanes = lane_graph(elements, [], CONFIG)
    eastbound = [lane for lane in lanes if not lane.turn and lane.heading(True)[0] > 0.9]
    first = min(eastbound, key=lambda lane: lane.centre[0, 0])
    assert sorted(lanes[k].turn for k in first.successors) == ["left", "straight"]
