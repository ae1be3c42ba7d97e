"""PMTiles read back: every element in every zoom, within what a coordinate can hold."""

import gzip

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from pmtiles.reader import MemorySource, Reader, all_tiles

from mapforge.errors import ReleaseError
from mapforge.geometry.web_mercator import from_unit_square, metres_a_tile
from mapforge.releases.config import ReleasesConfig
from mapforge.releases.exports import export_release
from mapforge.releases.pmtiles_archive import write_pmtiles
from mapforge.releases.publish import publish
from mapforge.releases.vector_tiles import BUFFER, EXTENT, SIMPLIFIED, first_zoom
from mapforge.schemas.elements import ElementClass

from .conftest import FRAME


@pytest.fixture
def archive(workspace, catalog, build, street, tmp_path):
    manifest = publish(workspace, catalog, build(street), "r1")
    (path,) = export_release(workspace, manifest, tmp_path / "out", ["pmtiles"], ReleasesConfig())
    return Reader(MemorySource(path.read_bytes()))


def features_of(archive, zoom):
    """(layer, properties, geometry in the map frame) of all tiles of a zoom, buffers cut off."""
    for (z, x, y), data in all_tiles(archive.get_bytes):
        if z != zoom:
            continue
        layers = mapbox_vector_tile.decode(gzip.decompress(data), default_options={"y_coord_down": True})
        for name, layer in layers.items():
            assert layer["extent"] == EXTENT
            for feature in layer["features"]:
                steps = shapely.geometry.shape(feature["geometry"])
                assert steps.bounds[0] >= -BUFFER and steps.bounds[2] <= EXTENT + BUFFER

                def on_map(xy, z=z, x=x, y=y):
                    lon_lat = from_unit_square((xy / EXTENT + (x, y)) / 2**z)
                    return FRAME.from_wgs84(np.column_stack([lon_lat, np.zeros(len(xy))]))[:, :2]

                yield name, feature["properties"], shapely.transform(steps, on_map)


def flat(whole):
    return shapely.force_2d(whole.geometry)


@pytest.mark.parametrize("zoom", [12, 15, 17, 18])
def test_geometry_is_kept_within_the_quantisation(archive, street, zoom):
    step_m = metres_a_tile(zoom, 40.4) / EXTENT
    allowed_m = step_m * (0.75 + (0.0 if zoom == 18 else SIMPLIFIED))
    by_class = {}
    for name, _, geometry in features_of(archive, zoom):
        by_class.setdefault(name, []).append(geometry)
    shown = [whole for whole in street if first_zoom(whole.element_class, 12, 18) <= zoom]
    assert set(by_class) == {str(whole.element_class) for whole in shown}
    for whole in shown:
        found = shapely.union_all(by_class[str(whole.element_class)])
        assert shapely.hausdorff_distance(found, flat(whole), 0.01) <= allowed_m


def test_a_centimetre_at_the_finest_zoom():
    assert metres_a_tile(18, 49.0) / EXTENT / 2 < 0.0125


def test_attributes_are_kept(archive):
    found = {name: properties for name, properties, _ in features_of(archive, 18)}
    assert found["lane_divider"] == {
        "element_id": "divider",
        "marking_type": "dashed",
        "colour": "white",
        "confidence": 0.9,
        "n_drives": 2,
        "last_seen_s": 1_700_000_060,
        "sigma_median_m": 0.03,
    }
    assert (found["traffic_sign"]["sign_type"], found["traffic_sign"]["height_m"]) == ("stop", 2.1)


def test_header_and_metadata_say_what_is_in_it(archive):
    header, metadata = archive.header(), archive.metadata()
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (12, 18, True)
    corners = [[header["min_lon_e7"], header["min_lat_e7"], 0], [header["max_lon_e7"], header["max_lat_e7"], 0]]
    xy = FRAME.from_wgs84(np.array(corners) / 1e7 * [1, 1, 0])
    assert xy[:, :2].ravel() == pytest.approx([0, 20, 300, 80], abs=5.0)  # north is not up in UTM
    layers = {layer["id"]: layer for layer in metadata["vector_layers"]}
    assert layers["traffic_sign"]["minzoom"] == 16 and layers["road_boundary"]["minzoom"] == 12
    assert layers["lane_divider"]["fields"]["marking_type"] == "String"
    assert metadata["name"] == "r1"


def test_a_line_is_one_feature_a_tile_not_one_a_piece(archive):
    z12 = [name for name, _, _ in features_of(archive, 12) if name == "road_boundary"]
    assert z12 == ["road_boundary"]


def test_the_same_release_gives_the_same_bytes(workspace, catalog, build, street, tmp_path):
    manifest = publish(workspace, catalog, build(street), "r1")
    for name in "ab":
        write_pmtiles(workspace, manifest, tmp_path / name, 15, 18)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_few_zooms_hold_every_class(workspace, catalog, build, street, tmp_path):
    manifest = publish(workspace, catalog, build(street), "r1")
    write_pmtiles(workspace, manifest, tmp_path / "map", 13, 14)
    found = {name for name, *_ in features_of(Reader(MemorySource((tmp_path / "map").read_bytes())), 14)}
    assert found == {str(whole.element_class) for whole in street}
    assert first_zoom(ElementClass.TRAFFIC_SIGN, 13, 14) == 14


def test_nothing_to_draw_is_said(workspace, catalog, build, tmp_path):
    manifest = publish(workspace, catalog, build([]), "r1")
    with pytest.raises(ReleaseError, match="no element"):
        write_pmtiles(workspace, manifest, tmp_path / "map", 12, 18)
