"""Publishes again and again from the same start, each time killed one step later; prints what was left.

Run as a program, so that it forks from one thread: `killed_publish.py TEMPLATE FOLDER`, where TEMPLATE is a workspace
with release r1 current and tiles built anew.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from sqlalchemy import Engine, event

from mapforge.catalog import Catalog
from mapforge.catalog.releases import ReleaseRecords
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import current_release, release_names
from mapforge.releases.publish import publish, verified_release


def main(template: Path, folder: Path) -> None:
    outcomes = []
    for step in itertools.count(1):
        root = folder / str(step)
        shutil.copytree(template, root)
        child = os.fork()
        if child == 0:
            kill_at(step)
            publish_new(Workspace(root))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        outcomes.append(look(Workspace(root), killed=status != 0))
        shutil.rmtree(root)
        if status == 0:
            print(json.dumps(outcomes))
            return


def kill_at(step: int) -> None:
    """kill -9 just before the step-th rename, removal, flush or commit of this process."""
    left = itertools.count(step, -1)

    def tick(*_: object) -> None:
        if next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", tick)
    for owner, name in ((Path, "replace"), (Path, "rename"), (Path, "write_text"), (os, "fsync"), (shutil, "rmtree")):
        setattr(owner, name, ticking(getattr(owner, name), tick))


def ticking(function, tick):
    def ticked(*args, **kwargs):
        tick()
        return function(*args, **kwargs)

    return ticked


def publish_new(workspace: Workspace) -> None:
    catalog = Catalog.of(str(workspace.root), None)
    publish(workspace, catalog, {tile.tile: tile.build for tile in catalog.tiles()}, "r2")
    catalog.close()


def look(workspace: Workspace, killed: bool) -> dict:
    """What consumers see right after the kill, and what is there after the same was done again."""
    seen = current_release(workspace)
    catalog = Catalog.of(str(workspace.root), None)
    verified_release(workspace, catalog, seen.name)
    catalog.close()
    publish_new(workspace)
    catalog = Catalog.of(str(workspace.root), None)
    again = current_release(workspace)
    outcome = {
        "killed": killed,
        "seen": seen.name,
        "again": again.name,
        "previous": again.previous,
        "releases": release_names(workspace),
        "records": [[release.name, release.current] for release in ReleaseRecords(catalog).all()],
        "states": sorted({tile.state for tile in catalog.tiles()}),
        "unfinished": (workspace.releases / ".unfinished").exists(),
    }
    catalog.close()
    return outcome


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
