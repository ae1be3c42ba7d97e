"""Commands on finished maps: validate, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mapforge.cli.app import INCOMPLETE, OK
from mapforge.cli.options import required, split_options
from mapforge.cli.output import print_json, print_table, say
from mapforge.cli.results import COLUMNS
from mapforge.config import compose_settings, split_list
from mapforge.errors import ConfigurationError, MissingInputError

FORMATS = ("geojson", "lanelet2")


def validate(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"tiles": "", "reference": ""}, {"city": "region.city"})
    settings = compose_settings(overrides)
    from mapforge.validation.stage import run_on_files

    tiles = Path(required(options, "tiles", "mapforge validate tiles=data/workspace/tiles reference=map.geojson"))
    reference = Path(options["reference"]).expanduser() if options["reference"] else None
    result = run_on_files(tiles.expanduser(), reference, settings.validation, settings.region.city)
    document: dict[str, Any] = {
        "metrics": result.metrics,
        "tiles": [{"tile": t.tile, "state": t.state, "reasons": list(t.reasons)} for t in result.tiles],
        "issues": [issue.as_dict() for issue in result.issues],
    }
    if json_output:
        print_json(_without_nan(document))
    else:
        _print(document)
    return OK if all(tile["state"] == "valid" for tile in document["tiles"]) else INCOMPLETE


def export(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"tiles": "", "to": "[geojson]", "out": "data/export"})
    formats = split_list(options["to"])
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ConfigurationError(f"to={options['to']}: no format {unknown}; there are: {', '.join(FORMATS)}")
    from mapforge.tiles.geojson import export_geojson
    from mapforge.tiles.lanelet2 import export_lanelet2

    exports = {"geojson": export_geojson, "lanelet2": export_lanelet2}
    files = _tile_files(options["tiles"], overrides)
    out = Path(options["out"]).expanduser()
    written = [path for name in formats for path in exports[name](files, out)]
    print_json({"files": [str(path) for path in written]}) if json_output else say("\n".join(map(str, written)))
    return OK


def _tile_files(tiles: str, overrides: list[str]) -> list[Path]:
    """The tile files of a folder, or the current builds of a workspace."""
    from mapforge.catalog import Catalog
    from mapforge.geometry.tiles import TileId
    from mapforge.io.mirror import fetch_immutable
    from mapforge.io.workspace import Workspace
    from mapforge.validation.tile_files import find_tile_files

    if tiles:
        return list(find_tile_files(Path(tiles).expanduser()).values())
    settings = compose_settings(overrides)
    workspace = Workspace.at(settings.workspace)
    current = [t for t in Catalog.of(settings.workspace, settings.catalog_url).tiles() if t.build is not None]
    if not current:
        raise MissingInputError(f"workspace {workspace.root} has no tiles yet; run a region, or give tiles=PATH")
    files = [workspace.tile(TileId.parse(tile.tile), str(tile.build)) for tile in current]
    fetch_immutable(workspace, files)
    return files


def _print(document: dict[str, Any]) -> None:
    metrics = document["metrics"]
    rows = [
        [name, *("" if values.get(key) is None else f"{values[key]:.3f}" for key in COLUMNS)]
        for name, values in metrics.items()
    ]
    print_table("Scores", ["class", *COLUMNS.values()], rows)
    for tile in document["tiles"]:
        say(f"{tile['tile']} {tile['state']} {'; '.join(tile['reasons'])}".rstrip())
    say(f"{len(document['issues'])} issues")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value
