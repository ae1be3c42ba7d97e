from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.config import TownConfig
from mapforge.simulation.lanelet2_map import read_lanelet2_map
from mapforge.simulation.real_map import make_real_world, map_file_of

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DEGREE_M = 111_320.0
LON, LAT = 8.42, 49.0
HERE = (8.4, 49.0)


class Osm:
    """An OSM document being written; metres east and north of a place."""

    def __init__(self, local: bool = False) -> None:
        self.parts: list[str] = []
        self._count = 0
        self._nodes: dict[tuple[float, float], int] = {}
        self._local = local

    def node(self, x: float, y: float) -> int:
        if (x, y) not in self._nodes:
            self._nodes[x, y] = self._next()
            lat, lon = LAT + y / DEGREE_M, LON + x / DEGREE_M / np.cos(np.deg2rad(LAT))
            tags = {"ele": f"{100 + x / 50}", "local_x": f"{x}", "local_y": f"{y}"}
            place = 'lat="" lon=""' if self._local else f'lat="{lat:.11f}" lon="{lon:.11f}"'
            self.parts.append(f'<node id="{self._nodes[x, y]}" {place}>{_tags(tags)}</node>')
        return self._nodes[x, y]

    def way(self, *xy: tuple[float, float], **tags: str) -> int:
        nodes = [self.node(*point) for point in xy]
        number = self._next()
        held = "".join(f'<nd ref="{node}"/>' for node in nodes)
        self.parts.append(f'<way id="{number}">{held}{_tags(tags)}</way>')
        return number

    def lanelet(self, left: int, right: int, **tags: str) -> int:
        number = self._next()
        members = "".join(
            f'<member type="way" ref="{way}" role="{role}"/>' for role, way in (("left", left), ("right", right))
        )
        tags = {"type": "lanelet", "subtype": "road", **tags}
        self.parts.append(f'<relation id="{number}">{members}{_tags(tags)}</relation>')
        return number

    def text(self) -> str:
        return f'<?xml version="1.0"?>\n<osm version="0.6">{"".join(self.parts)}</osm>'

    def _next(self) -> int:
        self._count += 1
        return self._count


def _tags(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())


def junction(local: bool = False) -> Osm:
    """Two lanes to the east with a lane to the west beside them, and a way that turns left out of the inner one."""
    osm = Osm(local)
    curb = osm.way((0, 0), (60, 0), type="curbstone", subtype="high")
    dashes = osm.way((60, 3.5), (0, 3.5), type="line_thin", subtype="dashed")  # drawn against the lanes
    middle = osm.way((0, 7), (60, 7), type="line_thick", subtype="solid_dashed", color="yellow")
    edge = osm.way((0, 10.5), (60, 10.5), type="line_thin", subtype="solid")
    osm.lanelet(dashes, curb, speed_limit="30")
    osm.lanelet(middle, dashes, speed_limit="20 mph")
    osm.lanelet(middle, edge)  # to the west: its left bound, seen that way, is the middle
    far_curb, far_dashes = osm.way((60, 0), (90, 0)), osm.way((60, 3.5), (90, 3.5), type="virtual")
    far_middle, far_edge = osm.way((60, 7), (90, 7), type="virtual"), osm.way((60, 10.5), (90, 10.5))
    osm.lanelet(far_dashes, far_curb)
    osm.lanelet(far_middle, far_dashes)
    osm.lanelet(far_middle, far_edge)
    turn_left = osm.way((60, 7), (68, 9), (72, 14), (73, 30), type="virtual")
    turn_right = osm.way((60, 3.5), (70, 5), (76, 13), (77, 30), type="virtual")
    osm.lanelet(turn_left, turn_right)
    osm.lanelet(osm.way((40, 0), (40, 10.5)), osm.way((44, 0), (44, 10.5)), subtype="crosswalk")
    osm.lanelet(osm.way((0, -3), (60, -3)), osm.way((0, -5), (60, -5)), subtype="walkway")
    osm.way((38, 0.2), (38, 6.8), type="stop_line")
    return osm


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "here.osm"
    path.write_text(junction().text())
    return path


