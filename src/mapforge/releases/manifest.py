"""What a release says of itself: `releases/<name>/manifest.json`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from mapforge.errors import ContractError, UnknownReleaseError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
POINTER = "current"

_BUILD = re.compile(r"[A-Za-z0-9_-]+")

VALID, CARRIED_OVER = "valid", "carried_over"


@dataclass(frozen=True)
class ReleasedTile:
    """One tile of a release.

    path: of the file, from the workspace's root. bbox_m: xmin, ymin, xmax, ymax of the elements, absolute metres of the
    CRS; none without elements. counts: pieces a class. state: `valid`, or `carried_over` from the previous release
    because of `reason`. released: the first release with this build.
    """

    tile: str
    build: str
    path: str
    sha256: str
    size_bytes: int
    bbox_m: tuple[float, float, float, float] | None
    counts: dict[str, int]
    first_seen_ns: int
    last_seen_ns: int
    code_version: str
    models: dict[str, str]
    released: str
    state: str = VALID
    reason: str | None = None

    @property
    def tile_id(self) -> TileId:
        return TileId.parse(self.tile)

    def file(self, workspace: Workspace) -> Path:
        """Where the tile lies; never outside the workspace, whatever `path` says."""
        return workspace.tile(self.tile_id, self.build)


@dataclass(frozen=True)
class ReleaseManifest:
    """A release: which build of which tile, and where they come from.

    origin_m, epsg, epoch: the map's frame. previous: the release that was current before. metrics: of the run, class ->
    name -> value. left_out: tile -> why it is in no release yet. removed: tiles of the previous release that are gone.
    """

    name: str
    run_id: str
    epsg: int
    origin_m: tuple[float, float]
    epoch: float
    code_version: str
    tiles: tuple[ReleasedTile, ...]
    previous: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def frame(self) -> MapFrame:
        return MapFrame(self.epsg, self.origin_m, self.epoch)

    @cached_property
    def builds(self) -> dict[str, str]:
        """Tile -> build."""
        return {tile.tile: tile.build for tile in self.tiles}

    @property
    def carried_over(self) -> list[ReleasedTile]:
        """Tiles that would be newer, had their newest build been good."""
        return [tile for tile in self.tiles if tile.state == CARRIED_OVER]

    def files(self, workspace: Workspace) -> dict[TileId, Path]:
        """Tile -> its file."""
        return {tile.tile_id: tile.file(workspace) for tile in self.tiles}

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def text(self) -> str:
        """The manifest as it is kept."""
        return json.dumps(self.as_dict(), sort_keys=True, indent=1, allow_nan=False) + "\n"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()


def manifest_from_text(text: str | bytes, where: str) -> ReleaseManifest:
    """The inverse of `ReleaseManifest.text`; keys of later versions are left out.

    Raises ContractError when it is none, or of a version this MapForge does not read.
    """
    try:
        raw = json.loads(text)
        if raw["schema_version"] != SCHEMA_VERSION:
            raise ContractError(
                f"{where}: release schema version {raw['schema_version']}, this MapForge reads {SCHEMA_VERSION}"
            )
        tiles = tuple(
            ReleasedTile(**{**_known(ReleasedTile, tile), "bbox_m": tile["bbox_m"] and tuple(tile["bbox_m"])})
            for tile in raw["tiles"]
        )
        for tile in tiles:
            if tile.path != f"tiles/{tile.tile_id}/{tile.build}.parquet" or not _BUILD.fullmatch(tile.build):
                raise ContractError(f"{where}: tile {tile.tile} is said to lie at '{tile.path}'")
        own = {"tiles": tiles, "origin_m": tuple(raw["origin_m"]), "removed": tuple(raw["removed"])}
        manifest = ReleaseManifest(**{**_known(ReleaseManifest, raw), **own})
        _require_types(manifest)
    except ContractError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ContractError(f"{where} is no release manifest ({error!r}); publish the release again") from error
    return manifest


def _require_types(manifest: ReleaseManifest) -> None:
    """Raises ContractError or TypeError."""
    MapFrame.from_dict({"epsg": manifest.epsg, "origin_m": manifest.origin_m, "epoch": manifest.epoch})
    texts = (manifest.name, manifest.run_id, manifest.code_version, *manifest.removed, *manifest.left_out.values())
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.metrics, dict):
        raise TypeError("a name is no text, or the metrics are no object")


def read_release(workspace: Workspace, name: str) -> ReleaseManifest:
    """A release by its name, or `current`. Raises UnknownReleaseError, naming those there are."""
    if name == POINTER:
        found = current_release(workspace)
        if found is None:
            raise UnknownReleaseError(f"workspace {workspace.root} has no current release; `mapforge release publish`")
        return found
    path = workspace.release(name) / MANIFEST
    try:
        return manifest_from_text(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        known = ", ".join(release_names(workspace)[-5:]) or "none yet"
        raise UnknownReleaseError(f"no release '{name}' in {workspace.root}; newest: {known}") from error


def current_release(workspace: Workspace) -> ReleaseManifest | None:
    """What consumers read now; None before the first release."""
    while (name := current_name(workspace)) is not None:
        try:
            return read_release(workspace, name)
        except UnknownReleaseError:
            if current_name(workspace) == name:
                raise  # else it was replaced and pruned since its name was read
    return None


def builds_of(workspace: Workspace, name: str | None) -> dict[TileId, str]:
    """Tile -> build of a release; none for no name, and for `current` before the first release."""
    if name is None or (name == POINTER and current_name(workspace) is None):
        return {}
    return {tile.tile_id: tile.build for tile in read_release(workspace, name).tiles}


def current_name(workspace: Workspace) -> str | None:
    """The content of the pointer `releases/current`."""
    try:
        return (workspace.releases / POINTER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ContractError(f"{workspace.releases / POINTER} is damaged; `mapforge release rollback`") from error


def release_names(workspace: Workspace) -> list[str]:
    """Every release on disk, by name: names made from run ids sort by time."""
    return sorted(path.parent.name for path in workspace.releases.glob(f"*/{MANIFEST}"))


def _known(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    return {entry.name: raw[entry.name] for entry in fields(kind) if entry.name in raw}
