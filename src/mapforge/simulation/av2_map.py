"""Argoverse 2 vector maps as worlds are made from them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.geometry.av2_cities import CITY_ORIGINS_LAT_LON_DEG, city_in_name, city_to_map
from mapforge.geometry.crs import MapFrame, projected_to_wgs84, utm_epsg, wgs84_to_projected
from mapforge.simulation.charted import ChartedLine, ChartedMap, lanes_on, largest_part, turn_of
from mapforge.simulation.lanes import Lane

Float = NDArray[np.float64]

CITY_SPEED_MPS = 11.2
LANE_TYPES = ("VEHICLE", "BUS")
FARTHEST_M = 1e6
"""From the city's origin: what lies farther is damaged, and would be paved."""
MARKS = {
    "SOLID": "solid",
    "DASHED": "dashed",
    "DOUBLE_SOLID": "double_solid",
    "DOUBLE_DASH": "double_dashed",
    "SOLID_DASH": "solid_dashed",
    "DASH_SOLID": "dashed_solid",
}


def read_av2_map(source: Path) -> ChartedMap:
    """Reads `log_map_archive_*.json`.

    Raises ConfigurationError when its name states no known city or a part is missing.
    """
    city = city_in_name(source.name)
    if city is None:
        raise ConfigurationError(f"{source.name} names no AV2 city: keep the file name of the data set (.._PIT_..)")
    try:
        return _charted(json.loads(source.read_bytes()), source, city)
    except ConfigurationError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, ShapelyError) as error:
        raise ConfigurationError(f"{source} is no AV2 map: {type(error).__name__} {str(error)[:200]}") from error


def _charted(raw: dict[str, Any], source: Path, city: str) -> ChartedMap:
    areas = [_points(area["area_boundary"]) for area in raw["drivable_areas"].values()]
    segments = list(raw["lane_segments"].values())
    crossings = list(raw["pedestrian_crossings"].values())
    frame = _frame_of(np.vstack(areas), city)

    def placed(points: Any) -> Float:
        return city_to_map(_points(points), city, frame)

    outlines = [city_to_map(area, city, frame)[:, :2] for area in areas]
    asphalt = largest_part(_united(outlines))
    heights = np.vstack([placed(s[f"{side}_lane_boundary"]) for s in segments for side in ("left", "right")])
    return ChartedMap(
        name=f"av2-{source.stem.removeprefix('log_map_archive_')[:8]}",
        frame=frame,
        placement=f"AV2 city {city}",
        asphalt=asphalt,
        extent=shapely.box(*shapely.bounds(shapely.MultiPoint(np.vstack(outlines)))),
        lanes=lanes_on(asphalt, _lanes(segments, placed)),
        lines=list(_lines(segments, placed)),
        crossings=[(placed(c["edge1"])[:, :2], placed(c["edge2"])[:, :2]) for c in crossings],
        heights=heights,
    )


def _points(points: Iterable[dict[str, float]]) -> Float:
    xyz = np.array([[p["x"], p["y"], p["z"]] for p in points], dtype=np.float64).reshape(-1, 3)
    if not (np.abs(xyz) < FARTHEST_M).all():
        raise ValueError(f"a point of the map is not within {FARTHEST_M:.0f} m")
    return xyz


def _frame_of(points_city: Float, city: str) -> MapFrame:
    lat, lon = CITY_ORIGINS_LAT_LON_DEG[city]
    epsg = utm_epsg(lon, lat)
    middle = points_city.mean(axis=0) + wgs84_to_projected(epsg, np.array([[lon, lat, 0.0]]))[0]
    place = projected_to_wgs84(epsg, middle[None])[0]
    return MapFrame.at(float(place[0]), float(place[1]), epsg)


def _united(outlines: list[Float]) -> shapely.Geometry:
    whole = shapely.union_all([shapely.make_valid(shapely.Polygon(outline)) for outline in outlines])
    return whole.buffer(0.1, join_style="mitre").buffer(-0.1, join_style="mitre")


def _lanes(segments: list[dict[str, Any]], placed: Any) -> list[Lane]:
    used = [s for s in segments if s["lane_type"] in LANE_TYPES]
    number = {s["id"]: n for n, s in enumerate(used)}
    lanes = []
    for segment in used:
        left, right = (
            polylines.resample_count(placed(segment[f"{side}_lane_boundary"])[:, :2], 40) for side in ("left", "right")
        )
        centre = polylines.resample((left + right) / 2, 1.0)
        width = float(np.median(np.linalg.norm(left - right, axis=1)))
        neighbours = {
            side: _same_way(segment, segments, segment[f"{side}_neighbor_id"], number) for side in ("left", "right")
        }
        lanes.append(
            Lane(
                centreline=centre,
                width_m=round(width, 2),
                speed_limit_mps=CITY_SPEED_MPS,
                turn=turn_of(centre) if segment["is_intersection"] else "",
                left=neighbours["left"],
                right=neighbours["right"],
                successors=tuple(number[s] for s in segment["successors"] if s in number),
            )
        )
    return lanes


def _same_way(
    segment: dict[str, Any], segments: list[dict[str, Any]], neighbour: int | None, number: dict[int, int]
) -> int:
    """Index of a neighbour that leads in the same direction, else -1."""
    if neighbour not in number:
        return -1
    other = next(s for s in segments if s["id"] == neighbour)
    ways = [_points(s["left_lane_boundary"])[[0, -1], :2] for s in (segment, other)]
    same = float((ways[0][1] - ways[0][0]) @ (ways[1][1] - ways[1][0])) > 0
    return number[other["id"]] if same else -1


def _lines(segments: list[dict[str, Any]], placed: Any) -> Iterable[ChartedLine]:
    for segment in segments:
        for side in ("left", "right"):
            kind, _, colour = segment[f"{side}_lane_mark_type"].rpartition("_")
            if kind in MARKS:
                xy = placed(segment[f"{side}_lane_boundary"])[:, :2]
                yield ChartedLine(xy, MARKS[kind], colour.lower())
