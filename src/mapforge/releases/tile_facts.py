"""What a manifest keeps of a tile file, and proof that the file is the one that was built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from mapforge.catalog.tables import Build
from mapforge.errors import ContractError, MissingInputError, ReleaseError
from mapforge.geometry.tiles import TileId
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.parquet import read_metadata, read_table
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import ReleasedTile
from mapforge.schemas.elements import ELEMENTS


def new_tile(workspace: Workspace, tile: str, build: str, recorded: Build | None, release: str) -> ReleasedTile:
    """Reads a tile file whole. recorded: what the catalog knows of the build.

    Raises ReleaseError when the file is missing, torn, of another tile or build, or not what was recorded.
    """
    path = workspace.tile(TileId.parse(tile), build)
    footer, table = _read(path, tile)
    sha256 = sha256_of_file(path)
    said = {"tile": footer.get("tile"), "build": footer.get("build")}
    if said != {"tile": tile, "build": build}:
        raise ReleaseError(f"{path} says it is {said}; {_BUILD_AGAIN.format(tile)}")
    if recorded is not None and recorded.sha256 not in (None, sha256):
        raise ReleaseError(
            f"{path} was changed: sha256 {sha256[:12]}, recorded {str(recorded.sha256)[:12]}; "
            + _BUILD_AGAIN.format(tile)
        )
    seen_first = [ns for ns in table["first_seen_ns"].to_pylist() if ns]
    seen_last = [ns for ns in table["last_seen_ns"].to_pylist() if ns]
    counts = {row["values"]: row["counts"] for row in pc.value_counts(table["class"]).to_pylist()}
    return ReleasedTile(
        tile=tile,
        build=build,
        path=path.relative_to(workspace.root).as_posix(),
        sha256=sha256,
        size_bytes=path.stat().st_size,
        bbox_m=_bounds(table),
        counts=dict(sorted(counts.items())),
        first_seen_ns=min(seen_first, default=0),
        last_seen_ns=max(seen_last, default=0),
        code_version=footer.get("code_version", ""),
        models=_models(footer),
        released=release,
    )


def check_file(workspace: Workspace, tile: ReleasedTile, hashed: bool = True) -> None:
    """Raises ReleaseError when the file of a released tile is missing or was changed.

    hashed: compare the content, not only the size.
    """
    path = tile.file(workspace)
    if not path.is_file():
        raise ReleaseError(f"{path} is missing; {_BUILD_AGAIN.format(tile.tile)}")
    if path.stat().st_size != tile.size_bytes or (hashed and sha256_of_file(path) != tile.sha256):
        raise ReleaseError(f"{path} is not what release {tile.released} published; {_BUILD_AGAIN.format(tile.tile)}")


_BUILD_AGAIN = "delete it and `mapforge retry tile={}`"


def _read(path: Path, tile: str) -> tuple[Mapping[str, str], Any]:
    try:
        return read_metadata(path), read_table(path, ELEMENTS)
    except (FileNotFoundError, MissingInputError) as error:
        raise ReleaseError(f"{path} is missing; {_BUILD_AGAIN.format(tile)}") from error
    except (ContractError, OSError, ValueError) as error:
        raise ReleaseError(f"{path} cannot be read ({error}); {_BUILD_AGAIN.format(tile)}") from error


def _bounds(table: Any) -> tuple[float, float, float, float] | None:
    if table.num_rows == 0:
        return None
    box = table["bbox"].combine_chunks()
    return (
        pc.min(box.field("xmin")).as_py(),
        pc.min(box.field("ymin")).as_py(),
        pc.max(box.field("xmax")).as_py(),
        pc.max(box.field("ymax")).as_py(),
    )


def _models(footer: Mapping[str, str]) -> dict[str, str]:
    """The weights a tile was made with, by role."""
    try:
        models = json.loads(footer.get("models", "{}"))
    except json.JSONDecodeError:
        models = {"all": footer["models"]}
    return {str(role): str(name) for role, name in sorted(models.items())}
