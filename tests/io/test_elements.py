"""Element files: bit for bit at rest, GeoParquet to others, and never in another CRS unnoticed."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from mapforge.errors import ContractError, CrsMismatchError
from mapforge.geometry.crs import MapFrame
from mapforge.io.elements import frame_of, read_elements, write_elements
from mapforge.io.parquet import read_metadata
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (586_000.0, 4_475_000.0), 2020.5)


def make_elements() -> list[MapElement]:
    line = shapely.LineString([(0.12344, 1.0, 280.0), (10.0, 2.0, 280.5), (20.0, 2.5, 281.0)])
    square = shapely.Polygon([(0, 0, 5), (4, 0, 5), (4, 3, 5), (0, 3, 5), (0, 0, 5)])
    return [
        MapElement(
            "a" * 16,
            ElementClass.LANE_DIVIDER,
            line,
            {"marking_type": "double_solid", "colour": "yellow"},
            0.875,
            (0.01, 0.02, 0.03),
            3,
            10,
            20,
            ("drive-1", "drive-2"),
        ),
        MapElement("b", ElementClass.PED_CROSSING, square),
        MapElement("c", ElementClass.TRAFFIC_SIGN, shapely.Point(1, 2, 3), {"sign_type": "stop", "heading_rad": 1.5}),
        MapElement("d", ElementClass.LANE, line, {"successor_ids": ["e", "f"], "predecessor_ids": [], "width_m": 3.5}),
        MapElement("e", ElementClass.COVERAGE, shapely.MultiPolygon([square])),
    ]


def write(tmp_path: Path, elements: list[MapElement], frame: MapFrame = FRAME, name: str = "e.parquet") -> Path:
    write_elements(elements, frame, tmp_path / name, tmp_path / "tmp", {"fingerprint": "abc"})
    return tmp_path / name


def test_round_trip_to_a_tenth_of_a_millimetre(tmp_path: Path) -> None:
    elements = make_elements()
    back, frame = read_elements(write(tmp_path, elements))
    assert frame == FRAME
    for element, again in zip(elements, back, strict=True):
        np.testing.assert_allclose(
            shapely.get_coordinates(again.geometry, include_z=True),
            shapely.get_coordinates(element.geometry, include_z=True),
            atol=0.51e-4,
        )
        assert again.geometry.geom_type == element.geometry.geom_type
        for name in ("element_id", "element_class", "attributes", "confidence", "n_drives", "last_seen_ns", "sources"):
            assert getattr(again, name) == getattr(element, name)
        assert again.sigma_m == pytest.approx(element.sigma_m)


def test_at_rest_it_is_bit_for_bit(tmp_path: Path) -> None:
    first = write(tmp_path, make_elements())
    second = write(tmp_path, read_elements(first)[0], name="again.parquet")
    assert first.read_bytes() == second.read_bytes()


def test_no_elements_are_a_file_too(tmp_path: Path) -> None:
    assert read_elements(write(tmp_path, [])) == ([], FRAME)


def test_geopandas_sees_where_and_in_what_crs(tmp_path: Path) -> None:
    table = gpd.read_parquet(write(tmp_path, make_elements()))
    assert table.crs.to_epsg() == 32617
    assert table.geometry.iloc[0].coords[0] == pytest.approx((586_000.1234, 4_475_001.0, 280.0), abs=1e-9)
    assert bool(table.geometry.has_z.all())
    inside = gpd.read_parquet(tmp_path / "e.parquet", bbox=(586_005.0, 4_475_001.0, 586_006.0, 4_475_002.0))
    assert inside["class"].tolist() == ["lane_divider", "lane"]


def test_the_covering_and_epoch_of_geoparquet(tmp_path: Path) -> None:
    import json

    geo = json.loads(read_metadata(write(tmp_path, make_elements()))["geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], column["encoding"], column["epoch"]) == ("1.1.0", "WKB", 2020.5)
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert column["geometry_types"] == ["Point Z", "LineString Z", "Polygon Z", "MultiPolygon Z"]


def test_another_crs_is_refused_and_both_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, make_elements())
    with pytest.raises(CrsMismatchError, match=r"e\.parquet is in EPSG:32617.*EPSG:32618"):
        read_elements(path, MapFrame(32618, (0.0, 0.0)))


def test_another_origin_of_the_same_crs_moves_the_numbers(tmp_path: Path) -> None:
    other = MapFrame(32617, (585_000.0, 4_475_000.0))
    moved, _ = read_elements(write(tmp_path, make_elements()), other)
    assert moved[1].xyz_map[0].tolist() == [1000.0, 0.0, 5.0]


def test_geoparquet_of_others_states_its_frame(tmp_path: Path) -> None:
    path = tmp_path / "others.parquet"
    gpd.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs="EPSG:32610").to_parquet(path)
    assert frame_of(path) == MapFrame(32610, (0.0, 0.0))
    with pytest.raises(ContractError, match="missing column 'element_id'"):
        read_elements(path)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(ContractError, match="no 'geo' metadata"):
        frame_of(path)
