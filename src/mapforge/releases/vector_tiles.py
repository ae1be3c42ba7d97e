"""Mapbox vector tiles of elements: one layer a class, attributes kept, lines simplified by zoom."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.web_mercator import to_unit_square
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]

EXTENT = 4096
"""Steps of a coordinate along a tile's edge."""
BUFFER = 64
"""Steps that a tile's geometry goes beyond its edge, so that wide lines have no gaps."""
SIMPLIFIED = 2.0
"""Steps that a line may be off at all but the finest zoom; a screen shows about 8 steps as one pixel."""
FIRST_ZOOM = {
    ElementClass.LANE_DIVIDER: 14,
    ElementClass.LANE: 14,
    ElementClass.PED_CROSSING: 15,
    ElementClass.STOP_LINE: 16,
    ElementClass.ROAD_MARKING: 16,
    ElementClass.TRAFFIC_SIGN: 16,
    ElementClass.TRAFFIC_LIGHT: 16,
}
"""Classes that would only clutter coarser zooms; others are at all."""


@dataclass(frozen=True)
class Drawable:
    """An element on the unit square of web maps, and what its features say."""

    element_class: ElementClass
    geometry: shapely.Geometry
    properties: dict[str, Any]


@dataclass(frozen=True)
class VectorTile:
    """zoom, x, y: from the west and north. data: gzipped MVT."""

    zoom: int
    x: int
    y: int
    data: bytes


def drawables(elements: Sequence[MapElement], frame: MapFrame) -> list[Drawable]:
    """In order of class and id."""
    ordered = sorted(elements, key=lambda e: (e.element_class, e.element_id, e.geometry.wkb))
    flat = shapely.force_3d(np.array([e.geometry for e in ordered], dtype=object), 0.0)
    on_square = shapely.transform(
        shapely.force_2d(flat), lambda xy: to_unit_square(frame.to_wgs84(np.column_stack([xy, np.zeros(len(xy))])))
    )
    return [Drawable(e.element_class, shape, _properties(e)) for e, shape in zip(ordered, on_square)]


def first_zoom(element_class: ElementClass, min_zoom: int, max_zoom: int) -> int:
    """The coarsest zoom that has a class."""
    return min(max(FIRST_ZOOM.get(element_class, min_zoom), min_zoom), max_zoom)


def vector_tiles(items: Sequence[Drawable], min_zoom: int, max_zoom: int) -> Iterator[VectorTile]:
    """All tiles that have something in them, by zoom. The same elements give the same bytes."""
    for zoom in range(min_zoom, max_zoom + 1):
        shown = [item for item in items if first_zoom(item.element_class, min_zoom, max_zoom) <= zoom]
        for (x, y), layers in sorted(_cut(shown, zoom, 0.0 if zoom == max_zoom else SIMPLIFIED).items()):
            ordered = [{"name": str(name), "features": layers[name]} for name in ElementClass if name in layers]
            data = mapbox_vector_tile.encode(ordered, default_options={"y_coord_down": True, "extents": EXTENT})
            yield VectorTile(zoom, x, y, gzip.compress(data, mtime=0))


_Layers = dict[ElementClass, list[dict[str, Any]]]


def _cut(items: Sequence[Drawable], zoom: int, tolerance: float) -> dict[tuple[int, int], _Layers]:
    """(x, y) -> layer -> features, in steps of that tile."""
    if not items:
        return {}
    steps = EXTENT * 2.0**zoom
    shapes = shapely.transform(np.array([item.geometry for item in items], dtype=object), lambda xy: xy * steps)
    if tolerance:
        shapes = shapely.simplify(shapes, tolerance)
    bounds = shapely.bounds(shapes)
    low = np.floor((bounds[:, :2] - BUFFER) / EXTENT).astype(np.int64)
    high = np.floor((bounds[:, 2:] + BUFFER) / EXTENT).astype(np.int64)
    tiles: dict[tuple[int, int], _Layers] = {}
    for item, shape, (x0, y0), (x1, y1) in zip(items, shapes, low.tolist(), high.tolist()):
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                cut = _in_tile(shape, x, y)
                if not cut.is_empty:
                    feature = {"geometry": cut, "properties": item.properties}
                    tiles.setdefault((x, y), {}).setdefault(item.element_class, []).append(feature)
    return tiles


def _in_tile(shape: shapely.Geometry, x: int, y: int) -> shapely.Geometry:
    """What of a shape lies in a tile and its buffer, in whole steps from the tile's corner."""
    west, north = x * EXTENT, y * EXTENT
    cut = shapely.clip_by_rect(shape, west - BUFFER, north - BUFFER, west + EXTENT + BUFFER, north + EXTENT + BUFFER)
    if cut.is_empty:
        return cut
    whole = shapely.set_precision(shapely.transform(cut, lambda xy: xy - (west, north)), 1.0)
    dimension = shapely.get_dimensions(shape)
    parts = [part for part in shapely.get_parts(whole) if shapely.get_dimensions(part) == dimension]
    if len(parts) == 1:
        return parts[0]
    kinds = (shapely.MultiPoint, shapely.MultiLineString, shapely.MultiPolygon)
    return kinds[dimension](parts)


def _properties(element: MapElement) -> dict[str, Any]:
    """What MVT can hold: texts and numbers. Lists become texts with commas; of the sigmas the median stays."""
    values: dict[str, Any] = {"element_id": element.element_id}
    for name, value in sorted(element.attributes.items()):
        values[name] = ",".join(map(str, value)) if isinstance(value, list) else value
    values |= {
        "confidence": round(element.confidence, 4),
        "n_drives": element.n_drives,
        "last_seen_s": element.last_seen_ns // 10**9,
    }
    if element.sigma_m:
        values["sigma_median_m"] = round(float(np.median(element.sigma_m)), 4)
    return {name: value for name, value in values.items() if value is not None}
