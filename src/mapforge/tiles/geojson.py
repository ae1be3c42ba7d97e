"""GeoJSON (RFC 7946): WGS84 longitude, latitude, ellipsoidal height; whole elements, not their pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.io.atomic import write_text
from mapforge.io.elements import frame_of, read_elements
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements

_DEGREE_DECIMALS = 9  # 0.1 mm
_HEIGHT_DECIMALS = 4


def export_geojson(tile_files: list[Path], out: Path) -> list[Path]:
    """Writes the elements of tiles (one build a tile); returns the files written.

    out: a file when it ends in .geojson or .json, else a folder that gets one file a class.
    Raises MissingInputError without tiles, CrsMismatchError when they are not in one CRS.
    """
    if not tile_files:
        raise MissingInputError("no tiles to export: build a region first, or check the path")
    frame = frame_of(sorted(tile_files)[0])
    pieces = [piece for path in sorted(tile_files) for piece in read_elements(path, frame)[0]]
    elements = whole_elements(pieces)
    if out.suffix.lower() in (".geojson", ".json"):
        _write(elements, frame, out)
        return [out]
    written = []
    for element_class in ElementClass:
        of_class = [element for element in elements if element.element_class is element_class]
        if of_class:
            written.append(out / f"{element_class}.geojson")
            _write(of_class, frame, written[-1])
    return written


def _write(elements: list[MapElement], frame: MapFrame, target: Path) -> None:
    collection = {"type": "FeatureCollection", "features": [_feature(element, frame) for element in elements]}
    write_text(target, json.dumps(collection, separators=(",", ":"), allow_nan=False), target.parent)


def _feature(element: MapElement, frame: MapFrame) -> dict[str, Any]:
    geometry = shapely.transform(shapely.force_3d(element.geometry, 0.0), frame.to_wgs84, include_z=True)
    if isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
        geometry = shapely.orient_polygons(geometry, exterior_cw=False)
    shape = shapely.geometry.mapping(geometry)
    return {
        "type": "Feature",
        "id": element.element_id,
        "geometry": {"type": shape["type"], "coordinates": _rounded(shape["coordinates"])},
        "properties": {
            "element_id": element.element_id,
            "class": str(element.element_class),
            **element.attributes,
            "confidence": round(element.confidence, 4),
            "sigma_m": [round(float(sigma), 4) for sigma in element.sigma_m],
            "n_drives": element.n_drives,
            "first_seen_ns": element.first_seen_ns,
            "last_seen_ns": element.last_seen_ns,
            "sources": list(element.sources),
        },
    }


def _rounded(coordinates: Any) -> Any:
    """Nested coordinate tuples with degrees to 9 and heights to 4 decimals."""
    if isinstance(coordinates[0], float | int | np.floating):
        lon, lat, height = coordinates
        return [round(lon, _DEGREE_DECIMALS), round(lat, _DEGREE_DECIMALS), round(height, _HEIGHT_DECIMALS)]
    return [_rounded(part) for part in coordinates]
