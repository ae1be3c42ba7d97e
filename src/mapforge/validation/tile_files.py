"""Finds tile files and reads them, tile by tile, into one frame."""

from __future__ import annotations

import re
from pathlib import Path

from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import frame_of, read_elements
from mapforge.io.parquet import read_metadata
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements

_TILE_IN_PATH = re.compile(r"(\d{4,6})/(-?\d+)/(-?\d+)/[^/]+\.parquet$")


def find_tile_files(path: Path) -> dict[TileId, Path]:
    """Tile -> file of a tile file or a folder of them; of several builds of a tile the one written last.

    Raises MissingInputError when there is none.
    """
    files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    found: dict[TileId, Path] = {}
    for file in files:
        tile = tile_of(file)
        if tile is not None and (tile not in found or _written_ns(file) > _written_ns(found[tile])):
            found[tile] = file
    if not found:
        raise MissingInputError(f"{path} holds no tile files (EPSG/column/row/<build>.parquet); give the tiles folder")
    return dict(sorted(found.items()))


def tile_of(file: Path) -> TileId | None:
    """The tile a file says it is, in its footer or else by its place; None when it says nothing."""
    stated = read_metadata(file).get("tile") if file.is_file() else None
    if stated is not None:
        return TileId.parse(stated)
    match = _TILE_IN_PATH.search(file.as_posix())
    return TileId(*(int(part) for part in match.groups())) if match else None


def read_tiles(files: dict[TileId, Path], frame: MapFrame | None) -> tuple[dict[TileId, list[MapElement]], MapFrame]:
    """Elements by tile in `frame`, or in the frame of the first file.

    Raises CrsMismatchError when a tile is in another CRS.
    """
    chosen = frame or frame_of(next(iter(files.values())))
    return {tile: read_elements(file, chosen)[0] for tile, file in sorted(files.items())}, chosen


def whole_map(pieces: list[MapElement]) -> list[MapElement]:
    """Elements as they are on the ground. Coverage and drivable area stay in pieces: nobody asks for their outline."""
    ground = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)
    areas = [piece for piece in pieces if piece.element_class in ground]
    return whole_elements([piece for piece in pieces if piece.element_class not in ground]) + areas


def _written_ns(file: Path) -> int:
    return file.stat().st_mtime_ns
