"""References in every format, from tiny files; and the real maps where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.errors import ConfigurationError, CrsMismatchError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.io.elements import write_elements
from mapforge.schemas.elements import COLOURS, MARKING_TYPES, ElementClass, MapElement
from mapforge.validation.av2_map import marking_of
from mapforge.validation.reference import read_reference

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
PIT = MapFrame.at(-80.0, 40.44)


def by_class(elements: list[MapElement], element_class: ElementClass) -> list[MapElement]:
    return [e for e in elements if e.element_class is element_class]


def xyz(*points: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "z": 5.0} for x, y in points]


def lane(number: int, left: list, right: list, marks: tuple[str, str], **more: object) -> dict[str, object]:
    return {
        "id": number,
        "lane_type": "VEHICLE",
        "left_lane_boundary": left,
        "right_lane_boundary": right,
        "left_lane_mark_type": marks[0],
        "right_lane_mark_type": marks[1],
        "successors": [],
        "predecessors": [],
        "left_neighbor_id": None,
        "right_neighbor_id": None,
        **more,
    }


def av2_map() -> dict[str, object]:
    """Two lanes side by side that share a dashed line, then one that goes on; two areas that touch; a crossing."""
    middle = xyz((0, 3.5), (50, 3.5))
    lanes = [
        lane(1, middle, xyz((0, 0), (50, 0)), ("DASHED_WHITE", "NONE"), successors=[3], left_neighbor_id=2),
        lane(2, xyz((0, 7), (50, 7)), middle, ("DOUBLE_SOLID_YELLOW", "DASHED_WHITE"), right_neighbor_id=1),
        lane(3, xyz((50, 3.5), (90, 3.6)), xyz((50, 0), (90, 0)), ("DASHED_WHITE", "UNKNOWN"), predecessors=[1]),
    ]
    areas = [xyz((0, 0), (50, 0), (50, 7), (0, 7)), xyz((50, 0), (90, 0), (90, 7), (50, 7))]
    return {
        "lane_segments": {str(item["id"]): item for item in lanes},
        "drivable_areas": {str(i): {"id": i, "area_boundary": area} for i, area in enumerate(areas)},
        "pedestrian_crossings": {"7": {"id": 7, "edge1": xyz((20, 0), (20, 7)), "edge2": xyz((23, 0), (23, 7))}},
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "a log, with = and ~" / "map"
    folder.mkdir(parents=True)
    (folder / "log_map_archive_abc____PIT_city_1.json").write_text(json.dumps(av2_map()))
    return folder.parent


def test_av2_paint_is_there_once_and_joined(log: Path) -> None:
    dividers = by_class(read_reference(log, PIT), ElementClass.LANE_DIVIDER)
    kinds = {(e.attributes["marking_type"], e.attributes["colour"]): e.geometry.length for e in dividers}
    assert kinds == {
        ("dashed", "white"): pytest.approx(90.0, abs=0.01),
        ("double_solid", "yellow"): pytest.approx(50.0),
    }


def test_av2_areas_that_touch_have_one_outline_and_crossings_and_lanes_come_too(log: Path) -> None:
    elements = read_reference(log / "map", PIT)
    boundaries = by_class(elements, ElementClass.ROAD_BOUNDARY)
    assert [e.geometry.length for e in boundaries] == [pytest.approx(2 * (90 + 7))]
    assert boundaries[0].xyz_map[0, 2] == pytest.approx(5.0)
    assert by_class(elements, ElementClass.PED_CROSSING)[0].geometry.area == pytest.approx(21.0)
    lanes = {e.element_id: e for e in by_class(elements, ElementClass.LANE)}
    assert lanes["av2-1"].attributes["successor_ids"] == ["av2-3"]
    assert lanes["av2-1"].attributes["left_neighbour_id"] == "av2-2"
    assert lanes["av2-1"].attributes["width_m"] == pytest.approx(3.5)


def test_av2_file_folder_and_log_give_the_same_and_the_city_may_be_given(log: Path, tmp_path: Path) -> None:
    file = next((log / "map").iterdir())
    whole = [e.geometry.wkb for e in read_reference(file, PIT)]
    assert [e.geometry.wkb for e in read_reference(log, PIT)] == whole
    unnamed = tmp_path / "log_map_archive_abc.json"
    unnamed.write_text(file.read_text())
    with pytest.raises(ConfigurationError, match=r"region\.city"):
        read_reference(unnamed, PIT)
    assert [e.geometry.wkb for e in read_reference(unnamed, PIT, "PIT")] == whole


def test_every_av2_mark_type_has_words() -> None:
    patterns = ("SOLID", "DASHED", "DOUBLE_SOLID", "DOUBLE_DASH", "SOLID_DASH", "DASH_SOLID")
    for pattern in patterns:
        for colour in ("WHITE", "YELLOW", "BLUE"):
            marking = marking_of(f"{pattern}_{colour}")
            assert marking is not None
            assert marking["marking_type"] in MARKING_TYPES
            assert marking["colour"] in COLOURS
    assert marking_of("NONE") is None


def test_a_damaged_av2_map_is_named(tmp_path: Path) -> None:
    broken = av2_map()
    del broken["lane_segments"]["1"]["left_lane_mark_type"]  # type: ignore[index]
    file = tmp_path / "log_map_archive_x____PIT_city_1.json"
    file.write_text(json.dumps(broken))
    with pytest.raises(ConfigurationError, match="left_lane_mark_type"):
        read_reference(file, PIT)


def feature(geometry: dict[str, object], **properties: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def geojson(tmp_path: Path, features: list, **members: object) -> Path:
    file = tmp_path / "map.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}))
    return file


def test_geojson_in_degrees_with_our_words(tmp_path: Path) -> None:
    line = np.array([[100.0, 200.0, 3.0], [150.0, 220.0, 4.0]])
    lon_lat = PIT.to_wgs84(line).tolist()
    geometry = {"type": "LineString", "coordinates": lon_lat}
    file = geojson(
        tmp_path,
        [
            feature(geometry, **{"class": "lane_divider"}, element_id="d", marking_type="solid", confidence=0.7),
            feature({"type": "Point", "coordinates": lon_lat[0]}, **{"class": "tree"}),
        ],
    )
    (element,) = read_reference(file, PIT)
    assert element.xyz_map == pytest.approx(line, abs=1e-4)
    assert (element.element_id, element.confidence) == ("d", 0.7)
    assert element.attributes == {"marking_type": "solid"}


def test_geojson_with_a_crs_and_without_any_in_metres(tmp_path: Path) -> None:
    line = np.array([[100.0, 200.0], [150.0, 220.0]])
    projected = PIT.to_projected(np.column_stack([line, np.zeros(2)]))[:, :2].tolist()
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{PIT.epsg}"}}
    named = [feature({"type": "LineString", "coordinates": projected}, **{"class": "road_boundary"})]
    assert read_reference(geojson(tmp_path, named, crs=crs), PIT)[0].xyz_map[:, :2] == pytest.approx(line)
    plain = [feature({"type": "LineString", "coordinates": (line + 400).tolist()}, **{"class": "road_boundary"})]
    assert read_reference(geojson(tmp_path, plain), PIT)[0].xyz_map[:, :2] == pytest.approx(line + 400)


def test_geojson_of_scenes_is_put_into_our_words(tmp_path: Path) -> None:
    square = [[[500, 500], [510, 500], [510, 510], [500, 500]]]
    line = [[500, 500], [510, 500]]
    file = geojson(
        tmp_path,
        [
            feature({"type": "Polygon", "coordinates": square}, **{"class": "lane"}, geometry_role="surface", id="a"),
            feature({"type": "LineString", "coordinates": line}, **{"class": "lane"}, geometry_role="centerline"),
            feature(
                {"type": "LineString", "coordinates": line},
                **{"class": "lane_marking"},
                marking_type="broken",
                marking_colour="yellow",
            ),
        ],
    )
    area, centre, marking = read_reference(file, PIT)
    assert (area.element_class, centre.element_class) == (ElementClass.DRIVABLE_AREA, ElementClass.LANE)
    assert marking.attributes == {"marking_type": "dashed", "colour": "yellow"}


def test_own_tiles_become_whole_elements_again(tmp_path: Path, write_tiles, make_road, frame) -> None:  # type: ignore[no-untyped-def]
    write_tiles(make_road(0.0), tmp_path / "tiles")
    whole = read_reference(tmp_path / "tiles", frame)
    elements = {e.element_id: e for e in whole}
    assert set(elements) == {"divider", "left", "right", "crossing", "stop", "sign", "seen"}
    assert elements["divider"].geometry.length == pytest.approx(190.0)
    assert len(elements["divider"].sigma_m) == len(elements["divider"].xyz_map)
    assert [e.geometry.area for e in by_class(whole, ElementClass.COVERAGE)] == pytest.approx([100 * 50] * 2)


def test_what_cannot_be_read_says_what_can(tmp_path: Path, frame: MapFrame) -> None:
    with pytest.raises(MissingInputError, match="nowhere"):
        read_reference(tmp_path / "nowhere", frame)
    for name, text in (("map.osm", "<osm/>"), ("map.json", "{}"), ("map.geojson", "not json")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigurationError, match="GeoJSON"):
            read_reference(tmp_path / name, frame)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="holds no reference"):
        read_reference(tmp_path / "empty", frame)
    with pytest.raises(ConfigurationError, match="class"):
        read_reference(geojson(tmp_path, [feature({"type": "Point", "coordinates": [0, 0]}, kind="x")]), frame)


def test_another_crs_is_refused_with_both_named(tmp_path: Path, frame: MapFrame) -> None:
    other = MapFrame(32632, (0.0, 0.0))
    element = MapElement("a", ElementClass.STOP_LINE, shapely.LineString([(0, 0, 0), (1, 0, 0)]))
    write_elements([element], other, tmp_path / "truth.parquet", tmp_path / "tmp")
    with pytest.raises(CrsMismatchError, match=r"32632.*32617"):
        read_reference(tmp_path / "truth.parquet", frame)


@pytest.mark.skipif(not (DATA / "av2").is_dir(), reason="no real AV2 maps at hand")
def test_the_real_av2_maps() -> None:
    for folder in sorted((DATA / "av2").iterdir()):
        elements = read_reference(folder, PIT)
        assert len(by_class(elements, ElementClass.PED_CROSSING)) == 11
        assert all(e.geometry.is_valid for e in elements)
        dividers = by_class(elements, ElementClass.LANE_DIVIDER)
        assert 500.0 < sum(e.geometry.length for e in dividers) < 3000.0
        lon, lat, _ = PIT.to_wgs84(dividers[0].xyz_map)[0]
        assert (lon, lat) == pytest.approx((-79.97, 40.45), abs=0.05)


@pytest.mark.skipif(not (DATA / "nuscenes_scenes").is_dir(), reason="no nuScenes scenes at hand")
def test_the_real_scene_maps() -> None:
    for file in sorted((DATA / "nuscenes_scenes").glob("*/map.geojson")):
        elements = read_reference(file, PIT)
        assert {e.element_class for e in elements} == {
            ElementClass.LANE,
            ElementClass.DRIVABLE_AREA,
            ElementClass.LANE_DIVIDER,
        }
        assert {e.attributes["marking_type"] for e in by_class(elements, ElementClass.LANE_DIVIDER)} <= set(
            MARKING_TYPES
        )
