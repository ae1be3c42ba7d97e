"""AV2 city frames land where the city is, in any zone."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.errors import ConfigurationError
from mapforge.geometry.av2_cities import CITY_ORIGINS_LAT_LON_DEG, city_in_name, city_to_map
from mapforge.geometry.crs import MapFrame


@pytest.mark.parametrize("city", sorted(CITY_ORIGINS_LAT_LON_DEG))
def test_the_origin_of_a_city_is_its_place_on_earth(city: str) -> None:
    lat, lon = CITY_ORIGINS_LAT_LON_DEG[city]
    frame = MapFrame.at(lon, lat)
    place = frame.to_wgs84(city_to_map(np.array([[0.0, 0.0, 12.5]]), city, frame))[0]
    assert place == pytest.approx([lon, lat, 12.5], abs=1e-7)


def test_a_map_in_the_next_zone_keeps_the_place() -> None:
    lat, lon = CITY_ORIGINS_LAT_LON_DEG["PIT"]
    points = np.array([[0.0, 0.0, 0.0], [1500.0, -200.0, 3.0]])
    own = MapFrame.at(lon, lat)
    other = MapFrame.at(lon, lat, epsg=own.epsg - 1)
    assert other.to_wgs84(city_to_map(points, "PIT", other)) == pytest.approx(
        own.to_wgs84(city_to_map(points, "PIT", own)), abs=1e-8
    )


def test_names_of_map_files() -> None:
    assert city_in_name("log_map_archive_7fab____PIT_city_47896.json") == "PIT"
    assert city_in_name("7fab_ground_height_surface____MIA.npy") == "MIA"
    assert city_in_name("log_map_archive_7fab____XYZ_city_1.json") is None
    with pytest.raises(ConfigurationError, match="XYZ"):
        city_to_map(np.zeros((1, 3)), "XYZ", MapFrame(32617, (0.0, 0.0)))
