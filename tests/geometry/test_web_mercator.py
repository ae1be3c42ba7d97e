"""The unit square of web maps against known places and PROJ."""

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.geometry.web_mercator import EQUATOR_M, from_unit_square, metres_a_tile, to_unit_square


def test_corners_and_centre():
    places = np.array([[0.0, 0.0], [-180.0, 85.051128779806], [180.0, -85.051128779806]])
    assert np.allclose(to_unit_square(places), [[0.5, 0.5], [0.0, 0.0], [1.0, 1.0]], atol=1e-12)


@given(st.floats(-180, 180), st.floats(-85, 85))
def test_round_trip_and_proj(lon, lat):
    place = np.array([[lon, lat]])
    unit = to_unit_square(place)
    assert np.allclose(from_unit_square(unit), place, atol=1e-9)
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    assert np.allclose((unit[0] - 0.5) * EQUATOR_M * [1, -1], (x, y), atol=1e-3)


def test_a_tile_at_zoom_18_is_150_m_at_the_equator():
    assert metres_a_tile(18, 0.0) == pytest.approx(152.87, abs=0.01)
    assert metres_a_tile(18, 60.0) == pytest.approx(76.44, abs=0.01)
