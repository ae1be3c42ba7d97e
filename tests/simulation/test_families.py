from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from mcap.reader import make_reader
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapforge.schemas.detections import SIGN_TYPES
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.simulation.config import FleetKind, SimulationConfig
from mapforge.simulation.families import Family
from mapforge.simulation.family_profiles import rural_profile
from mapforge.simulation.fleet import car_sensors
from mapforge.simulation.record import record_drive
from mapforge.simulation.world import FeatureKind, World
from mapforge.simulation.worlds import make_plans, make_world

FAMILIES = [family for family in Family if family is not Family.TOWN]
SEEDS = {family: 40 + 3 * n for n, family in enumerate(FAMILIES)}


def of_class(world: World, element_class: ElementClass) -> list[MapElement]:
    return [e for e in world.truth if e.element_class == element_class]


def flat(element: MapElement) -> shapely.Geometry:
    return shapely.force_2d(element.geometry)


@pytest.fixture(scope="module")
def make() -> Callable[[Family], World]:
    made: dict[Family, World] = {}

    def world(family: Family) -> World:
        if family not in made:
            made[family] = make_world(SimulationConfig(world=family.value, seed=SEEDS[family]))
        return made[family]

    return world


@pytest.fixture(params=FAMILIES)
def world(request: pytest.FixtureRequest, make: Callable[[Family], World]) -> World:
    return make(request.param)


def test_every_family_has_a_sound_map(world: World) -> None:
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    assert area.is_valid and isinstance(area, shapely.Polygon)
    inside = area.buffer(-0.02)
    for divider in of_class(world, ElementClass.LANE_DIVIDER):
        line = flat(divider)
        assert line.is_simple and line.length > 0.5 and inside.contains(line), divider.element_id
    for kind in (ElementClass.PED_CROSSING, ElementClass.STOP_LINE, ElementClass.ROAD_MARKING):
        for element in of_class(world, kind):
            assert element.geometry.is_valid and area.contains(flat(element)), element.element_id
    for boundary in of_class(world, ElementClass.ROAD_BOUNDARY):
        assert flat(boundary).is_simple and area.boundary.buffer(0.01).contains(flat(boundary))
    ids = [e.element_id for e in world.truth]
    assert len(set(ids)) == len(ids)
    assert sum(len(mesh.triangles) for mesh in world.meshes) < 300_000


def test_paint_lies_on_the_asphalt(world: World) -> None:
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    shapely.prepare(area)
    marks = np.array([mark.area for mark in world.paint], dtype=object)
    assert shapely.is_valid(marks).all()
    assert area.buffer(0.02).contains(shapely.union_all(marks))


def test_lanes_lead_on_and_keep_off_the_edge(world: World) -> None:
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    clear = area.buffer(-0.9)
    elements = of_class(world, ElementClass.LANE)
    by_id = {e.element_id: e for e in elements}
    assert len(elements) == len(world.lanes)
    for lane, element in zip(world.lanes, elements):
        assert clear.contains(flat(element)), element.element_id
        for successor in lane.successors:
            assert np.allclose(world.lanes[successor].centreline[0], lane.centreline[-1], atol=0.02)
        for successor_id in element.attributes["successor_ids"]:
            assert element.element_id in by_id[successor_id].attributes["predecessor_ids"]
        right = element.attributes.get("right_neighbour_id")
        assert right is None or by_id[right].attributes["left_neighbour_id"] == element.element_id


def test_lanes_do_not_turn_on_the_spot(world: World) -> None:
    for lane in world.lanes:
        step = np.diff(lane.centreline[:, :2], axis=0)
        heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
        assert np.abs(np.diff(heading)).max(initial=0.0) < 0.6
        for successor in lane.successors:
            ahead = np.diff(world.lanes[successor].centreline[:2, :2], axis=0)[0]
            assert abs((np.arctan2(*ahead[::-1]) - heading[-1] + np.pi) % (2 * np.pi) - np.pi) < 0.4


def test_nearly_all_lanes_hang_together(world: World) -> None:
    elements = of_class(world, ElementClass.LANE)
    number = {e.element_id: n for n, e in enumerate(elements)}
    pairs = [(number[e.element_id], number[s]) for e in elements for s in e.attributes["successor_ids"]]
    for side in ("left_neighbour_id", "right_neighbour_id"):
        pairs += [(number[e.element_id], number[e.attributes[side]]) for e in elements if side in e.attributes]
    rows, columns = np.array(pairs).T
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(elements),) * 2)
    labels = connected_components(graph, directed=True, connection="strong")[1]
    length = np.array([flat(e).length for e in elements])
    parts = np.sort(np.bincount(labels, weights=length))
    # a motorway's carriageways do not meet; roads may lead out of the world
    assert parts[-2:].sum() > 0.7 * length.sum()


