"""nuScenes scenes as GeoJSON (lane surfaces, centrelines, painted lines) as worlds are made from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from mapforge.errors import ConfigurationError
from mapforge.geometry import polylines
from mapforge.geometry.crs import MapFrame
from mapforge.simulation.charted import NO_GEOREFERENCE, ChartedLine, ChartedMap, lanes_on, largest_part, paved, turn_of
from mapforge.simulation.lanes import Lane

Float = NDArray[np.float64]

CITY_SPEED_MPS = 11.2
GUTTER_M = 0.45
CONNECTOR_HALF_WIDTH_M = 1.9
CORNER_RADIUS_M = 5.0
NARROWEST_M = 3.0
ISLAND_HOLE_M2 = 60.0
FARTHEST_M = 1e6
"""From the file's origin: what lies farther is damaged, and would be paved."""
JOINT_M = 0.8
JOINT_RAD = np.deg2rad(35.0)


def read_nuscenes_map(source: Path, lon_lat_deg: tuple[float, float]) -> ChartedMap:
    """Reads a scene's map.geojson and puts its middle at lon_lat_deg: the file itself has no place on earth.

    Lanes are joined where one ends as another begins; asphalt is the lanes' surfaces, the ways between
    them and a gutter.
    Raises ConfigurationError when the file holds no lanes.
    """
    try:
        return _charted(json.loads(source.read_bytes())["features"], source, lon_lat_deg)
    except ConfigurationError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, ShapelyError) as error:
        raise ConfigurationError(f"{source} is no GeoJSON map: {type(error).__name__} {str(error)[:200]}") from error


def _charted(features: list[dict[str, Any]], source: Path, lon_lat_deg: tuple[float, float]) -> ChartedMap:
    frame = MapFrame.at(*lon_lat_deg)
    surfaces = _coordinates(features, "lane", "surface")
    centrelines = [polylines.resample(xy, 1.0) for xy in _coordinates(features, "lane", "centerline")]
    if not surfaces or not centrelines:
        raise ConfigurationError(f"{source} holds no lane surfaces and centrelines")
    middle = np.mean(np.vstack(surfaces), axis=0)
    shift = frame.from_wgs84(np.array([[*lon_lat_deg, 0.0]]))[0, :2] - middle
    polygons = [shapely.make_valid(shapely.Polygon(xy + shift)) for xy in surfaces]
    asphalt = _asphalt(polygons, [xy + shift for xy in centrelines])
    lanes = _lanes([xy + shift for xy in centrelines], polygons)
    lines = [
        ChartedLine(
            np.asarray(f["geometry"]["coordinates"], dtype=np.float64)[:, :2] + shift,
            {"broken": "dashed"}.get(f["properties"]["marking_type"], "solid"),
            f["properties"]["marking_colour"],
        )
        for f in features
        if f["properties"]["class"] == "lane_marking"
    ]
    return ChartedMap(
        name=f"nuscenes-{source.parent.name.removeprefix('scene-')}",
        frame=frame,
        placement=NO_GEOREFERENCE,
        asphalt=asphalt,
        extent=shapely.box(*shapely.bounds(asphalt)).buffer(-0.2, join_style="mitre"),
        lanes=lanes_on(asphalt, lanes),
        lines=lines,
        crossings=[],
    )


def _coordinates(features: list[dict[str, Any]], kind: str, role: str) -> list[Float]:
    found = []
    for feature in features:
        if feature["properties"]["class"] == kind and feature["properties"]["geometry_role"] == role:
            raw = feature["geometry"]["coordinates"]
            xy = np.asarray(raw[0] if feature["geometry"]["type"] == "Polygon" else raw, dtype=np.float64)[:, :2]
            if not (np.abs(xy) < FARTHEST_M).all():
                raise ValueError(f"a point of the map is not within {FARTHEST_M:.0f} m")
            if polylines.length(xy) > 1.0:
                found.append(xy)
    return found


def _asphalt(polygons: list[shapely.Geometry], centrelines: list[Float]) -> shapely.Polygon:
    ways = shapely.buffer([shapely.LineString(xy) for xy in centrelines], CONNECTOR_HALF_WIDTH_M, cap_style="flat")
    united = shapely.union_all([*polygons, *ways]).buffer(GUTTER_M, join_style="mitre", mitre_limit=2.0)
    return largest_part(paved(united, CORNER_RADIUS_M, NARROWEST_M), ISLAND_HOLE_M2)


def _lanes(centrelines: list[Float], polygons: list[shapely.Geometry]) -> list[Lane]:
    """Lanes whose centre lies on a surface are street lanes, the others lead through junctions."""
    tree = shapely.STRtree(polygons)
    starts = np.array([xy[0] for xy in centrelines])
    headings = [np.arctan2(*polylines.tangents(xy)[[0, -1]].T[::-1]) for xy in centrelines]
    lanes = []
    for n, xy in enumerate(centrelines):
        line = shapely.LineString(xy)
        near = tree.query(line, predicate="intersects")
        share = max((polygons[i].intersection(line).length / line.length for i in near), default=0.0)
        gap = np.linalg.norm(starts - xy[-1], axis=1)
        follow = [
            int(m)
            for m in np.flatnonzero(gap < JOINT_M)
            if m != n and abs(np.angle(np.exp(1j * (headings[m][0] - headings[n][1])))) < JOINT_RAD
        ]
        lanes.append(
            Lane(
                centreline=xy,
                width_m=3.2,
                speed_limit_mps=CITY_SPEED_MPS,
                turn="" if share > 0.9 else turn_of(xy),
                successors=tuple(follow),
            )
        )
    return lanes
