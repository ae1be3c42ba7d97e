"""Argoverse 2 city frames: UTM minus the UTM position of a city's origin."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError
from mapforge.geometry.crs import MapFrame, projected_to_wgs84, utm_epsg, wgs84_to_projected

Float = NDArray[np.float64]

CITY_ORIGINS_LAT_LON_DEG = {
    "ATX": (30.27464237939507, -97.7404457407424),
    "DTW": (42.29993066912924, -83.17555750783717),
    "MIA": (25.77452579915163, -80.19656914449405),
    "PAO": (37.416065, -122.13571963362166),
    "PIT": (40.44177902989321, -80.01294377242584),
    "WDC": (38.889377, -77.0355047439081),
}

_CITY_IN_NAME = re.compile(r"_{2,}([A-Z]{3})(?=_|\.)")


def city_in_name(name: str) -> str | None:
    """The city an AV2 map file's name states (`..____PIT_city_47896.json`), if it is a known one."""
    match = _CITY_IN_NAME.search(name)
    return match.group(1) if match and match.group(1) in CITY_ORIGINS_LAT_LON_DEG else None


def city_to_map(xyz_city: Float, city: str, frame: MapFrame) -> Float:
    """(N, 3) city frame to (N, 3) map frame, through WGS84 when the map is in another UTM zone.

    Raises ConfigurationError on an unknown city.
    """
    if city not in CITY_ORIGINS_LAT_LON_DEG:
        raise ConfigurationError(f"'{city}' is no AV2 city: use one of {', '.join(CITY_ORIGINS_LAT_LON_DEG)}")
    lat, lon = CITY_ORIGINS_LAT_LON_DEG[city]
    epsg = utm_epsg(lon, lat)
    xyz_utm = np.asarray(xyz_city, dtype=np.float64) + wgs84_to_projected(epsg, np.array([[lon, lat, 0.0]]))[0]
    return frame.from_projected(xyz_utm) if epsg == frame.epsg else frame.from_wgs84(projected_to_wgs84(epsg, xyz_utm))
