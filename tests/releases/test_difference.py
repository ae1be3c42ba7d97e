"""Differences with known answers, with kept ids and with none."""

import json

import numpy as np
import pytest
import shapely
import shapely.affinity

from mapforge.releases import difference as difference_module
from mapforge.releases.changes import Whole, changed_attributes, gathered, offset_m
from mapforge.releases.difference import difference
from mapforge.releases.difference_files import as_geojson, as_text, write_difference
from mapforge.releases.difference_picture import COLOURS, difference_picture
from mapforge.releases.publish import publish
from mapforge.schemas.elements import ElementClass, MapElement

from .conftest import FRAME, TILES, element, line


@pytest.fixture
def compared(workspace, catalog, build):
    """Publishes two maps and compares them."""

    def found(old, new, renamed=False, **options):
        if renamed:
            new = [MapElement(f"other {e.element_id}", *list(e.__dict__.values())[1:]) for e in new]
        publish(workspace, catalog, build(old), "r1")
        publish(workspace, catalog, build(new), "r2")
        return difference(workspace, "r1", "current", **options)

    return found


def shifted(whole, dx, dy):
    return whole.with_geometry(shapely.affinity.translate(whole.geometry, dx, dy))


def kinds(found, *classes):
    return sorted(
        (str(change.element_class), str(change.kind))
        for change in found.changes
        if not classes or change.element_class in classes
    )


@pytest.mark.parametrize("renamed", [False, True])
def test_added_removed_moved_and_other_attributes(compared, street, renamed):
    divider, curb, _, sign, seen = street
    yellow = element("divider", ElementClass.LANE_DIVIDER, divider.geometry, marking_type="solid", colour="white")
    light = element("light", ElementClass.TRAFFIC_LIGHT, shapely.Point(150, 60, 205))
    found = compared(street, [yellow, shifted(curb, 0.0, 0.3), sign, light, seen], renamed)
    assert kinds(found) == [
        ("lane_divider", "attributes"),
        ("ped_crossing", "removed"),
        ("road_boundary", "moved"),
        ("traffic_light", "added"),
    ]
    by_class = {str(change.element_class): change for change in found.changes}
    assert by_class["lane_divider"].attributes == {"marking_type": ("dashed", "solid")}
    assert by_class["road_boundary"].distance_m == pytest.approx(0.3, abs=0.002)
    assert by_class["road_boundary"].old_id == "curb"
    assert by_class["ped_crossing"].area_m2 == pytest.approx(160.0)
    assert (found.ids_kept, found.ids_paired) == ((0, 3) if renamed else (3, 3))
    assert [whole.element_class for whole in found.unchanged] == [ElementClass.TRAFFIC_SIGN]


def test_less_than_the_threshold_has_not_moved(compared, street):
    found = compared(street, [shifted(whole, 0.05, 0.05) for whole in street[:4]] + street[4:])
    assert kinds(found) == []
    assert "nothing" in as_text(found)


def test_the_threshold_is_a_setting(compared, street):
    found = compared(street, [shifted(whole, 0.0, 0.05) for whole in street[:4]] + street[4:], moved_m=0.04)
    assert [change.distance_m for change in found.changes] == pytest.approx([0.05] * 4, abs=0.002)


def test_a_bump_in_one_place_is_found(compared, street):
    x = np.linspace(2, 298, 593)
    curb = np.column_stack([x, 40 + (x - 2) / 296, np.full(len(x), 200.0)])
    bumped = curb + np.column_stack([0 * x, 0.8 * np.exp(-(((x - 170) / 3) ** 2)), 0 * x])
    old, new = (
        element("curb", ElementClass.ROAD_BOUNDARY, shapely.LineString(xyz), boundary_type="curb")
        for xyz in (curb, bumped)
    )
    (change,) = compared([old], [new]).changes
    assert change.distance_m == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("renamed", [False, True])
def test_longer_and_shorter_lines_say_by_how_much_and_where(compared, renamed):
    old = element("a", ElementClass.LANE_DIVIDER, line((20, 50), (200, 50)))
    new = element("a", ElementClass.LANE_DIVIDER, line((50, 50), (260, 50)))
    found = compared([old], [new], renamed)
    assert kinds(found) == [("lane_divider", "lengthened"), ("lane_divider", "shortened")]
    lengths = {str(change.kind): change for change in found.changes}
    assert lengths["lengthened"].length_m == pytest.approx(60.0, abs=1.0)
    assert lengths["shortened"].length_m == pytest.approx(30.0, abs=1.0)
    assert shapely.line_locate_point(line((0, 50), (300, 50)), lengths["lengthened"].geometry.centroid) > 200.0


def test_a_split_is_no_loss(compared):
    old = element("a", ElementClass.LANE_DIVIDER, line((20, 50), (260, 50)))
    parts = [
        element(name, ElementClass.LANE_DIVIDER, line((x0, 50.02), (x1, 50.02)))
        for name, x0, x1 in (("b", 20, 90), ("a", 90, 260))
    ]
    assert kinds(compared([old], parts)) == [("lane_divider", "regrouped")]


