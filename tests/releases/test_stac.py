"""The STAC catalogue as pystac reads it back."""

import json
from pathlib import Path

import numpy as np
import pystac
import pytest
import shapely
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension

from mapforge.io.fingerprint import sha256_of_file
from mapforge.releases.config import ReleasesConfig
from mapforge.releases.exports import export_release
from mapforge.releases.publish import publish

from .conftest import FRAME, SEEN, TILES


@pytest.fixture
def exported(workspace, catalog, build, street, tmp_path):
    manifest = publish(workspace, catalog, build(street), "r1")
    (written,) = export_release(workspace, manifest, tmp_path / "out", ["stac"], ReleasesConfig())
    return manifest, pystac.Collection.from_file(str(written))


def test_every_tile_is_an_item_whose_file_is_there(exported, workspace):
    manifest, collection = exported
    items = {item.properties["mapforge:tile"]: item for item in collection.get_items(recursive=True)}
    assert set(items) == set(manifest.builds)
    for tile in manifest.tiles:
        asset = items[tile.tile].assets["tile"]
        path = Path(asset.get_absolute_href())
        assert path.resolve() == tile.file(workspace).resolve()
        facts = FileExtension.ext(asset)
        assert (facts.size, facts.checksum) == (path.stat().st_size, "1220" + sha256_of_file(path))
        assert items[tile.tile].get_collection() is not None
    assert Path(collection.assets["manifest"].get_absolute_href()).is_file()


def test_items_lie_where_their_tiles_do(exported):
    _, collection = exported
    for item in collection.get_items(recursive=True):
        tile = next(tile for tile in TILES if str(tile) == item.properties["mapforge:tile"])
        ring = np.array(item.geometry["coordinates"][0])
        corners = FRAME.from_wgs84(np.column_stack([ring, np.zeros(len(ring))]))[:, :2]
        assert shapely.Polygon(corners).equals_exact(shapely.box(*tile.bounds_map(FRAME)).normalize(), 0.02) or (
            shapely.Polygon(corners).symmetric_difference(shapely.box(*tile.bounds_map(FRAME))).area < 5.0
        )
        assert shapely.Polygon(ring).exterior.is_ccw
        assert item.bbox == pytest.approx(shapely.Polygon(ring).bounds)
        projection = ProjectionExtension.ext(item)
        assert projection.code == "EPSG:32617"
        assert projection.bbox == list(tile.bounds_projected())
        assert item.properties["start_datetime"] == "2023-11-14T22:13:20Z"
        assert int(pystac.utils.str_to_datetime(item.properties["end_datetime"]).timestamp()) == (
            SEEN["last_seen_ns"] // 10**9
        )


def test_all_links_are_relative_and_lead_somewhere(exported):
    _, collection = exported
    folder = Path(collection.get_self_href()).parent
    documents = [*folder.rglob("*.json")]
    assert len(documents) == 2 + len(TILES)
    for document in documents:
        for link in json.loads(document.read_text())["links"]:
            assert not link["href"].startswith(("/", "file:"))
            assert (document.parent / link["href"]).is_file()


def test_the_extent_holds_all_items(exported):
    _, collection = exported
    (west, south, east, north) = collection.extent.spatial.bboxes[0]
    for item in collection.get_items(recursive=True):
        assert west <= item.bbox[0] and south <= item.bbox[1] and item.bbox[2] <= east and item.bbox[3] <= north


def test_the_same_release_gives_the_same_bytes(exported, workspace, tmp_path):
    manifest, collection = exported
    first = Path(collection.get_self_href()).parent
    export_release(workspace, manifest, tmp_path / "two", ["stac"], ReleasesConfig())
    for document in first.rglob("*.json"):
        assert (tmp_path / "two" / "stac" / document.relative_to(first)).read_bytes() == document.read_bytes()


def test_publishing_writes_it_beside_the_manifest(workspace, catalog, build, street):
    config = ReleasesConfig(stac=True, pmtiles=True, min_zoom=16)
    manifest = publish(workspace, catalog, build(street), "r1", config=config)
    folder = workspace.release("r1")
    collection = pystac.Collection.from_file(str(folder / "stac" / "collection.json"))
    assert {name: Path(asset.get_absolute_href()).resolve() for name, asset in collection.assets.items()} == {
        "manifest": (folder / "manifest.json").resolve(),
        "pmtiles": (folder / "map.pmtiles").resolve(),
    }
    for item in collection.get_items(recursive=True):
        assert Path(item.assets["tile"].get_absolute_href()).is_file()
    assert manifest.name == collection.id


def test_a_map_without_elements_has_the_time_of_its_epoch(workspace, catalog, build, tmp_path):
    manifest = publish(workspace, catalog, build([]), "r1")
    (written,) = export_release(workspace, manifest, tmp_path / "out", ["stac"], ReleasesConfig())
    item = next(pystac.Collection.from_file(str(written)).get_items(recursive=True))
    assert item.properties["start_datetime"] == "2020-01-01T00:00:00Z"
