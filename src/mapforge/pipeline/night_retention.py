"""Old summaries and reports go; what a kept release or a tile in trouble refers to stays."""

from __future__ import annotations

import shutil
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.io import mirror
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import read_release, release_names

IN_TROUBLE = (TileState.FAILED, TileState.REJECTED, TileState.PARKED)


def prune_night_folders(workspace: Workspace, catalog: Catalog, keep: int) -> int:
    """Leaves the newest `keep` summaries and reports, and needed reports; returns how many folders went."""
    nights = _by_age(workspace, workspace.nights, "summary.json")
    reports = _by_age(workspace, workspace.reports, "report.json")
    needed = {read_release(workspace, name).run_id for name in release_names(workspace)}
    needed |= {tile.run_id for state in IN_TROUBLE for tile in catalog.tiles(state=state) if tile.run_id is not None}
    old = list(nights.items())[:-keep]
    old += [(folder, files) for folder, files in list(reports.items())[:-keep] if folder.name not in needed]
    for folder, files in old:
        mirror.delete(workspace, files)
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _by_age(workspace: Workspace, folder: Path, proof: str) -> dict[Path, list[Path]]:
    """Folders that hold a file of this name, oldest first, with all their files."""
    found = mirror.listing(workspace, workspace.name_of(folder))
    times = {path.parent: item.modified_ns for path, item in found.items() if path.name == proof}
    own: dict[Path, list[Path]] = {parent: [] for parent in sorted(times, key=lambda parent: (times[parent], parent))}
    for path in found:
        for parent in own.keys() & set(path.parents):
            own[parent].append(path)
    return own
