"""Tiles computed one by one give one lane graph: pieces meet on borders, wherever the borders lie."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from crossroads import FRAME, crossroads
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.workspace import Workspace
from mapforge.lane_graph.config import LaneGraphConfig
from mapforge.lane_graph.graph import lane_graph
from mapforge.lane_graph.stage import LaneGraphInputs, run
from mapforge.schemas.elements import ElementClass, MapElement

TILES = [TileId(32617, 5860 + column, 44750 + row) for column in range(3) for row in range(3)]
MIDDLE = TILES[4]


def write_map(workspace: Workspace, elements: list[MapElement]) -> None:
    """Elements cut at the borders of the tiles, as fusion leaves them."""
    for tile in TILES:
        core = shapely.box(*tile.bounds_map(FRAME))
        pieces = []
        for element in elements:
            cut = shapely.get_parts(shapely.intersection(element.geometry, core))
            shapes = [s for s in cut if not s.is_empty and (s.length if element.geometry.area == 0 else s.area) > 1e-6]
            pieces += [
                MapElement(f"{element.element_id}/{tile}/{k}", element.element_class, shape, element.attributes)
                for k, shape in enumerate(shapes)
            ]
        write_elements(pieces, FRAME, workspace.map_elements(tile), workspace.tmp)


def lanes_of(workspace: Workspace, tiles: list[TileId] = TILES) -> dict[TileId, list[MapElement]]:
    for tile in tiles:
        run(LaneGraphInputs(workspace, tile, FRAME, [], "f"), LaneGraphConfig())
    return {tile: read_elements(workspace.lane_graph(tile), FRAME)[0] for tile in tiles}


@settings(max_examples=3, deadline=None)
@given(x=st.floats(120.0, 180.0), y=st.floats(120.0, 180.0), turned=st.floats(0.0, 3.0))
def test_pieces_meet_on_borders_and_add_up(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, turned: float
) -> None:
    elements = crossroads((x, y), turned_rad=turned)
    workspace = Workspace(tmp_path_factory.mktemp("map"))
    write_map(workspace, elements)
    by_tile = lanes_of(workspace)
    total = sum(lane.geometry.length for lanes in by_tile.values() for lane in lanes)
    whole = lane_graph(elements, [], LaneGraphConfig())
    assert total == pytest.approx(sum(lane.length_m for lane in whole), rel=2e-3)
    ends = [
        (tile, end, lane.xyz_map[-1 if end else 0])
        for tile, lanes in by_tile.items()
        for lane in lanes
        for end in (False, True)
        if _on_border(lane.xyz_map[-1 if end else 0], tile)
    ]
    for tile, end, place in ends:
        gaps = [np.abs(place - other).max() for t, e, other in ends if t != tile and e != end]
        assert min(gaps) < 2e-4


def _on_border(place: np.ndarray, tile: TileId) -> bool:
    xmin, ymin, xmax, ymax = tile.bounds_map(FRAME)
    return bool(min(abs(place[0] - xmin), abs(place[0] - xmax), abs(place[1] - ymin), abs(place[1] - ymax)) < 1e-3)


def test_a_tile_alone_gives_the_same_bytes(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    write_map(workspace, crossroads((140.0, 165.0)))
    lanes_of(workspace)
    first = workspace.lane_graph(MIDDLE).read_bytes()
    workspace.lane_graph(MIDDLE).unlink()
    lanes_of(workspace, [MIDDLE])
    assert workspace.lane_graph(MIDDLE).read_bytes() == first


def test_references_hold_within_a_tile(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    write_map(workspace, crossroads())
    (lanes,) = lanes_of(workspace, [MIDDLE]).values()
    by_id = {lane.element_id: lane for lane in lanes}
    assert len(by_id) == 20
    assert {lane.element_class for lane in lanes} == {ElementClass.LANE}
    for lane in lanes:
        for other in lane.attributes.get("successor_ids") or ():
            assert lane.element_id in by_id[other].attributes["predecessor_ids"]
            np.testing.assert_allclose(lane.xyz_map[-1], by_id[other].xyz_map[0], atol=2e-4)
        if not lane.attributes.get("turn"):
            assert lane.attributes["left_id"].startswith("lane_divider")
            assert lane.attributes["right_id"].startswith("road_boundary")
    stopped = [lane for lane in lanes if any("stop_line" in n for n in lane.attributes.get("regulatory_ids") or ())]
    assert len(stopped) == 2
    assert all("successor_ids" in lane.attributes for lane in stopped)
