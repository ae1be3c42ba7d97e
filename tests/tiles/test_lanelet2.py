"""The Lanelet2 export, read back by Lanelet2 itself: no error, and its routing graph finds the ways ours does."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely

from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.polylines import offset_left
from mapforge.io.elements import write_elements
from mapforge.lane_graph.routing import shortest_path
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.tiles.lanelet2 import export_lanelet2, osm_of, projector_info

FRAME = MapFrame(32617, (586000.0, 4475000.0), 2020.0)
WIDTH_M = 3.5


def curve(*points: tuple[float, float]) -> np.ndarray:
    line = shapely.segmentize(shapely.LineString(points), 2.0)
    return np.column_stack([shapely.get_coordinates(line), np.full(shapely.get_num_coordinates(line), 200.0)])


def lane(name: str, centre: np.ndarray, **attributes: object) -> MapElement:
    shape = shapely.LineString(centre)
    return MapElement(name, ElementClass.LANE, shape, {"width_m": WIDTH_M, "lane_type": "vehicle", **attributes})


def town() -> list[MapElement]:
    """Two lanes of 120 m side by side, oncoming traffic across a double line, a fork at the end and a way back."""
    low, high = curve((0, 0), (120, 0)), curve((0, WIDTH_M), (120, WIDTH_M))
    back = curve((120, 2 * WIDTH_M), (0, 2 * WIDTH_M))
    left = curve((120, WIDTH_M), (125, WIDTH_M + 0.5), (128, 2 * WIDTH_M - 0.5), (120, 2 * WIDTH_M))
    ahead = curve((120, 0), (160, 0))
    lanes = [
        lane("low", low, left_neighbour_id="high", left_id="dashes", successor_ids=["ahead"], speed_limit_mps=13.9),
        lane(
            "high",
            high,
            right_neighbour_id="low",
            right_id="dashes",
            left_id="double",
            successor_ids=["turn"],
            regulatory_ids=["light", "stop"],
        ),
        lane("turn", left, turn="u_turn", predecessor_ids=["high"], successor_ids=["back"]),
        lane("ahead", ahead, predecessor_ids=["low"]),
        lane("back", back, left_id="double", predecessor_ids=["turn"]),
    ]
    dashes, double = offset_left(low, WIDTH_M / 2), offset_left(high, WIDTH_M / 2)
    point = shapely.Point(140.0, WIDTH_M, 205.0)
    return [
        *lanes,
        MapElement("dashes", ElementClass.LANE_DIVIDER, shapely.LineString(dashes), {"marking_type": "dashed"}),
        MapElement("double", ElementClass.LANE_DIVIDER, shapely.LineString(double), {"marking_type": "double_solid"}),
        MapElement("stop", ElementClass.STOP_LINE, shapely.LineString([(118, 2, 200), (118, 5, 200)])),
        MapElement("light", ElementClass.TRAFFIC_LIGHT, point, {"heading_rad": np.pi, "height_m": 5.0}),
    ]


@pytest.fixture
def loaded(tmp_path: Path):
    pytest.importorskip("lanelet2")
    from lanelet2 import io, projection, routing, traffic_rules

    path = tmp_path / "map.osm"
    path.write_text(osm_of(town(), FRAME))
    lon, lat, _ = FRAME.to_wgs84(np.zeros((1, 3)))[0]
    lanelets, errors = io.loadRobust(str(path), projection.UtmProjector(io.Origin(lat, lon)))
    rules = traffic_rules.create(traffic_rules.Locations.Germany, traffic_rules.Participants.Vehicle)
    return lanelets, list(errors), routing.RoutingGraph(lanelets, rules)


def lanelets_of(loaded, name: str) -> list:
    """In travel direction."""
    lanelets, _, graph = loaded
    own = {piece.id: piece for piece in lanelets.laneletLayer if piece.attributes["lane_id"] == name}
    (first,) = [p for p in own.values() if not any(before.id in own for before in graph.previous(p))]
    ordered = [first]
    while following := [piece for piece in graph.following(ordered[-1]) if piece.id in own]:
        ordered.append(following[0])
    assert len(ordered) == len(own)
    return ordered


def test_lanelet2_loads_it_without_an_error(loaded) -> None:
    lanelets, errors, graph = loaded
    assert errors == []
    assert list(graph.checkValidity()) == []
    assert {piece.attributes["lane_id"] for piece in lanelets.laneletLayer} == {"low", "high", "turn", "ahead", "back"}


def test_geometry_comes_back(loaded) -> None:
    points = [point for piece in lanelets_of(loaded, "low") for point in piece.leftBound]
    xyz = np.array([(p.x, p.y, p.z) for p in points])
    np.testing.assert_allclose(xyz[:, 1:], np.broadcast_to([WIDTH_M / 2, 200.0], (len(xyz), 2)), atol=2e-3)
    assert (xyz[0, 0], xyz[-1, 0]) == pytest.approx((0.0, 120.0), abs=2e-3)


def test_lanelets_are_short_and_shared(loaded) -> None:
    low, high, back = (lanelets_of(loaded, name) for name in ("low", "high", "back"))
    assert len(low) == len(high) == len(back) == 3
    assert [p.leftBound.id for p in low] == [p.rightBound.id for p in high]
    assert [p.leftBound.id for p in high] == [p.leftBound.id for p in reversed(back)]
    assert low[0].leftBound[-1].id == low[1].leftBound[0].id


def test_lanes_may_be_changed_over_dashes_only(loaded) -> None:
    _, _, graph = loaded
    assert graph.left(lanelets_of(loaded, "low")[0]).attributes["lane_id"] == "high"
    assert graph.left(lanelets_of(loaded, "high")[0]) is None


def test_the_routing_graph_finds_the_same_ways(loaded) -> None:
    _, _, graph = loaded
    elements = town()
    found = 0
    for start, goal in permutations(("low", "high", "turn", "ahead", "back"), 2):
        ours = shortest_path(elements, start, goal)
        theirs = graph.shortestPath(lanelets_of(loaded, start)[0], lanelets_of(loaded, goal)[0])
        assert (ours is None) == (theirs is None)
        if ours is not None:
            names = [piece.attributes["lane_id"] for piece in theirs]
            assert tuple(dict.fromkeys(names)) == ours.lane_ids
            found += 1
    assert found == 9


def test_lights_rule_the_last_lanelet_before_them(loaded) -> None:
    rules = [[rule.attributes["subtype"] for rule in p.regulatoryElements] for p in lanelets_of(loaded, "high")]
    assert rules == [[], [], ["traffic_light"]]


def test_what_autoware_asks_for_is_there() -> None:
    root = ElementTree.fromstring(osm_of(town(), FRAME))
    assert root.find("MetaInfo") is not None
    tags = {tag.get("k") for tag in root.iter("tag")}
    assert {"ele", "local_x", "local_y", "speed_limit"} <= tags
    assert "projector_type: LocalCartesianUTM" in projector_info(FRAME)


def test_tiles_become_a_map_file_and_its_projection(tmp_path: Path) -> None:
    tile = tmp_path / "tile.parquet"
    write_elements(town(), FRAME, tile, tmp_path / "tmp")
    written = export_lanelet2([tile], tmp_path / "out")
    assert [path.name for path in written] == ["lanelet2_map.osm", "map_projector_info.yaml"]
    first = written[0].read_bytes()
    assert export_lanelet2([tile], tmp_path / "again.osm")[0].read_bytes() == first
    write_elements(town()[5:], FRAME, tile, tmp_path / "tmp")
    with pytest.raises(MissingInputError, match="no lanes"):
        export_lanelet2([tile], tmp_path / "out")
    with pytest.raises(MissingInputError):
        export_lanelet2([], tmp_path / "out")
