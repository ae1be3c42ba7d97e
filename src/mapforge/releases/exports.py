"""A release in the formats of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mapforge.io.atomic import atomic_file, atomic_folder
from mapforge.io.workspace import Workspace
from mapforge.releases.config import ReleasesConfig
from mapforge.releases.manifest import ReleaseManifest
from mapforge.releases.pmtiles_archive import write_pmtiles
from mapforge.releases.stac import write_stac

STAC_FOLDER, PMTILES_FILE = "stac", "map.pmtiles"


def export_release(
    workspace: Workspace, manifest: ReleaseManifest, out: Path, formats: Sequence[str], config: ReleasesConfig
) -> list[Path]:
    """Writes `stac/collection.json` and what hangs on it, and `map.pmtiles`, into a folder; each appears whole.

    formats: of `stac` and `pmtiles`. Returns the files to open. Tiles are linked where they lie, not copied.
    """
    unfinished = out / ".unfinished"
    written = []
    archive = out / PMTILES_FILE
    if "pmtiles" in formats:
        with atomic_file(archive, unfinished) as path:
            write_pmtiles(workspace, manifest, path, config.min_zoom, config.max_zoom)
        written.append(archive)
    if "stac" in formats:
        with atomic_folder(out / STAC_FOLDER, unfinished) as folder:
            write_stac(workspace, manifest, folder, out / STAC_FOLDER, archive if archive.is_file() else None)
        written.append(out / STAC_FOLDER / "collection.json")
    if unfinished.is_dir():
        unfinished.rmdir()
    return written


def add_exports(workspace: Workspace, manifest: ReleaseManifest, folder: Path, config: ReleasesConfig) -> None:
    """What the settings ask for, into a release folder that is not in its place yet."""
    archive = None
    if config.pmtiles:
        write_pmtiles(workspace, manifest, folder / PMTILES_FILE, config.min_zoom, config.max_zoom)
        archive = workspace.release(manifest.name) / PMTILES_FILE
    if config.stac:
        home = workspace.release(manifest.name) / STAC_FOLDER
        write_stac(workspace, manifest, folder / STAC_FOLDER, home, archive)
