"""This machine's copies of a remote workspace. For a local workspace every function here does nothing.

The store is the truth: what a copy holds beyond it, or otherwise, goes. Products are compared by the sha256 that is
known of them; the small files that say what there is, by size and time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from mapforge.errors import MissingInputError
from mapforge.io.object_store import ObjectStore, StoredObject
from mapforge.io.workspace import Workspace

TRANSFERS = 16
"""At once."""
RECORDS = (
    "map.json",
    "sources.json",
    "withdrawn.json",
    "inbox.json",
    "fleet.json",
    "drives/*/manifest.json",
    "drives/*/camera.removed.json",
    "releases/current",
    "releases/*/manifest.json",
    "stamps/*",
    "trajectories/settled.json",
)
"""Small files that say what there is. A `*` stands for any text, slashes too."""

_Item = TypeVar("_Item")


def pull(workspace: Workspace, patterns: Iterable[str] = RECORDS) -> None:
    """Brings the copies of files with such names to what the store holds now."""
    store = workspace.store
    if store is None:
        return
    wanted = tuple(patterns)
    store.refresh()
    there: dict[str, StoredObject] = {}
    for folder in sorted({_folder_of(pattern) for pattern in wanted}):
        listed = store.listing(folder) if folder else _at_the_top(store, wanted)
        there.update({name: item for name, item in listed.items() if _matches(name, wanted)})
    folders = {_folder_of(pattern) for pattern in wanted}
    for path in _copies(workspace, folders):
        name = workspace.name_of(path)
        if name not in there and _matches(name, wanted):
            path.unlink(missing_ok=True)
    stale = [name for name, item in there.items() if not _is_copy(workspace.root / name, item)]
    at_once(lambda name: _copy(workspace, store, name, there[name]), stale)


def fetch_record(workspace: Workspace, path: Path) -> None:
    """Brings one small file to what the store holds now; away with it when the store has none."""
    if workspace.store is None:
        return
    try:
        with workspace.store.fetched(workspace.name_of(path), workspace.tmp) as (unfinished, _):
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(path)
    except MissingInputError:
        path.unlink(missing_ok=True)


def fetch_immutable(workspace: Workspace, paths: Iterable[Path]) -> None:
    """Copies of files whose content never changes under their name, as far as the store has them."""
    store = workspace.store
    if store is not None:
        missing = [path for path in sorted(set(paths)) if not path.exists() and workspace.holds(path)]
        at_once(lambda path: fetch_record(workspace, path), missing)


def put(workspace: Workspace, paths: Iterable[Path]) -> None:
    """Files that were made here, to the store."""
    store = workspace.store
    if store is not None:
        at_once(lambda path: store.put(workspace.name_of(path), path), sorted(set(paths)))


def put_folder(workspace: Workspace, folder: Path, last: str) -> None:
    """All files of a folder; the one that proves the others goes first and comes back last."""
    store = workspace.store
    if store is not None:
        store.delete(workspace.name_of(folder / last))
        put(workspace, (path for path in folder.rglob("*") if path.is_file() and path != folder / last))
        put(workspace, [folder / last])


def remove_folder(workspace: Workspace, folder: Path, first: str) -> None:
    """All files of a folder that goes, from the store; the one that proves the others goes first."""
    store = workspace.store
    if store is not None:
        store.delete(workspace.name_of(folder / first))
        at_once(store.delete, sorted(store.listing(workspace.name_of(folder))))


def remove(workspace: Workspace, paths: Iterable[Path]) -> None:
    """Files that are gone here, from the store."""
    store = workspace.store
    if store is not None:
        at_once(lambda path: store.delete(workspace.name_of(path)), sorted(set(paths)))


def listing(workspace: Workspace, folder: str = "") -> dict[Path, StoredObject]:
    """Every file of the workspace below a folder, sorted, by the path that it, or its copy, has here."""
    if workspace.store is not None:
        found = workspace.store.listing(folder)
        return {workspace.root / name: found[name] for name in sorted(found)}
    there: dict[Path, StoredObject] = {}
    for path in sorted((workspace.root / folder).rglob("*")):
        with suppress(FileNotFoundError):  # it went while the others were looked at
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                there[path] = StoredObject(status.st_size, status.st_mtime_ns)
    return there


def delete(workspace: Workspace, paths: Iterable[Path]) -> None:
    """Files of the workspace go, here and in the store, and with them the folders that they leave empty."""
    gone = sorted(set(paths))
    remove(workspace, gone)
    for path in gone:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or gone already
            for parent in path.relative_to(workspace.root).parents:
                if parent.parts:
                    (workspace.root / parent).rmdir()


def at_once(work: Callable[[_Item], object], items: Iterable[_Item]) -> None:
    """Calls `work` with every item, several at a time. Raises what the first of them raised."""
    todo = list(items)
    if len(todo) < 2:
        for item in todo:
            work(item)
        return
    with ThreadPoolExecutor(TRANSFERS) as threads:
        for done in [threads.submit(work, item) for item in todo]:
            done.result()


def _at_the_top(store: ObjectStore, patterns: tuple[str, ...]) -> dict[str, StoredObject]:
    """The files of the top folder, without listing everything below it."""
    return store.look([pattern for pattern in patterns if "/" not in pattern])


def _copies(workspace: Workspace, folders: set[str]) -> Iterable[Path]:
    for folder in sorted(folders):
        found = (workspace.root / folder).rglob("*") if folder else workspace.root.glob("*")
        yield from [path for path in found if path.is_file()]


def _copy(workspace: Workspace, store: ObjectStore, name: str, item: StoredObject) -> None:
    """With the time it has in the store: that is how it is known again."""
    path = workspace.root / name
    with store.fetched(name, workspace.tmp) as (unfinished, _):
        os.utime(unfinished, ns=(item.modified_ns, item.modified_ns))
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.replace(path)


def _is_copy(path: Path, item: StoredObject) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (item.size_bytes, item.modified_ns)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _folder_of(pattern: str) -> str:
    """The fixed first folders of a pattern."""
    parts = pattern.split("*")[0].split("/")
    return "/".join(parts[:-1])
