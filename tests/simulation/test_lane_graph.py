from itertools import pairwise

import numpy as np
import pytest
import shapely

from mapforge.geometry import polylines
from mapforge.simulation.junctions import Control, Junction, asphalt_of, build_junctions
from mapforge.simulation.lane_graph import build_lanes
from mapforge.simulation.lanes import Lane, lanes_of_arm
from mapforge.simulation.road_network import RoadNetwork, draw_network

Plan = tuple[RoadNetwork, tuple[Junction, ...], shapely.Polygon, list[Lane], dict]


@pytest.fixture(scope="module", params=[1, 4, 9])
def plan(request: pytest.FixtureRequest) -> Plan:
    rng = np.random.default_rng(request.param)
    network = draw_network(rng, 2, 2, 90.0, 0.5, np.array([500.0, 500.0]))
    junctions = build_junctions(network, rng)
    asphalt = asphalt_of(network, junctions)
    return network, junctions, asphalt, *build_lanes(network, junctions, asphalt, rng)


def test_corners_of_junctions_are_rounded_and_outside_the_mouths(plan: Plan) -> None:
    _, junctions, asphalt, _, _ = plan
    for junction in junctions:
        for arm in junction.arms:
            assert arm.street.profile.half_width_m * 0.5 < arm.mouth_m < 30.0
            station = arm.station(arm.mouth_m + 0.2)
            half = arm.street.profile.half_width_m
            across = shapely.LineString(arm.street.curve.points(np.full(2, station), np.array([-half - 3, half + 3])))
            assert across.intersection(asphalt).length == pytest.approx(2 * half, abs=0.03)


def test_exactly_the_waiting_arms_have_control(plan: Plan) -> None:
    for junction in plan[1]:
        waiting = [junction.waits(arm) for arm in junction.arms]
        assert all(waiting) or junction.control in (Control.STOP, Control.YIELD)
        assert any(waiting) and any(arm.major for arm in junction.arms)


def test_lanes_are_ordered_as_traffic_sees_them(plan: Plan) -> None:
    _, junctions, _, lanes, _ = plan
    for junction in junctions:
        for arm in junction.arms:
            for inbound in (True, False):
                order = lanes_of_arm(lanes, arm, inbound)
                for left, right in pairwise(order):
                    assert lanes[left].right == right and lanes[right].left == left
                    _, side = polylines.project(lanes[right].centreline[5:6], lanes[left].centreline)
                    assert side[0] < 0


def test_connectors_turn_the_way_they_say(plan: Plan) -> None:
    _, _, _, lanes, turns = plan
    for lane in lanes:
        if lane.turn:
            tangent = polylines.tangents(lane.centreline)
            change = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))[[0, -1]]
            angle = change[1] - change[0]
            assert {"left": angle > 0.5, "right": angle < -0.5, "straight": abs(angle) < 0.8}[lane.turn]
    assert all(names for names in turns.values())


def test_every_lane_into_a_junction_leads_on(plan: Plan) -> None:
    _, junctions, _, lanes, _ = plan
    for junction in junctions:
        for arm in junction.arms:
            assert all(lanes[n].successors for n in lanes_of_arm(lanes, arm, inbound=True))
