"""Tiles on disk: names over borders, immutability, what other programs read."""

from __future__ import annotations

from collections.abc import Callable

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement


def ids(workspace: Workspace, tile: TileId, build: str, element_class: ElementClass) -> set[str]:
    elements, _ = read_elements(workspace.tile(tile, build))
    return {e.element_id for e in elements if e.element_class is element_class}


def test_one_element_has_one_name_in_all_tiles(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement]
) -> None:
    builds = build(whole)
    for element_class, where in (
        (ElementClass.LANE_DIVIDER, tiles),
        (ElementClass.ROAD_BOUNDARY, tiles),
        (ElementClass.PED_CROSSING, tiles[:2]),
    ):
        names = [ids(workspace, tile, builds[tile], element_class) for tile in where]
        assert len(set.union(*names)) == 1, element_class
    everything = [e.element_id for tile in tiles for e in read_elements(workspace.tile(tile, builds[tile]))[0]]
    assert len(set(everything)) == 3 + 1 + 3  # lines and crossing, the sign, coverage a tile


def test_other_attributes_or_a_sharp_turn_end_an_element(
    workspace: Workspace, build: Callable, tiles: list[TileId]
) -> None:
    def line(*xy: tuple[float, float], marking: str = "solid") -> MapElement:
        xyz = [(x, y, 0.0) for x, y in xy]
        return MapElement("", ElementClass.LANE_DIVIDER, shapely.LineString(xyz), {"marking_type": marking})

    solid, dashed = line((50, 50), (100, 50)), line((100, 50), (150, 50), marking="dashed")
    there, back = line((50, 20), (100, 20)), line((100, 20), (99.9 + 0.2, 70))
    builds = build([solid, dashed, there, back])
    west = ids(workspace, tiles[0], builds[tiles[0]], ElementClass.LANE_DIVIDER)
    east = ids(workspace, tiles[1], builds[tiles[1]], ElementClass.LANE_DIVIDER)
    assert not west & east


def test_same_elements_same_build_and_bytes(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement]
) -> None:
    first = build(whole)
    before = {tile: workspace.tile(tile, first[tile]).read_bytes() for tile in tiles}
    for tile in tiles:
        workspace.tile(tile, first[tile]).unlink()
    assert build(whole) == first
    assert {tile: workspace.tile(tile, first[tile]).read_bytes() for tile in tiles} == before


def test_a_change_far_along_a_line_keeps_names_and_builds_elsewhere(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement]
) -> None:
    first = build(whole)
    longer = shapely.LineString([*whole[1].geometry.coords, (299, 41, 203)])
    second = build([whole[0], whole[1].with_geometry(longer), *whole[2:]])
    name = ElementClass.ROAD_BOUNDARY
    assert ids(workspace, tiles[2], first[tiles[2]], name) == ids(workspace, tiles[2], second[tiles[2]], name)
    assert first[tiles[0]] == second[tiles[0]]


def test_footer_says_what_made_the_tile(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement]
) -> None:
    builds = build(whole)
    footer = read_metadata(workspace.tile(tiles[0], builds[tiles[0]]))
    assert footer["tile"] == str(tiles[0])
    assert footer["build"] == builds[tiles[0]] and len(builds[tiles[0]]) == 12
    assert footer["fingerprint"] == f"print {tiles[0]}"
    assert footer["code_version"] == "v1" and footer["models"] == "bev-1"
    assert footer["epoch"] == "2020.0" and footer["origin_m"] == "586000.0 4475000.0"


def test_geopandas_reads_a_tile_in_its_crs(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement], frame: MapFrame
) -> None:
    builds = build(whole)
    path = workspace.tile(tiles[1], builds[tiles[1]])
    table = geopandas.read_parquet(path)
    assert table.crs.to_epsg() == 32617
    assert set(table["class"]) == {"lane_divider", "road_boundary", "ped_crossing", "coverage"}
    xmin, ymin, xmax, ymax = table.total_bounds
    assert (xmin, xmax) == (586100.0, 586200.0)
    assert 4475000 <= ymin < ymax <= 4475100
    assert shapely.has_z(table.geometry.values).all()
    west = geopandas.read_parquet(path, bbox=(586101, 4475020, 586110, 4475022))
    assert set(west["class"]) == {"coverage"}
    assert pq.read_schema(path).metadata[b"geo"]


def test_rows_hold_what_fusion_said(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement]
) -> None:
    builds = build(whole)
    elements, _ = read_elements(workspace.tile(tiles[0], builds[tiles[0]]))
    (sign,) = [e for e in elements if e.element_class is ElementClass.TRAFFIC_SIGN]
    assert sign.attributes == {"sign_type": "stop"}
    assert (sign.n_drives, sign.first_seen_ns, sign.last_seen_ns, sign.sources) == (2, 5, 9, ("a", "b"))
    (line,) = [e for e in elements if e.element_class is ElementClass.LANE_DIVIDER]
    assert len(line.sigma_m) == len(line.xyz_map)
    assert np.allclose(line.sigma_m, 0.03)


def test_an_empty_tile_is_a_tile(workspace: Workspace, build: Callable, tiles: list[TileId]) -> None:
    builds = build([])
    assert read_elements(workspace.tile(tiles[0], builds[tiles[0]]))[0] == []


@pytest.mark.parametrize("reach", [1, 2])
def test_tiles_of_part_of_a_region_are_built_alone(
    workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement], reach: int
) -> None:
    assert sorted(build(whole, only=tiles[:reach])) == tiles[:reach]
