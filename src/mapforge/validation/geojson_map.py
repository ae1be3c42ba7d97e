"""GeoJSON maps: RFC 7946 in degrees, projected where a `crs` member says so, and plain metres without either."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError
from mapforge.geometry.crs import MapFrame, projected_to_wgs84
from mapforge.schemas.elements import ATTRIBUTE_NAMES, ElementClass, MapElement

Float = NDArray[np.float64]

_WGS84_CODES = (4326, 4979)
_EPSG = re.compile(r"EPSG:{1,2}(\d{4,6})")
_OTHER_MARKING_TYPES = {"broken": "dashed"}


def read_geojson(raw: dict[str, Any], frame: MapFrame, where: str) -> list[MapElement]:
    """Elements of the features whose `class` is one of ours (or of the nuScenes scenes), in the map frame.

    Coordinates are longitude and latitude; or of the EPSG code of a `crs` member; or, when they cannot be degrees
    and no CRS is named, metres of the map frame itself (maps of simulated places). Heights may be missing.
    Raises ConfigurationError when no feature can be used.
    """
    try:
        return _elements(raw, frame, where)
    except ConfigurationError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"{where} is no GeoJSON map: {type(error).__name__} {str(error)[:200]}") from error


def _elements(raw: dict[str, Any], frame: MapFrame, where: str) -> list[MapElement]:
    features = [f for f in raw.get("features", []) if isinstance(f, dict) and f.get("geometry")]
    known = [(f, _class_of(f.get("properties") or {})) for f in features]
    used = [(f, c) for f, c in known if c is not None]
    if not used:
        raise ConfigurationError(
            f"{where}: none of its {len(features)} features has a property 'class' that is one of "
            f"{', '.join(ElementClass)}"
        )
    try:
        shapes = shapely.from_geojson([json.dumps(f["geometry"]) for f, _ in used])
    except shapely.errors.GEOSException as error:
        raise ConfigurationError(f"{where}: a geometry is not valid GeoJSON: {error}") from error
    in_map = _to_map(shapes, _epsg_of(raw), frame)
    return [
        _element(f.get("properties") or {}, c, part, f"{where}#{i}")
        for i, ((f, c), shape) in enumerate(zip(used, in_map))
        for part in shapely.get_parts(shape)
        if not part.is_empty
    ]


def _class_of(properties: dict[str, Any]) -> ElementClass | None:
    name, role = properties.get("class"), properties.get("geometry_role")
    if name == "lane" and role == "surface":
        return ElementClass.DRIVABLE_AREA
    if name == "lane_marking":
        return ElementClass.LANE_DIVIDER
    return ElementClass(name) if name in list(ElementClass) else None


def _element(properties: dict[str, Any], element_class: ElementClass, shape: Any, fallback: str) -> MapElement:
    attributes = {n: properties[n] for n in ATTRIBUTE_NAMES if properties.get(n) is not None}
    if "marking_colour" in properties:
        attributes["colour"] = properties["marking_colour"]
    kind = attributes.get("marking_type")
    if kind is not None:
        attributes["marking_type"] = _OTHER_MARKING_TYPES.get(kind, kind)
    sigma = properties.get("sigma_m") or ()
    return MapElement(
        str(properties.get("element_id") or properties.get("id") or fallback),
        element_class,
        shape,
        attributes,
        float(properties.get("confidence") or 1.0),
        tuple(float(s) for s in sigma) if isinstance(sigma, list) else (),
    )


def _epsg_of(raw: dict[str, Any]) -> int | None:
    crs = raw.get("crs")
    name = str((crs.get("properties") or {}).get("name", "")) if isinstance(crs, dict) else ""
    match = _EPSG.search(name)
    return 4326 if "CRS84" in name else int(match.group(1)) if match else None


def _to_map(shapes: NDArray, epsg: int | None, frame: MapFrame) -> NDArray:
    xmin, ymin, xmax, ymax = shapely.total_bounds(shapes)
    degrees = xmin >= -180.0 and xmax <= 180.0 and ymin >= -90.0 and ymax <= 90.0
    if epsg is None and not degrees:
        return shapes

    def move(xy: Float, z: Float) -> Float:
        xyz = np.column_stack([xy, z])
        if epsg == frame.epsg:
            return frame.from_projected(xyz)
        return frame.from_wgs84(xyz if epsg is None or epsg in _WGS84_CODES else projected_to_wgs84(epsg, xyz))

    has_z = shapely.has_z(shapes)
    moved = np.array(shapes, dtype=object)
    moved[~has_z] = shapely.transform(shapes[~has_z], lambda xy: move(xy, np.zeros(len(xy)))[:, :2])
    moved[has_z] = shapely.transform(shapes[has_z], lambda c: move(c[:, :2], c[:, 2]), include_z=True)
    return moved
