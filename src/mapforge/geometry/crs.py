"""The map's coordinate reference system. The only module that talks to PROJ; axes are always x=east, y=north."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError, ContractError, CrsMismatchError

Float = NDArray[np.float64]

DEFAULT_EPOCH = 2020.0
ORIGIN_STEP_M = 1000.0


@dataclass(frozen=True)
class MapFrame:
    """The `map` frame: a projected CRS (metres) minus an origin.

    epsg: code of the projected CRS, e.g. 32617.
    origin_m: (easting, northing) float64; a multiple of the tile size, so that tiles fall on whole metres.
    epoch: coordinate epoch, decimal year. Heights are ellipsoidal and not shifted.
    """

    epsg: int
    origin_m: tuple[float, float]
    epoch: float = DEFAULT_EPOCH

    @classmethod
    def at(cls, lon_deg: float, lat_deg: float, epsg: int | None = None, epoch: float = DEFAULT_EPOCH) -> MapFrame:
        """The frame for a place: its UTM zone (unless an EPSG is given), origin floored to 1 km."""
        epsg = epsg or utm_epsg(lon_deg, lat_deg)
        easting, northing, _ = wgs84_to_projected(epsg, np.array([[lon_deg, lat_deg, 0.0]]))[0]
        return cls(
            epsg,
            (
                math.floor(easting / ORIGIN_STEP_M) * ORIGIN_STEP_M,
                math.floor(northing / ORIGIN_STEP_M) * ORIGIN_STEP_M,
            ),
            epoch,
        )

    def from_projected(self, xyz_projected: Float) -> Float:
        """(N, 3) absolute easting, northing, height to (N, 3) map frame, float64."""
        return np.asarray(xyz_projected, dtype=np.float64) - (*self.origin_m, 0.0)

    def to_projected(self, xyz_map: Float) -> Float:
        """(N, 3) map frame to (N, 3) absolute easting, northing, height, float64."""
        return np.asarray(xyz_map, dtype=np.float64) + (*self.origin_m, 0.0)

    def from_wgs84(self, lon_lat_height: Float) -> Float:
        """(N, 3) degrees, degrees, ellipsoidal metres to (N, 3) map frame."""
        return self.from_projected(wgs84_to_projected(self.epsg, lon_lat_height))

    def to_wgs84(self, xyz_map: Float) -> Float:
        """(N, 3) map frame to (N, 3) degrees, degrees, ellipsoidal metres."""
        return projected_to_wgs84(self.epsg, self.to_projected(xyz_map))

    def grid_convergence_rad(self, lon_deg: float, lat_deg: float) -> float:
        """Angle from true north to grid north (clockwise positive) at a place."""
        return math.radians(pyproj.Proj(_crs(self.epsg)).get_factors(lon_deg, lat_deg).meridian_convergence)

    def require_same_crs(self, epsg: int, where: str) -> None:
        """Raises CrsMismatchError when `epsg` is not this frame's, naming both and `where` it was met."""
        if epsg != self.epsg:
            raise CrsMismatchError(
                f"{where} is in EPSG:{epsg} but the workspace's map is in EPSG:{self.epsg}; "
                "reproject it or use another workspace"
            )

    @classmethod
    def from_dict(cls, raw: Any) -> MapFrame:
        """The inverse of `as_dict`. Raises ContractError when it is none."""
        try:
            frame = cls(int(raw["epsg"]), (float(raw["origin_m"][0]), float(raw["origin_m"][1])), float(raw["epoch"]))
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise ContractError(f"{str(raw)[:80]!r} is no frame of a map (epsg, origin_m, epoch)") from error
        if not (1024 <= frame.epsg <= 998_999 and all(abs(v) < 1e8 for v in (*frame.origin_m, frame.epoch))):
            raise ContractError(f"{str(raw)[:80]!r} is no frame of a map: EPSG code, origin or epoch out of range")
        return frame

    def as_dict(self) -> dict[str, object]:
        return {"epsg": self.epsg, "origin_m": list(self.origin_m), "epoch": self.epoch}


def utm_epsg(lon_deg: float, lat_deg: float) -> int:
    """EPSG code of the WGS84 UTM zone of a place.

    Raises ConfigurationError outside 80 S..84 N or off the globe.
    """
    if not (-180.0 <= lon_deg <= 180.0 and -80.0 <= lat_deg <= 84.0):
        raise ConfigurationError(f"no UTM zone at lon {lon_deg}, lat {lat_deg}: set map.epsg")
    zone = min(int((lon_deg + 180.0) // 6.0) + 1, 60)
    return (32600 if lat_deg >= 0 else 32700) + zone


def wgs84_to_projected(epsg: int, lon_lat_height: Float) -> Float:
    """(N, 3) degrees, degrees, ellipsoidal metres to (N, 3) easting, northing, height."""
    lon_lat_height = np.asarray(lon_lat_height, dtype=np.float64)
    east, north = _transformer(4326, epsg).transform(lon_lat_height[:, 0], lon_lat_height[:, 1])
    return np.stack([east, north, lon_lat_height[:, 2]], axis=1)


def projected_to_wgs84(epsg: int, xyz_projected: Float) -> Float:
    """(N, 3) easting, northing, height to (N, 3) degrees, degrees, ellipsoidal metres."""
    xyz_projected = np.asarray(xyz_projected, dtype=np.float64)
    lon, lat = _transformer(epsg, 4326).transform(xyz_projected[:, 0], xyz_projected[:, 1])
    return np.stack([lon, lat, xyz_projected[:, 2]], axis=1)


def ecef_to_wgs84(xyz_ecef: Float) -> Float:
    """(N, 3) Earth-centred Earth-fixed metres to (N, 3) degrees, degrees, ellipsoidal metres."""
    x, y, z = np.asarray(xyz_ecef, dtype=np.float64).T
    lon, lat, height = _transformer(4978, 4979).transform(x, y, z)
    return np.stack([lon, lat, height], axis=1)


def projjson(epsg: int) -> dict[str, object]:
    """PROJJSON of a CRS, as GeoParquet 1.1 stores it."""
    return dict(_crs(epsg).to_json_dict())


def epsg_of_projjson(crs: dict[str, object]) -> int:
    """EPSG code of a PROJJSON CRS. Raises ConfigurationError when it has none."""
    try:
        code = pyproj.CRS.from_json_dict(crs).to_epsg()
    except (pyproj.exceptions.CRSError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{str(crs)[:80]!r} is no PROJJSON; write the file again") from error
    if code is None:
        raise ConfigurationError(f"the CRS '{crs.get('name')}' has no EPSG code; reproject the file to one that has")
    return int(code)


@lru_cache(maxsize=32)
def _crs(epsg: int) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_epsg(epsg)
    except pyproj.exceptions.CRSError as error:
        raise ConfigurationError(f"EPSG:{epsg} is no coordinate reference system that is known here") from error


@lru_cache(maxsize=32)
def _transformer(source_epsg: int, target_epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(_crs(source_epsg), _crs(target_epsg), always_xy=True)
