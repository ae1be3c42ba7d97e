"""PMTiles: all vector tiles of a release in one file, for maps in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from mapforge.errors import ReleaseError
from mapforge.geometry.web_mercator import from_unit_square
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import ReleaseManifest
from mapforge.releases.vector_tiles import Drawable, VectorTile, drawables, first_zoom, vector_tiles
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements

_IN_PIECES = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)
"""Areas that are drawn tile by tile: their outline means nothing."""


def write_pmtiles(workspace: Workspace, manifest: ReleaseManifest, target: Path, min_zoom: int, max_zoom: int) -> None:
    """Layers by class, zoom `min_zoom` to `max_zoom`. The same release gives the same bytes. Not atomic by itself.

    Memory: the elements of the release. Raises ReleaseError when it has none.
    """
    items = drawables(_elements(workspace, manifest), manifest.frame)
    tiles = list(vector_tiles(items, min_zoom, max_zoom))
    if not tiles:
        raise ReleaseError(f"release {manifest.name} has no element to draw")
    with target.open("wb") as stream:
        writer = Writer(stream)
        for number, tile in sorted((zxy_to_tileid(tile.zoom, tile.x, tile.y), tile.data) for tile in tiles):
            writer.write_tile(number, tile)
        writer.finalize(_header(items, tiles), _metadata(items, manifest, min_zoom, max_zoom))


def _elements(workspace: Workspace, manifest: ReleaseManifest) -> list[MapElement]:
    files = manifest.files(workspace)
    pieces = [piece for tile in sorted(files) for piece in read_elements(files[tile], manifest.frame)[0]]
    apart = [piece for piece in pieces if piece.element_class in _IN_PIECES]
    return whole_elements([piece for piece in pieces if piece.element_class not in _IN_PIECES]) + apart


def _header(items: Sequence[Drawable], tiles: Sequence[VectorTile]) -> dict[str, Any]:
    xmin, ymin, xmax, ymax = shapely.total_bounds([item.geometry for item in items])
    corners = from_unit_square(np.array([[xmin, ymax], [xmax, ymin], [(xmin + xmax) / 2, (ymin + ymax) / 2]]))
    (west, south), (east, north), (lon, lat) = np.round(corners * 1e7).astype(int).tolist()
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": tiles[-1].zoom - 1,
        "center_lon_e7": lon,
        "center_lat_e7": lat,
    }


def _metadata(items: Sequence[Drawable], manifest: ReleaseManifest, min_zoom: int, max_zoom: int) -> dict[str, Any]:
    fields: dict[ElementClass, dict[str, str]] = {}
    for item in items:
        own = fields.setdefault(item.element_class, {})
        own.update({name: "String" if isinstance(v, str) else "Number" for name, v in item.properties.items()})
    layers = [
        {
            "id": str(element_class),
            "fields": dict(sorted(names.items())),
            "minzoom": first_zoom(element_class, min_zoom, max_zoom),
            "maxzoom": max_zoom,
        }
        for element_class, names in sorted(fields.items())
    ]
    return {"name": manifest.name, "format": "pbf", "type": "overlay", "version": "1", "vector_layers": layers}
