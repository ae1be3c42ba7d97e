from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.geometry

from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import MapElement
from mapforge.tiles.geojson import export_geojson


@pytest.fixture
def tile_files(workspace: Workspace, build: Callable, tiles: list[TileId], whole: list[MapElement]) -> list[Path]:
    builds = build(whole)
    return [workspace.tile(tile, builds[tile]) for tile in tiles]


def features(path: Path) -> list[dict]:
    collection = json.loads(path.read_text())
    assert collection["type"] == "FeatureCollection"
    return collection["features"]


def test_whole_elements_to_a_tenth_of_a_millimetre(
    tile_files: list[Path], tmp_path: Path, whole: list[MapElement], frame: MapFrame
) -> None:
    (path,) = export_geojson(tile_files, tmp_path / "map.geojson")
    found = {f["properties"]["class"]: f for f in features(path)}
    for element in whole[:4]:
        feature = found[str(element.element_class)]
        geometry = shapely.transform(
            shapely.force_3d(shapely.geometry.shape(feature["geometry"])), frame.from_wgs84, include_z=True
        )
        assert geometry.geom_type == element.geometry.geom_type
        assert shapely.hausdorff_distance(geometry, element.geometry) < 3e-4
        assert feature["properties"]["sources"] == ["a", "b"]
        assert feature["id"] == feature["properties"]["element_id"]
    line = found["lane_divider"]
    assert len(line["properties"]["sigma_m"]) == len(line["geometry"]["coordinates"])
    assert line["properties"]["marking_type"] == "dashed"
    lon, lat, height = line["geometry"]["coordinates"][0]
    assert -180 <= lon <= 180 and 39 < lat < 42 and 199 < height < 204


def test_outlines_run_counterclockwise(tile_files: list[Path], tmp_path: Path) -> None:
    (path,) = export_geojson(tile_files, tmp_path / "map.json")
    for feature in features(path):
        if feature["geometry"]["type"] == "Polygon":
            ring = np.array(feature["geometry"]["coordinates"][0])
            assert shapely.is_ccw(shapely.LinearRing(ring[:, :2]))


def test_a_folder_gets_a_file_a_class(tile_files: list[Path], tmp_path: Path) -> None:
    written = export_geojson(tile_files, tmp_path / "out folder")
    assert [path.name for path in written] == [
        "lane_divider.geojson",
        "road_boundary.geojson",
        "ped_crossing.geojson",
        "traffic_sign.geojson",
        "coverage.geojson",
    ]
    assert sorted(path.name for path in (tmp_path / "out folder").iterdir()) == sorted(path.name for path in written)


def test_no_tiles_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no tiles"):
        export_geojson([], tmp_path / "map.geojson")