def test_signs_and_lights_match_their_plates(world: World) -> None:
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    signs = of_class(world, ElementClass.TRAFFIC_SIGN)
    assert len({e.attributes["sign_type"] for e in signs}) >= 5
    assert all(e.attributes["sign_type"] in SIGN_TYPES and not area.contains(flat(e)) for e in signs)
    centres = {tuple(np.round(p.centre_m, 6)) for p in world.plates}
    points = signs + of_class(world, ElementClass.TRAFFIC_LIGHT)
    assert centres == {tuple(np.round(e.xyz_map[0], 6)) for e in points}


@pytest.mark.parametrize("family", FAMILIES)
def test_five_drives_find_their_ways(family: Family, make: Callable[[Family], World]) -> None:
    world = make(family)
    plans = make_plans(world, SimulationConfig(world=family.value, seed=SEEDS[family], duration_s=20.0))
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    for plan in plans:
        assert shapely.contains_xy(area, *plan.translation_m[::20, :2].T).all()
        assert np.linalg.norm(plan.translation_m[-1] - plan.translation_m[0]) > 20.0
    assert len({plan.translation_m[0].tobytes() for plan in plans}) == 5


def test_families_of_one_seed_differ_and_repeat() -> None:
    first, again = (make_world(SimulationConfig(world="tram", seed=9)) for _ in range(2))
    assert [e.geometry.wkb for e in first.truth] == [e.geometry.wkb for e in again.truth]
    assert all((a.vertices == b.vertices).all() for a, b in zip(first.meshes, again.meshes))
    other = make_world(SimulationConfig(world="parking", seed=9))
    assert first.name == "tram-9" and other.name == "parking-9"
    assert {e.geometry.wkb for e in first.truth}.isdisjoint(e.geometry.wkb for e in other.truth)


def test_a_motorway_is_fast_and_has_no_curbs(make: Callable[[Family], World]) -> None:
    world = make(Family.MOTORWAY)
    assert max(lane.speed_limit_mps for lane in world.lanes) > 20.0
    assert {e.attributes["boundary_type"] for e in of_class(world, ElementClass.ROAD_BOUNDARY)} == {"edge"}
    forks = [lane for lane in world.lanes if len(lane.successors) == 2]
    joins = np.bincount([s for lane in world.lanes for s in lane.successors])
    assert forks and len(forks) == (joins == 2).sum()
    assert not of_class(world, ElementClass.PED_CROSSING) and not of_class(world, ElementClass.STOP_LINE)


def test_roundabouts_go_round_islands_counter_clockwise(make: Callable[[Family], World]) -> None:
    world = make(Family.ROUNDABOUT)
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    # the middles are the round holes
    rings = [shapely.Polygon(hole) for hole in area.interiors]
    rounds = [r for r in rings if 80.0 < r.area < 600.0 and 4 * np.pi * r.area / r.length**2 > 0.97]
    assert rounds
    for island in rounds:
        near = [lane for lane in world.lanes if _goes_round(lane.centreline[:, :2], island)]
        assert len(near) >= 3
    assert any(e.attributes["sign_type"] == "yield" for e in of_class(world, ElementClass.TRAFFIC_SIGN))


def _goes_round(xy: np.ndarray, island: shapely.Polygon) -> bool:
    centre = np.array(island.centroid.coords[0])
    radius = np.linalg.norm(xy - centre, axis=1)
    bearing = np.unwrap(np.arctan2(*(xy - centre).T[::-1]))
    return bool(np.ptp(radius) < 0.05 and radius.mean() < 25.0 and (np.diff(bearing) > 0).all())


def test_rural_roads_end_in_the_grass(make: Callable[[Family], World]) -> None:
    world = make(Family.RURAL)
    assert {e.attributes["boundary_type"] for e in of_class(world, ElementClass.ROAD_BOUNDARY)} == {"edge"}
    assert max(lane.width_m for lane in world.lanes) <= 3.0
    drawn = [rural_profile(np.random.default_rng(seed), minor=bool(seed % 2)) for seed in range(60)]
    assert 5 <= sum(not profile.lines for profile in drawn) <= 40
    assert any({line.role for line in profile.lines} == {"edge"} for profile in drawn)


def test_urban_streets_have_bus_lanes_double_lines_and_pockets() -> None:
    kinds, markings, pockets = set(), set(), 0
    for seed in (52, 53):
        world = make_world(SimulationConfig(world="urban", seed=seed))
        kinds |= {e.attributes["lane_type"] for e in of_class(world, ElementClass.LANE)}
        markings |= {e.attributes["marking_type"] for e in of_class(world, ElementClass.LANE_DIVIDER)}
        lanes = of_class(world, ElementClass.LANE)
        pockets += sum(len(e.attributes["successor_ids"]) == 2 and "turn" not in e.attributes for e in lanes)
        arrows = {e.attributes["turn"] for e in of_class(world, ElementClass.ROAD_MARKING)}
        assert "left" in arrows
    assert kinds == {"vehicle", "bus"} and "double_solid" in markings and pockets > 0


