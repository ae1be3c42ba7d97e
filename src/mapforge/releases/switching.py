"""The one place that says what is current: a file replaced by a rename. The catalog follows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.catalog.releases import ReleaseRecords
from mapforge.io.atomic import write_text
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.mirror import put
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import MANIFEST, POINTER, current_name, read_release, release_names


@contextmanager
def sole_writer(workspace: Workspace, catalog: Catalog) -> Iterator[Path]:
    """Only one process changes the releases of a workspace at a time. Gives the folder for unfinished files.

    The lock goes with the process, however that ends. Raises LeaseHeldError while another holds it.
    """
    workspace.releases.mkdir(parents=True, exist_ok=True)
    unfinished = workspace.releases / ".unfinished"
    with catalog.locked("publishing, switching or pruning releases of", workspace.place):
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            yield unfinished
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def switch(workspace: Workspace, catalog: Catalog, name: str, unfinished: Path) -> None:
    """Makes a release that lies on disk whole the current one: the pointer first, then the catalog."""
    point_to(workspace, name, unfinished)
    reconcile(workspace, catalog)


def point_to(workspace: Workspace, name: str, unfinished: Path) -> None:
    write_text(workspace.releases / POINTER, name + "\n", unfinished)
    put(workspace, [workspace.releases / POINTER])


def reconcile(workspace: Workspace, catalog: Catalog) -> None:
    """Brings the catalog to what the disk says; nothing is written when they agree."""
    records = ReleaseRecords(catalog)
    known = {release.name: release for release in records.all()}
    names = release_names(workspace)
    records.forget(set(known) - set(names))
    for name in names:
        if name not in known:
            path = workspace.release(name) / MANIFEST
            run_id = read_release(workspace, name).run_id
            records.record(name, run_id, sha256_of_file(path), path.stat().st_mtime_ns)
    current = current_name(workspace)
    builds = {} if current is None else read_release(workspace, current).builds
    records.make_current(current, builds)
