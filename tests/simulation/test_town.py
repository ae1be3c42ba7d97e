import pickle

import numpy as np
import pytest
import shapely

from mapforge.schemas.detections import SIGN_TYPES
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.simulation.config import TownConfig
from mapforge.simulation.layout import place_of
from mapforge.simulation.town import make_town
from mapforge.simulation.world import World

SIZES = ((2, 1), (2, 2), (1, 2))


def of_class(world: World, element_class: ElementClass) -> list[MapElement]:
    return [e for e in world.truth if e.element_class == element_class]


def flat(element: MapElement) -> shapely.Geometry:
    return shapely.force_2d(element.geometry)


@pytest.fixture(scope="module", params=range(20))
def town(request: pytest.FixtureRequest) -> World:
    east, north = SIZES[request.param % len(SIZES)]
    return make_town(request.param, TownConfig(blocks_east=east, blocks_north=north, curviness=request.param % 3 / 2))


def test_every_seed_gives_a_sound_map(town: World) -> None:
    (area,) = (flat(e) for e in of_class(town, ElementClass.DRIVABLE_AREA))
    assert area.is_valid
    inside = area.buffer(-0.05)
    for divider in of_class(town, ElementClass.LANE_DIVIDER):
        line = flat(divider)
        assert line.is_simple and line.length > 0.5 and inside.contains(line), divider.element_id
    for kind in (ElementClass.PED_CROSSING, ElementClass.STOP_LINE, ElementClass.ROAD_MARKING):
        for element in of_class(town, kind):
            assert element.geometry.is_valid and area.contains(flat(element)), element.element_id
    for boundary in of_class(town, ElementClass.ROAD_BOUNDARY):
        assert flat(boundary).is_simple and area.boundary.buffer(0.01).contains(flat(boundary))
    for mark in town.paint:
        assert mark.area.is_valid and 0.0 <= mark.wear <= 0.9
    ids = [e.element_id for e in town.truth]
    assert len(set(ids)) == len(ids)
    assert sum(len(mesh.triangles) for mesh in town.meshes) < 300_000


def test_lanes_lead_on_and_keep_off_the_curb(town: World) -> None:
    (area,) = (flat(e) for e in of_class(town, ElementClass.DRIVABLE_AREA))
    clear = area.buffer(-0.9)
    elements = of_class(town, ElementClass.LANE)
    by_id = {e.element_id: e for e in elements}
    for lane, element in zip(town.lanes, elements):
        assert clear.contains(flat(element)), element.element_id
        for successor in lane.successors:
            assert np.allclose(town.lanes[successor].centreline[0], lane.centreline[-1], atol=0.02)
        for successor_id in element.attributes["successor_ids"]:
            assert element.element_id in by_id[successor_id].attributes["predecessor_ids"]
        right = element.attributes.get("right_neighbour_id")
        assert right is None or by_id[right].attributes["left_neighbour_id"] == element.element_id


def test_signs_stand_beside_the_road_and_match_their_plates(town: World) -> None:
    (area,) = (flat(e) for e in of_class(town, ElementClass.DRIVABLE_AREA))
    signs = of_class(town, ElementClass.TRAFFIC_SIGN)
    assert len({e.attributes["sign_type"] for e in signs}) >= 4
    for sign in signs:
        assert sign.attributes["sign_type"] in SIGN_TYPES and not area.contains(flat(sign))
        assert 1.8 < sign.attributes["height_m"] < 3.0
    centres = {tuple(np.round(p.centre_m, 6)) for p in town.plates}
    points = of_class(town, ElementClass.TRAFFIC_SIGN) + of_class(town, ElementClass.TRAFFIC_LIGHT)
    assert centres == {tuple(np.round(e.xyz_map[0], 6)) for e in points}


def test_truth_lies_on_the_ground(town: World) -> None:
    for element in town.truth:
        if element.element_class not in (ElementClass.TRAFFIC_SIGN, ElementClass.TRAFFIC_LIGHT):
            xyz = element.xyz_map
            assert np.allclose(xyz[:, 2], town.ground.at(xyz[:, :2]), atol=1e-6)


def test_the_same_seed_gives_the_same_town_and_another_seed_another() -> None:
    first, again, other = (make_town(seed, TownConfig(blocks_north=1)) for seed in (5, 5, 6))
    assert pickle.dumps(first) == pickle.dumps(again)
    assert (
        first.frame.to_projected(first.lanes[0].centreline)[0, 0]
        != other.frame.to_projected(other.lanes[0].centreline)[0, 0]
    )


def test_the_ground_has_no_holes() -> None:
    o3d = pytest.importorskip("open3d")
    town = make_town(2, TownConfig(blocks_north=1))
    mesh = town.meshes[0]
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(o3d.core.Tensor(mesh.vertices), o3d.core.Tensor(mesh.triangles.astype(np.uint32)))
    xmin, ymin, xmax, ymax = town.ground.grid.bounds_m
    xy = np.random.default_rng(0).uniform([xmin + 2, ymin + 2], [xmax - 2, ymax - 2], (200_000, 2))
    rays = np.column_stack([xy, np.full(len(xy), 500.0), np.tile([0.0, 0.0, -1.0], (len(xy), 1))])
    assert np.isfinite(scene.cast_rays(o3d.core.Tensor(rays.astype(np.float32)))["t_hit"].numpy()).all()


def test_towns_of_different_seeds_do_not_overlap() -> None:
    places = np.array([place_of(seed) for seed in range(3000)])
    assert len(np.unique(np.round(places, 6), axis=0)) == 3000
    assert np.diff(np.unique(places[:, 0])).min() > 0.019 and np.diff(np.unique(places[:, 1])).min() > 0.012
