import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.errors import ConfigurationError, MissingInputError
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.config import TownConfig
from mapforge.simulation.real_map import make_real_world, map_file_of
from mapforge.simulation.world import World

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def points(*xyz: tuple[float, float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "z": z} for x, y, z in xyz]


def av2_lane(number: int, x0: float, x1: float, y: float, successors: list[int]) -> dict:
    return {
        "id": number,
        "is_intersection": False,
        "lane_type": "VEHICLE",
        "left_lane_boundary": points((x0, y + 1.75, 60.0 + x0 / 100), (x1, y + 1.75, 60.0 + x1 / 100)),
        "right_lane_boundary": points((x0, y - 1.75, 60.0 + x0 / 100), (x1, y - 1.75, 60.0 + x1 / 100)),
        "left_lane_mark_type": "DOUBLE_SOLID_YELLOW",
        "right_lane_mark_type": "DASHED_WHITE",
        "successors": successors,
        "predecessors": [],
        "left_neighbor_id": None,
        "right_neighbor_id": None,
    }


@pytest.fixture(scope="module")
def av2_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("log") / "map"
    folder.mkdir()
    area = points((0, -6, 60), (160, -6, 61.6), (160, 6, 61.6), (0, 6, 60))
    raw = {
        "drivable_areas": {"1": {"id": 1, "area_boundary": area}},
        "lane_segments": {"7": av2_lane(7, 2, 80, -2, [8]), "8": av2_lane(8, 80, 158, -2, [])},
        "pedestrian_crossings": {
            "3": {
                "id": 3,
                "edge1": points((60, -7, 60.6), (60, 7, 60.6)),
                "edge2": points((64, -7, 60.6), (64, 7, 60.6)),
            }
        },
    }
    (folder / "log_map_archive_tiny____PIT_city_1.json").write_text(json.dumps(raw))
    return make_real_world(folder.parent, 1, TownConfig())


def test_an_av2_map_keeps_its_place_and_its_lines(av2_world: World) -> None:
    assert av2_world.frame.epsg == 32617
    dividers = [e for e in av2_world.truth if e.element_class == ElementClass.LANE_DIVIDER]
    assert {e.attributes["marking_type"] for e in dividers} == {"double_solid", "dashed"}
    assert {e.attributes["colour"] for e in dividers} == {"yellow", "white"}
    assert len([e for e in av2_world.truth if e.element_class == ElementClass.PED_CROSSING]) == 1
    # each of the two lines runs through both lanes and stops at the crossing
    assert len(dividers) == 4


def test_an_av2_map_keeps_its_heights_and_lane_order(av2_world: World) -> None:
    first, second = av2_world.lanes
    assert first.successors == (1,) and second.successors == ()
    assert np.ptp(np.vstack([first.centreline, second.centreline])[:, 2]) == pytest.approx(1.5, abs=0.3)


def test_a_scene_without_georeference_is_put_where_it_is_told(tmp_path: Path) -> None:
    def feature(kind: str, role: str, geometry: str, xy: list, **properties: str) -> dict:
        coordinates = [xy] if geometry == "Polygon" else xy
        return {
            "type": "Feature",
            "properties": {"class": kind, "geometry_role": role, **properties},
            "geometry": {"type": geometry, "coordinates": coordinates},
        }

    features = []
    for n in range(3):
        x0, x1 = 1000 + 40 * n, 1040 + 40 * n
        box = [[x0, 500], [x1, 500], [x1, 503.5], [x0, 503.5], [x0, 500]]
        features.append(feature("lane", "surface", "Polygon", box))
        features.append(feature("lane", "centerline", "LineString", [[x0, 501.75], [x1, 501.75]]))
    marking = {"marking_type": "broken", "marking_colour": "white"}
    features.append(feature("lane_marking", "line", "LineString", [[1000, 503.0], [1120, 503.0]], **marking))
    path = tmp_path / "map.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    world = make_real_world(path, 2, TownConfig(), (103.8, 1.3))
    assert world.frame.epsg == 32648 and "arbitrary" in world.metadata["placement"]
    assert [lane.successors for lane in world.lanes] == [(1,), (2,), ()]
    (divider,) = (e for e in world.truth if e.element_class == ElementClass.LANE_DIVIDER)
    assert divider.attributes["marking_type"] == "dashed"


def test_what_is_no_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no map"):
        map_file_of(tmp_path / "nowhere")
    broken = tmp_path / "log_map_archive_x____PIT_city_1.json"
    broken.write_text("{}")
    with pytest.raises(ConfigurationError, match="AV2"):
        make_real_world(broken, 1, TownConfig())
    nameless = tmp_path / "map.json"
    nameless.write_text("{}")
    with pytest.raises(ConfigurationError, match="city"):
        make_real_world(nameless, 1, TownConfig())


@pytest.mark.parametrize("log", ["av2/adcf7d18-0510-35b0-a2fa-b4cea13a6d76", "nuscenes_scenes/scene-0757"])
def test_real_maps_give_sound_worlds(log: str) -> None:
    if not (DATA / log).exists():
        pytest.skip("the real maps are not here")
    world = make_real_world(DATA / log, 3, TownConfig())
    (area,) = (shapely.force_2d(e.geometry) for e in world.truth if e.element_class == ElementClass.DRIVABLE_AREA)
    assert area.is_valid and len(world.lanes) > 100
    for element in world.truth:
        if element.element_class in (ElementClass.LANE_DIVIDER, ElementClass.PED_CROSSING):
            assert element.geometry.is_valid and area.buffer(0.02).contains(shapely.force_2d(element.geometry))
    assert sum(len(mesh.triangles) for mesh in world.meshes) < 300_000
