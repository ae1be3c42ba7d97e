"""The map frame: round trips, UTM zones, convergence, and two CRSs that must not mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.errors import ConfigurationError, CrsMismatchError
from mapforge.geometry.crs import (
    MapFrame,
    ecef_to_wgs84,
    epsg_of_projjson,
    projected_to_wgs84,
    projjson,
    utm_epsg,
    wgs84_to_projected,
)

longitudes = st.floats(-179.9, 179.9)
latitudes = st.floats(-79.9, 83.9)


@given(longitudes, latitudes, st.floats(-100, 5000))
def test_wgs84_round_trip_and_origin(lon: float, lat: float, height: float) -> None:
    frame = MapFrame.at(lon, lat)
    xyz_map = frame.from_wgs84(np.array([[lon, lat, height]]))
    assert np.all(xyz_map[0, :2] >= 0) and np.all(xyz_map[0, :2] < 1000.0)
    np.testing.assert_allclose(frame.to_wgs84(xyz_map), [[lon, lat, height]], atol=1e-8)


@given(st.floats(0, 999_999), st.floats(0, 9_999_999))
def test_projected_round_trip_is_exact_to_a_nanometre(x: float, y: float) -> None:
    frame = MapFrame(32617, (586_000.0, 4_475_000.0))
    xyz = np.array([[x, y, 3.0]])
    np.testing.assert_allclose(frame.to_projected(frame.from_projected(xyz)), xyz, atol=1e-8)


def test_known_points() -> None:
    """Zone 31's central meridian meets the equator at easting 500 km; known zones of cities."""
    np.testing.assert_allclose(wgs84_to_projected(32631, np.array([[3.0, 0.0, 7.0]])), [[500_000, 0, 7]], atol=1e-6)
    cases = {
        (-80.0, 40.4): 32617,
        (8.4, 49.0): 32632,
        (151.2, -33.9): 32756,
        (180.0, 10.0): 32660,
        (-180.0, 1.0): 32601,
    }
    assert {place: utm_epsg(*place) for place in cases} == cases


def test_ecef_of_the_equator_and_the_pole() -> None:
    places = ecef_to_wgs84(np.array([[6_378_137.0, 0, 0], [0, 6_378_137.0 + 100, 0]]))
    np.testing.assert_allclose(places, [[0, 0, 0], [90, 0, 100]], atol=1e-6)


@given(st.floats(-2.5, 2.5), st.floats(-70, 80))
def test_convergence_is_the_angle_of_true_north_in_the_grid(east_of_meridian: float, lat: float) -> None:
    """A step due north on the ellipsoid must appear turned by the convergence, seen in the grid."""
    lon = 9.0 + east_of_meridian
    frame = MapFrame.at(lon, lat, epsg=32632)
    step = np.diff(frame.from_wgs84(np.array([[lon, lat, 0], [lon, lat + 1e-4, 0]])), axis=0)[0]
    assert np.arctan2(-step[0], step[1]) == pytest.approx(frame.grid_convergence_rad(lon, lat), abs=1e-6)


def test_float32_is_fine_only_after_the_origin() -> None:
    frame = MapFrame(32617, (586_000.0, 4_477_000.0))
    point = np.array([[586_260.123, 4_477_260.123, 0.0]])
    assert abs(float(np.float32(point[0, 1])) - point[0, 1]) > 0.01
    assert abs(float(np.float32(frame.from_projected(point)[0, 1])) - 260.123) < 1e-4


def test_mixing_raises_and_names_both() -> None:
    with pytest.raises(CrsMismatchError, match=r"reference\.parquet is in EPSG:32618.*EPSG:32617"):
        MapFrame(32617, (0.0, 0.0)).require_same_crs(32618, "reference.parquet")


def test_no_zone_off_the_globe() -> None:
    for lon, lat in ((0.0, 85.0), (200.0, 0.0), (float("nan"), 0.0)):
        with pytest.raises(ConfigurationError, match="UTM"):
            utm_epsg(lon, lat)


def test_projjson_round_trip() -> None:
    assert epsg_of_projjson(projjson(32617)) == 32617
    with pytest.raises(ConfigurationError, match="'local grid' has no EPSG code"):
        epsg_of_projjson(LOCAL_GRID)


LOCAL_GRID = {
    "type": "EngineeringCRS",
    "name": "local grid",
    "datum": {"name": "a peg in the ground"},
    "coordinate_system": {
        "subtype": "Cartesian",
        "axis": [
            {"name": "x", "abbreviation": "x", "direction": "east", "unit": "metre"},
            {"name": "y", "abbreviation": "y", "direction": "north", "unit": "metre"},
        ],
    },
}


@given(longitudes, latitudes)
def test_projected_back_is_the_inverse(lon: float, lat: float) -> None:
    epsg = utm_epsg(lon, lat)
    point = np.array([[lon, lat, 1.0]])
    np.testing.assert_allclose(projected_to_wgs84(epsg, wgs84_to_projected(epsg, point)), point, atol=1e-8)