def test_lanes_lead_where_lanelets_do(source: Path) -> None:
    lanes = read_lanelet2_map(source, HERE).lanes
    headings = [np.rad2deg(np.arctan2(*(lane.centreline[-1] - lane.centreline[0])[::-1])) for lane in lanes]
    east, north = headings[0], headings[6]
    assert len(lanes) == 7 and 30 < north - east < 80
    np.testing.assert_allclose(np.array(headings[:6]) - east, [0, 0, 180, 0, 0, 180], atol=0.01)
    assert [lane.successors for lane in lanes] == [(3,), (4, 6), (), (), (), (2,), ()]
    assert [(lane.left, lane.right) for lane in lanes[:3]] == [(1, -1), (-1, 0), (-1, -1)]
    assert lanes[6].turn == "left" and lanes[0].turn == ""
    assert lanes[0].width_m == pytest.approx(3.5, abs=0.02)
    assert [round(lane.speed_limit_mps, 2) for lane in lanes[:3]] == [8.33, 8.94, 11.2]


def test_points_lie_where_the_file_says(source: Path) -> None:
    charted = read_lanelet2_map(source, HERE)
    start = charted.lanes[0].centreline[0]
    lon, lat, _ = charted.frame.to_wgs84(np.array([[*start, 0.0]]))[0]
    assert charted.frame.epsg == 32632 and charted.placement == "Lanelet2 map"
    assert (lon, lat) == (pytest.approx(LON, abs=1e-9), pytest.approx(LAT + 1.75 / DEGREE_M, abs=1e-9))
    assert charted.heights[:, 2].min() == pytest.approx(100.0) and charted.heights[:, 2].max() < 102


def test_lines_keep_their_kind_and_the_side_of_their_strands(source: Path) -> None:
    charted = read_lanelet2_map(source, HERE)
    kinds = [(line.marking_type, line.colour) for line in charted.lines]
    assert sorted(kinds) == [("dashed", "white"), ("solid", "white"), ("solid_dashed", "yellow")]
    mixed = next(line for line in charted.lines if line.marking_type == "solid_dashed")
    # solid on the left in the way's direction, which is east: towards the lane to the west
    assert mixed.xy[1, 0] > mixed.xy[0, 0]
    assert polylines.project(charted.lanes[2].centreline, mixed.xy)[1].min() > 0


def test_the_road_ends_at_curbs_and_a_little_beyond_paint(source: Path) -> None:
    charted = read_lanelet2_map(source, HERE)
    along = charted.lanes[0].centreline

    def is_paved(offset_m: float) -> bool:
        return charted.asphalt.contains(shapely.Point(polylines.offset_left(along, offset_m)[20]))

    assert is_paved(-1.7) and not is_paved(-1.9)
    assert is_paved(8.75 + 0.25) and not is_paved(8.75 + 0.6)
    end = shapely.Point(along[0])
    assert charted.asphalt.boundary.distance(end) < 0.1 and charted.open_ends.contains(end)
    assert not charted.open_ends.contains(shapely.Point(along[-1]))


def test_a_world_has_its_crossing_and_its_stop_line(source: Path) -> None:
    world = make_real_world(source.parent, 5, TownConfig())
    assert world.name == "lanelet2-here-5"
    assert [round(float(v), 3) for v in world.metadata["centre_lon_lat_deg"].split()] == [8.421, 49.0]
    (stop,) = (e for e in world.truth if e.element_class == ElementClass.STOP_LINE)
    assert stop.geometry.length == pytest.approx(6.3, abs=0.4)
    assert any(mark.area.contains(shapely.force_2d(stop.geometry).centroid) for mark in world.paint)
    (crossing,) = (e for e in world.truth if e.element_class == ElementClass.PED_CROSSING)
    assert shapely.force_2d(crossing.geometry).area == pytest.approx(4 * 10.5, rel=0.1)
    curbs = shapely.union_all([e.geometry for e in world.truth if e.element_class == ElementClass.ROAD_BOUNDARY])
    assert not any(curbs.distance(shapely.Point(lane.centreline[0])) < 1.0 for lane in world.lanes)


def test_nodes_without_a_place_are_put_where_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "local.osm"
    path.write_text(junction(local=True).text())
    charted = read_lanelet2_map(path, HERE)
    assert "arbitrary" in charted.placement
    centre = charted.frame.from_wgs84(np.array([[*HERE, 0.0]]))[0, :2]
    assert np.linalg.norm(charted.lanes[0].centreline.mean(axis=0) - centre) < 40.0
    assert polylines.length(charted.lanes[0].centreline) == pytest.approx(60.0)


