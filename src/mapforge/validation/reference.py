"""Reads a reference map in any format MapForge knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mapforge.errors import ConfigurationError, ContractError, MissingInputError
from mapforge.geometry.av2_cities import city_in_name
from mapforge.geometry.crs import MapFrame
from mapforge.io.elements import read_elements
from mapforge.schemas.elements import MapElement
from mapforge.validation.av2_map import read_av2_map
from mapforge.validation.geojson_map import read_geojson
from mapforge.validation.tile_files import whole_map

FORMATS = "own GeoParquet (a file or a folder of tiles), GeoJSON, or an AV2 map (JSON file, map folder or log folder)"


def read_reference(path: Path, frame: MapFrame, city: str | None = None) -> list[MapElement]:
    """Whole elements in the map frame.

    city: of an AV2 map whose file name does not state it. Raises MissingInputError when nothing is there,
    ConfigurationError when the format is unknown, CrsMismatchError when a GeoParquet file is in another CRS.
    """
    if not path.exists():
        raise MissingInputError(f"the reference {path} is not there; check region.reference")
    if path.is_dir():
        return _read_folder(path, frame, city)
    if path.suffix == ".parquet":
        return whole_map(_read_own(path, frame))
    if path.suffix in (".json", ".geojson"):
        return _read_json(path, frame, city)
    raise ConfigurationError(f"{path}: unknown reference format; use {FORMATS}")


def _read_folder(path: Path, frame: MapFrame, city: str | None) -> list[MapElement]:
    av2 = sorted(path.glob("log_map_archive_*.json")) or sorted(path.glob("map/log_map_archive_*.json"))
    if av2:
        named = next((c for c in (city_in_name(p.name) for p in sorted(av2[0].parent.iterdir())) if c), None)
        return _read_json(av2[0], frame, city or named)
    tables = sorted(path.rglob("*.parquet"))
    if tables:
        return whole_map([element for table in tables for element in _read_own(table, frame)])
    maps = sorted(path.rglob("*.geojson"))
    if maps:
        return [element for file in maps for element in _read_json(file, frame, city)]
    raise ConfigurationError(f"{path} holds no reference map; use {FORMATS}")


def _read_own(path: Path, frame: MapFrame) -> list[MapElement]:
    try:
        return read_elements(path, frame)[0]
    except ContractError as error:
        raise ConfigurationError(f"{path} is no element file of MapForge ({error}); use {FORMATS}") from error


def _read_json(path: Path, frame: MapFrame, city: str | None) -> list[MapElement]:
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not JSON: {error}; use {FORMATS}") from error
    if isinstance(raw, dict) and raw.get("type") == "FeatureCollection":
        return read_geojson(raw, frame, str(path))
    if isinstance(raw, dict) and "lane_segments" in raw:
        named = city or city_in_name(path.name)
        if named is None:
            raise ConfigurationError(f"{path} is an AV2 map whose name states no city; set region.city, e.g. PIT")
        return read_av2_map(raw, named, frame, str(path))
    raise ConfigurationError(f"{path}: unknown reference format; use {FORMATS}")
