"""Removes releases that nobody needs any more, then the tile files that nothing refers to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.catalog.owner import is_dead, this_process
from mapforge.catalog.releases import ReleaseRecords
from mapforge.catalog.tables import RunState
from mapforge.geometry.tiles import TileId
from mapforge.io import mirror
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import MANIFEST, current_name, read_release, release_names
from mapforge.releases.switching import reconcile, sole_writer

_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Pruned:
    """What went. releases: names. builds: tile files, from the workspace's root. freed_bytes: of those files.

    note: why tile files were left for the next time, if they were.
    """

    releases: tuple[str, ...]
    builds: tuple[str, ...]
    freed_bytes: int
    note: str | None = None


def needed_builds(workspace: Workspace) -> set[Path]:
    """Tile files that some release holds: whoever frees space leaves them."""
    manifests = (read_release(workspace, name) for name in release_names(workspace))
    return {tile.file(workspace) for manifest in manifests for tile in manifest.tiles}


def prune(workspace: Workspace, catalog: Catalog, keep: int, keep_days: float | None = None) -> Pruned:
    """Leaves the newest `keep` releases, those younger than `keep_days`, and always the current one.

    Then tile files go that are in no release and are no tile's current build; while another run is building they stay,
    because a new file may not be in the catalog yet. Raises LeaseHeldError while another process publishes.
    """
    with sole_writer(workspace, catalog) as unfinished:
        reconcile(workspace, catalog)
        names = _to_remove(workspace, catalog, keep, keep_days)
        for name in names:
            mirror.remove_folder(workspace, workspace.release(name), MANIFEST)
            gone = unfinished / name
            unfinished.mkdir(exist_ok=True)
            workspace.release(name).rename(gone)
        ReleaseRecords(catalog).forget(names)
        if _others_build(catalog):
            return Pruned(tuple(names), (), 0, "another run is building: tile files are left for the next time")
        builds, freed = _remove_builds(workspace, catalog)
        return Pruned(tuple(names), builds, freed)


def _to_remove(workspace: Workspace, catalog: Catalog, keep: int, keep_days: float | None) -> list[str]:
    releases = ReleaseRecords(catalog).all()
    young_ns = time.time_ns() - int(keep_days * _DAY_NS) if keep_days is not None else None
    old = releases[: len(releases) - keep] if keep else releases
    current = current_name(workspace)
    return [
        release.name
        for release in old
        if release.name != current and (young_ns is None or release.created_ns < young_ns)
    ]


def _others_build(catalog: Catalog) -> bool:
    own = this_process()
    return any(run.state == RunState.RUNNING and run.owner != own and not is_dead(run.owner) for run in catalog.runs())


def _remove_builds(workspace: Workspace, catalog: Catalog) -> tuple[tuple[str, ...], int]:
    standings = ReleaseRecords(catalog).standings()
    needed = needed_builds(workspace)
    needed |= {
        workspace.tile(TileId.parse(tile), standing.build)
        for tile, standing in standings.items()
        if standing.build is not None
    }
    there = mirror.listing(workspace, "tiles")
    unneeded = {path: item for path, item in there.items() if path.suffix == ".parquet" and path not in needed}
    freed = sum(item.size_bytes for item in unneeded.values())
    mirror.delete(workspace, unneeded)
    ReleaseRecords(catalog).forget_builds(("/".join(path.parent.parts[-3:]), path.stem) for path in unneeded)
    return tuple(map(workspace.name_of, unneeded)), freed