def test_of_the_ground_areas_are_reported(compared, street):
    wider = street[4].with_geometry(shapely.force_3d(shapely.box(0, 30, 300, 80), 200))
    found = compared(street, [*street[:4], wider])
    assert found.counts() == {"coverage": {"removed": {"count": 3, "area_m2": 3000.0}}}


def test_only_tiles_that_differ_are_read(workspace, catalog, build, street, monkeypatch):
    publish(workspace, catalog, build(street), "r1")
    publish(workspace, catalog, build(street[:2], TILES[:1]), "r2")
    read = []
    original = difference_module.read_elements
    monkeypatch.setattr(
        difference_module, "read_elements", lambda path, frame: (read.append(path), original(path, frame))[1]
    )
    found = difference(workspace, "r1", "r2")
    assert found.tiles == TILES[:1]
    assert {path.parent.name + path.parent.parent.name for path in read} == {"447505860"}
    assert kinds(found) == [("coverage", "removed"), ("ped_crossing", "removed"), ("traffic_sign", "removed")]


def test_tiles_that_came_and_went(workspace, catalog, build, street):
    publish(workspace, catalog, build(street, TILES[:2]), "r1")
    publish(workspace, catalog, build(street, TILES[2:]), "r2", removed=[str(TILES[0])])
    found = difference(workspace, "r1", "r2")
    assert (found.tiles_added, found.tiles_removed, found.tiles_changed) == ((TILES[2],), (TILES[0],), ())
    assert ("traffic_sign", "removed") in kinds(found)


def test_a_release_does_not_differ_from_itself(workspace, catalog, build, street):
    publish(workspace, catalog, build(street), "r1")
    found = difference(workspace, "r1", "r1")
    assert (found.changes, found.tiles) == ((), [])
    assert difference_picture(found).size[0] >= 400


def test_a_renamed_neighbour_is_no_change():
    old = {"left_id": "a", "successor_ids": ["b", "c"], "width_m": 3.0, "heading_rad": 3.1}
    new = {"left_id": "A", "successor_ids": ["c", "B"], "width_m": 3.05, "heading_rad": -3.1}
    assert changed_attributes(old, new, {"a": "A", "b": "B"}) == {}
    assert changed_attributes(old, {**new, "left_id": "Z"}, {"a": "A", "b": "B"}) == {"left_id": ("a", "Z")}
    assert changed_attributes({"heading_rad": 0.0}, {"heading_rad": 0.5}, {}) == {"heading_rad": (0.0, 0.5)}
    assert changed_attributes({"speed_limit_mps": None}, {"speed_limit_mps": 13.9}, {}) == {
        "speed_limit_mps": (None, 13.9)
    }


def test_offset_of_polygons_and_points():
    square = Whole("a", ElementClass.PED_CROSSING, shapely.box(0, 0, 4, 10), {})
    other = Whole("a", ElementClass.PED_CROSSING, shapely.box(0, 0, 4, 10.5), {})
    assert offset_m(square, other) == pytest.approx(0.5)
    here, there = (Whole("s", ElementClass.TRAFFIC_SIGN, shapely.Point(0, 0, z), {}) for z in (1.0, 1.4))
    assert offset_m(here, there) == pytest.approx(0.4)


def test_parts_of_one_id_are_one_element():
    parts = [element("a", ElementClass.LANE_DIVIDER, line(*ends)) for ends in (((0, 0), (5, 0)), ((7, 0), (9, 0)))]
    (whole,) = gathered(parts)
    assert whole.geometry.length == 7.0


def test_geojson_is_on_earth_and_says_what_changed(compared, street):
    found = compared(street, [shifted(street[1], 0.0, 0.3), *street[2:]])
    document = json.loads(json.dumps(as_geojson(found)))
    by_kind = {feature["properties"]["change"]: feature for feature in document["features"]}
    assert set(by_kind) == {"removed", "moved", "moved_from"}
    moved = by_kind["moved"]
    assert moved["properties"]["distance_m"] == pytest.approx(0.3, abs=0.002)
    lon_lat = np.array(moved["geometry"]["coordinates"])
    assert np.allclose(FRAME.from_wgs84(lon_lat)[0], (2.0, 40.3, 200.0), atol=1e-3)
    assert (document["old"], document["new"]) == ("r1", "r2")


def test_files_are_written_and_the_same_each_time(compared, street, tmp_path):
    found = compared(street, [shifted(street[1], 0.0, 0.4), *street[3:]])
    first = [path.read_bytes() for path in write_difference(found, tmp_path / "a", 4.0)]
    assert [path.read_bytes() for path in write_difference(found, tmp_path / "b", 4.0)] == first
    picture = np.asarray(difference_picture(found, 4.0)).reshape(-1, 3)
    for colour in set(COLOURS.values()) & {COLOURS["moved"], COLOURS["removed"]}:
        assert (np.abs(picture.astype(int) - colour).max(axis=1) < 12).any()
    text = (tmp_path / "a" / "difference.txt").read_text()
    assert "road_boundary moved: 1" in text and "up to 0.40 m" in text