def test_a_lanelet_for_both_ways_is_two_lanes(tmp_path: Path) -> None:
    osm = Osm()
    for start in (0, 40):
        left, right = osm.way((start, 4), (start + 40, 4)), osm.way((start, 0), (start + 40, 0))
        osm.lanelet(left, right, one_way="no")
    path = tmp_path / "narrow.osm"
    path.write_text(osm.text())
    lanes = read_lanelet2_map(path, HERE).lanes
    assert [lane.successors for lane in lanes] == [(1,), (), (), (2,)] and {lane.turn for lane in lanes} == {""}


DAMAGES = {
    "not closed": (lambda text: text[: len(text) // 2], "no OSM file.*line"),
    "another root": (lambda text: text.replace("osm", "gpx"), "root is <gpx>"),
    "entities": (lambda text: text.replace("<osm", '<!DOCTYPE osm [<!ENTITY a "b">]><osm', 1), "document type"),
    "no number": (lambda text: text.replace('lat="49', 'lat="x49', 1), "node 1 has lat 'x49"),
    "no latitude": (lambda text: text.replace("local_x", "x").replace('lat="49', 'lat="" a="', 1), "node 1 has no lat"),
    "elsewhere": (lambda text: text.replace('lat="49', 'lat="-49', 1), "node . .*km"),
    "off the earth": (lambda text: text.replace('lat="49', 'lat="149', 1), "node 1 .*not on the earth"),
    "no node": (lambda text: text.replace('<nd ref="1"', '<nd ref="9999"', 1), "way 3 names node 9999"),
    "no bound": (lambda text: text.replace('role="right"', 'role="wrong"', 1), "lanelet .* has 0 ways as its right"),
    "no way": (lambda text: text.replace('ref="3" role', 'ref="777" role', 1), "names way 777"),
    "no id": (lambda text: text.replace('<way id="3"', "<way ", 1), "a way lacks 'id'"),
    "no lanes": (lambda text: text.replace('"road"', '"walkway"'), "no lanelets for vehicles"),
    "nothing": (lambda _: "<osm/>", "no ways"),
}  # fmt: skip


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_damage_is_named(source: Path, damage: str) -> None:
    spoil, words = DAMAGES[damage]
    source.write_text(spoil(source.read_text()))
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_lanelet2_map(source, HERE)
    assert "here.osm" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "lanelets"),
    [
        ("lanelet2/mapping_example.osm", 380),
        ("lanelet2/kashiwanoha/lanelet2_map.osm", 77),
        ("lanelet2/kashiwanoha/simple_cross_map.osm", 8),
        ("lanelet2_validator/sample_map.osm", 45),
    ],
)
def test_real_maps_are_read_whole(name: str, lanelets: int) -> None:
    if not (DATA / name).exists():
        pytest.skip("the real maps are not here")
    charted = read_lanelet2_map(map_file_of(DATA / name), HERE)
    assert len(charted.lanes) >= lanelets and charted.asphalt.is_valid
    follows = [
        np.linalg.norm(lane.centreline[-1] - charted.lanes[s].centreline[0])
        for lane in charted.lanes
        for s in lane.successors
    ]
    assert np.max(follows) < 0.05


def test_a_real_map_gives_sound_worlds_in_several_places() -> None:
    source = DATA / "lanelet2/mapping_example.osm"
    if not source.exists():
        pytest.skip("the real map is not here")
    places = set()
    for seed in (3101, 3102, 3108):
        world = make_real_world(source, seed, TownConfig())
        places.add(world.metadata["centre_lon_lat_deg"])
        (area,) = (shapely.force_2d(e.geometry) for e in world.truth if e.element_class == ElementClass.DRIVABLE_AREA)
        assert area.is_valid
        for element in world.truth:
            if element.element_class in (ElementClass.LANE_DIVIDER, ElementClass.PED_CROSSING, ElementClass.STOP_LINE):
                assert area.buffer(0.02).contains(shapely.force_2d(element.geometry))
    assert len(places) == 3
