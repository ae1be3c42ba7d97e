"""Old summaries and reports go; what a kept release or a tile in trouble refers to stays."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import read_release, release_names

IN_TROUBLE = (TileState.FAILED, TileState.REJECTED, TileState.PARKED)


def prune_night_folders(workspace: Workspace, catalog: Catalog, keep: int) -> int:
    """Leaves the newest `keep` summaries and reports, and needed reports; returns how many folders went."""
    nights = _by_age(workspace.nights.glob("*/summary.json"))
    reports = _by_age((workspace.root / "reports").glob("*/report.json"))
    needed = {read_release(workspace, name).run_id for name in release_names(workspace)}
    needed |= {tile.run_id for state in IN_TROUBLE for tile in catalog.tiles(state=state) if tile.run_id is not None}
    old = nights[:-keep] + [path for path in reports[:-keep] if path.name not in needed]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)


def _by_age(files: Iterable[Path]) -> list[Path]:
    """The folders of these files, oldest first."""
    return [path.parent for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path))]
