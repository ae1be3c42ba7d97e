"""Publishes a release, and goes back to an earlier one.

In this order, so that a kill between any two steps leaves one whole release current: the release folder appears by one
rename; the catalog learns of it; the pointer is replaced by one rename; the catalog follows the pointer. In an object
store the files of a release come before its manifest, and that before the pointer, each of which is put in one piece.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mapforge import __version__
from mapforge.catalog import Catalog
from mapforge.catalog.releases import ReleaseRecords
from mapforge.errors import ReleaseError
from mapforge.geometry.tiles import TileId
from mapforge.io.atomic import atomic_folder
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.json_text import read_object
from mapforge.io.mirror import fetch_immutable, put_folder
from mapforge.io.workspace import Workspace
from mapforge.releases.config import ReleasesConfig
from mapforge.releases.manifest import MANIFEST, POINTER, ReleaseManifest, current_release, read_release, release_names
from mapforge.releases.selection import select_tiles
from mapforge.releases.switching import reconcile, sole_writer, switch
from mapforge.releases.tile_facts import check_file


def publish(
    workspace: Workspace,
    catalog: Catalog,
    builds: Mapping[str, str],
    run_id: str,
    name: str | None = None,
    *,
    removed: Collection[str] = (),
    metrics: Mapping[str, Any] | None = None,
    config: ReleasesConfig | None = None,
) -> ReleaseManifest:
    """Makes a release of the current one with other builds in it, and switches to it.

    builds: tile -> build; tiles of the current release that are not named stay as they are. A tile that is not valid
    keeps the build of the current release (`carried_over`), or is left out where there is none. name: the run id when
    not given; names should sort by time. removed: tiles that no release shall hold any more. metrics: of the run; those
    of its report when not given. Where this changes no tile and no name is given, the current release stays.

    Raises ReleaseError when nothing is valid, a tile file is not what was built, or the name is taken by another
    release; LeaseHeldError while another process publishes.
    """
    config = config or ReleasesConfig()
    with sole_writer(workspace, catalog) as unfinished:
        reconcile(workspace, catalog)
        previous = current_release(workspace)
        new_name = name or run_id
        asked = [workspace.tile(TileId.parse(tile), build) for tile, build in builds.items()]
        kept = previous.files(workspace).values() if previous is not None else ()
        fetch_immutable(workspace, (*asked, *kept))
        chosen = select_tiles(workspace, catalog, builds, previous, removed, new_name, config.verify_kept)
        if previous is not None and previous.tiles == chosen.tiles and name in (None, previous.name):
            return previous
        frame = workspace.read_frame()
        manifest = ReleaseManifest(
            name=new_name,
            run_id=run_id,
            epsg=frame.epsg,
            origin_m=frame.origin_m,
            epoch=frame.epoch,
            code_version=__version__,
            tiles=chosen.tiles,
            previous=None if previous is None else previous.name,
            metrics=_without_nan(dict(_metrics(workspace, run_id) if metrics is None else metrics)),
            left_out=chosen.left_out,
            removed=chosen.removed,
        )
        _write(workspace, manifest, unfinished, config)
        path = workspace.release(new_name) / MANIFEST
        ReleaseRecords(catalog).record(new_name, run_id, sha256_of_file(path), time.time_ns())
        switch(workspace, catalog, new_name, unfinished)
        return manifest


def rollback(workspace: Workspace, catalog: Catalog, name: str | None = None) -> ReleaseManifest:
    """Makes an earlier release current again, after checking every file of it.

    name: the release before the current one when not given. Raises UnknownReleaseError, ReleaseError when a file of it
    is missing or was changed, LeaseHeldError.
    """
    with sole_writer(workspace, catalog) as unfinished:
        reconcile(workspace, catalog)
        if name is None:
            name = read_release(workspace, POINTER).previous
            if name is None:
                raise ReleaseError("the current release is the first: there is none to go back to")
        manifest = verified_release(workspace, catalog, name)
        switch(workspace, catalog, manifest.name, unfinished)
        return manifest


def verified_release(workspace: Workspace, catalog: Catalog, name: str) -> ReleaseManifest:
    """A release whose manifest and tiles are, byte for byte, what was published.

    Raises UnknownReleaseError, or ReleaseError naming the first file that is not.
    """
    manifest = read_release(workspace, name)
    path = workspace.release(manifest.name) / MANIFEST
    known = {release.name: release.manifest_sha256 for release in ReleaseRecords(catalog).all()}
    if known.get(manifest.name) not in (None, sha256_of_file(path)):
        raise ReleaseError(f"{path} is not what was published; take another release")
    fetch_immutable(workspace, manifest.files(workspace).values())
    for tile in manifest.tiles:
        check_file(workspace, tile)
    return manifest


def _write(workspace: Workspace, manifest: ReleaseManifest, unfinished: Path, config: ReleasesConfig) -> None:
    """The release folder, whole; one that a killed process left is taken when it is the same."""
    if manifest.name in release_names(workspace):
        if read_release(workspace, manifest.name).tiles != manifest.tiles:
            raise ReleaseError(f"release '{manifest.name}' exists and holds other tiles; give another name=")
        return
    with atomic_folder(workspace.release(manifest.name), unfinished) as folder:
        (folder / MANIFEST).write_text(manifest.text(), encoding="utf-8")
        if config.stac or config.pmtiles:
            from mapforge.releases.exports import add_exports

            add_exports(workspace, manifest, folder, config)
    put_folder(workspace, workspace.release(manifest.name), MANIFEST)


def _metrics(workspace: Workspace, run_id: str) -> dict[str, Any]:
    path = workspace.report(run_id) / "report.json"
    if not path.is_file():
        return {}
    metrics = read_object(path, "run the region again").get("metrics")
    return metrics if isinstance(metrics, dict) else {}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