def test_works_put_yellow_lines_beside_remnants_of_white_ones(make: Callable[[Family], World]) -> None:
    world = make(Family.CONSTRUCTION)
    dividers = of_class(world, ElementClass.LANE_DIVIDER)
    yellow = shapely.union_all([flat(e).buffer(0.5) for e in dividers if e.attributes["colour"] == "yellow"])
    in_force = shapely.union_all([flat(e).buffer(0.6) for e in dividers])
    arrows = shapely.union_all([flat(e) for e in of_class(world, ElementClass.ROAD_MARKING)])
    assert yellow.area > 60.0
    remnants = [
        mark
        for mark in world.paint
        if mark.colour == "white" and not in_force.intersects(mark.area) and not arrows.intersects(mark.area)
    ]
    assert sum(mark.area.distance(yellow) < 3.0 for mark in remnants) >= 10
    assert {feature.kind for feature in world.features} == {FeatureKind.GHOST}
    assert any(plate.state == "works" for plate in world.plates)


def test_tram_rails_run_on_through_junctions(make: Callable[[Family], World]) -> None:
    world = make(Family.TRAM)
    rails = shapely.union_all([f.area for f in world.features if f.kind is FeatureKind.RAIL])
    assert rails.area > 0.07 * 800.0
    longest = max(shapely.get_parts(rails.buffer(0.05)), key=lambda part: part.area)
    assert longest.length > 150.0
    (area,) = (flat(e) for e in of_class(world, ElementClass.DRIVABLE_AREA))
    assert area.contains(rails) and len(area.interiors) > 5


def test_parking_streets_are_full_of_cars(make: Callable[[Family], World]) -> None:
    def vehicles(world: World) -> int:
        return int(sum((mesh.materials == 8).sum() for mesh in world.meshes))

    town = make_world(SimulationConfig(seed=SEEDS[Family.PARKING]))
    assert vehicles(make(Family.PARKING)) > 3 * vehicles(town)


def test_the_sign_types_placed_over_all_families(make: Callable[[Family], World]) -> None:
    placed = {e.attributes["sign_type"] for f in FAMILIES for e in of_class(make(f), ElementClass.TRAFFIC_SIGN)}
    assert len(placed - {"unknown"}) >= 12


def test_pieces_of_a_lane_follow_one_another(make: Callable[[Family], World]) -> None:
    world = make(Family.MOTORWAY)
    for lane in world.lanes:
        for a, b in pairwise(lane.centreline[:, :2]):
            assert np.linalg.norm(b - a) < 2.6


@pytest.mark.parametrize("family", FAMILIES)
def test_a_short_drive_of_every_family_records(family: Family, make: Callable[[Family], World], tmp_path: Path) -> None:
    config = SimulationConfig(world=family.value, seed=SEEDS[family], drives=1, duration_s=2.0)
    config.fleet.kind, config.fleet.beams = FleetKind.varied, [8]
    config.sensors.lidar.columns, config.sensors.lidar.sweeps = 128, 4
    config.sensors.camera.enabled = config.sensors.radar.enabled = False
    (plan,) = make_plans(make(family), config)
    record_drive(make(family), plan, car_sensors(config, plan.seed), tmp_path / "drive.mcap", tmp_path / "tmp")
    with (tmp_path / "drive.mcap").open("rb") as stream:
        topics = [channel.topic for _, channel, _ in make_reader(stream).iter_messages()]
    assert topics.count("/lidar_top") == 4 and topics.count("/imu") > 100


def test_where_a_line_between_lanes_changes_its_paint_it_is_not_interrupted(make: Callable[[Family], World]) -> None:
    """Dashes of one direction's lanes that turn solid before a stop line: the two true lines meet."""
    dividers = of_class(make(Family.URBAN), ElementClass.LANE_DIVIDER)
    ends: dict[str, list[np.ndarray]] = {"dashed": [], "solid": []}
    for divider in dividers:
        if divider.attributes["colour"] == "white" and divider.attributes["marking_type"] in ends:
            ends[divider.attributes["marking_type"]] += list(divider.xyz_map[[0, -1], :2])
    apart = np.linalg.norm(np.array(ends["dashed"])[:, None] - np.array(ends["solid"])[None], axis=2).min(axis=1)
    assert (apart < 0.01).sum() >= 5
    assert not ((apart > 0.01) & (apart < 2.5)).any()  # lanes are wider
