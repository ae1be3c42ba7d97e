"""Between a remote workspace and this machine's copies: what a job reads comes before it, what it leaves goes after.

Outputs go first and the stamp that proves them last, so that a kill leaves no stamp without its outputs; whoever
fetches compares with the sha256 of the stamp, so that nobody sees the outputs of one build with the stamp of another.
For a local workspace every function here does nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mapforge.errors import ContractError, MissingInputError, StorageError
from mapforge.geometry.tiles import TileId
from mapforge.ingest.source_index import INDEX_NAME, remember
from mapforge.io import mirror
from mapforge.io.drive_frames import NOTE
from mapforge.io.drive_store import MANIFEST_NAME, DriveReader
from mapforge.io.workspace import Workspace
from mapforge.pipeline.stage_files import (
    THE_LOG,
    Product,
    StageFiles,
    left_by,
    products_of_tile,
    read_by,
    removed_by,
)
from mapforge.pipeline.stamps import Ledger, Recipe, Stamp, StoredOutput

WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Between tries, while another machine replaces what is fetched."""


def open_workspace(place: str) -> Workspace:
    """The workspace of a folder or URL; of a remote one, what there is in it is known afterwards."""
    workspace = Workspace.at(place)
    mirror.pull(workspace)
    return workspace


def fetch_inputs(stage: str, inputs: Any, workspace: Workspace) -> None:
    """Everything a job reads, onto this machine. Raises StorageError when the store holds no whole copy of it."""
    if workspace.store is not None:
        fetch(read_by(stage, inputs, workspace), workspace)


def fetch(files: StageFiles, workspace: Workspace) -> None:
    """Copies of the files, as far as the store has them; what it has not is not here either then."""
    if workspace.store is None:
        return
    ledger = Ledger(workspace)
    if files.record_patterns:
        mirror.pull(workspace, files.record_patterns)
    for record in files.records:
        mirror.fetch_record(workspace, record)
    for drive in files.drives:
        _fetch_drive(workspace, drive)
    mirror.at_once(lambda product: _fetch_product(product, ledger), files.products)
    for stage in files.every:
        _fetch_every(stage, ledger)
    mirror.fetch_immutable(workspace, files.immutable)


def fetch_outputs(stage: str, item: str, workspace: Workspace) -> None:
    """All files that the stamp of an item proves, as copies here."""
    stamp = Ledger(workspace).stamp(stage, item)
    if stamp is not None:
        fetch(StageFiles((Product(stage, item, stamp.paths(workspace)),)), workspace)


def deliver(stage: str, inputs: Any, outputs: Sequence[Path], workspace: Workspace) -> tuple[StoredOutput, ...]:
    """What a job without a stamp of its own left, to the store; what was put there."""
    if workspace.store is None:
        return ()
    if stage == "ingest":
        for manifest in outputs:
            _deliver_drive(manifest.parent, workspace)
        return tuple(StoredOutput.of(path, workspace) for path in outputs)
    left = left_by(stage, inputs, outputs, workspace)
    stored = tuple(StoredOutput.of(path, workspace) for path in left)
    for path in left if stage == "alignment" else ():  # in order: the ledger of settled drives follows their paths
        mirror.put(workspace, [path])
    if stage != "alignment":
        mirror.put(workspace, left)
    mirror.remove(workspace, removed_by(stage, inputs, workspace))
    return stored


def portable(outputs: Iterable[Path], workspace: Workspace) -> tuple[Path, ...]:
    """Outputs of a remote workspace relative to it: the copies of another machine lie elsewhere."""
    if workspace.store is None:
        return tuple(outputs)
    return tuple(path.relative_to(workspace.root) for path in outputs)


def receive(
    stage: str, item: str, delivered: Iterable[StoredOutput], recipe: Recipe | None, stamped: bool, workspace: Workspace
) -> None:
    """What the one who runs a stage reads of a job that ended elsewhere: its stamp, or what it left unstamped."""
    if workspace.store is None:
        return
    if stamped:
        Ledger(workspace).fetch(stage, item)
    elif stage != "perception":  # of an observation nothing but its hash is needed
        mirror.at_once(lambda output: _fetch_output(output, workspace), delivered)
    if stage == "ingest" and recipe is not None:
        for output in delivered:
            _remember_log(recipe.parts[THE_LOG], workspace.root / output.name, workspace)


@contextmanager
def drive_vitals(workspace: Workspace, drives: Iterable[str]) -> Iterator[None]:
    """The drives whose vital signs nobody measured yet, as copies here; what is measured inside goes to the store."""
    unmeasured = [drive for drive in sorted(drives) if not workspace.drive_vitals(drive).exists()]
    fetch(StageFiles(drives=tuple(unmeasured)), workspace)
    summary = workspace.fleet_vitals
    before = summary.read_bytes() if summary.exists() else b""
    yield
    measured = [workspace.drive_vitals(drive) for drive in unmeasured]
    if summary.exists() and summary.read_bytes() != before:
        measured.append(summary)
    mirror.put(workspace, (path for path in measured if path.exists()))


def check_drive(workspace: Workspace, drive: str, full: bool) -> None:
    """Like `DriveReader.verify`, of a drive in the store too. Raises ContractError."""
    reader, store = DriveReader(workspace.drive(drive)), workspace.store
    if store is None:
        reader.verify(full)
        return
    for stored in reader.files_kept():
        name = workspace.name_of(workspace.drive(drive) / stored.name)
        if not store.has_size(name, stored.size_bytes) or (full and store.sha256(name) != stored.sha256):
            raise ContractError(f"{store.url}/{name} is missing or not what its manifest says; ingest the log again")


def _fetch_drive(workspace: Workspace, drive: str) -> None:
    """A drive's folder as its manifest says. Raises StorageError."""

    def outputs() -> list[StoredOutput]:
        folder = workspace.drive(drive)
        for record in (MANIFEST_NAME, NOTE):
            mirror.fetch_record(workspace, folder / record)
        files = DriveReader(folder).files_kept()
        return [StoredOutput(workspace.name_of(folder / f.name), f.size_bytes, 0, f.sha256) for f in files]

    _fetch_outputs(outputs, workspace, f"drive {drive}")


def _deliver_drive(folder: Path, workspace: Workspace) -> None:
    """Not again where the store has it: others may be reading it."""
    store, manifest = workspace.store, folder / MANIFEST_NAME
    assert store is not None
    try:
        if store.read(workspace.name_of(manifest)) == manifest.read_bytes():
            check_drive(workspace, folder.name, full=False)
            return
    except (MissingInputError, ContractError):
        pass  # it is put there now
    mirror.put_folder(workspace, folder, MANIFEST_NAME)


def _remember_log(stamp: str, manifest: Path, workspace: Workspace) -> None:
    """Whoever runs the stage keeps the index of logs: workers would overwrite each other's."""
    index = workspace.root / INDEX_NAME
    mirror.fetch_record(workspace, index)
    remember(stamp, DriveReader(manifest.parent).manifest.source_sha256, workspace)
    mirror.put(workspace, [index])


def _fetch_product(product: Product, ledger: Ledger) -> None:
    workspace = ledger.workspace
    names = {workspace.name_of(path) for path in product.paths}

    def outputs() -> list[StoredOutput]:
        return _named(ledger.fetch(product.stage, product.item), names)

    found = _fetch_outputs(outputs, workspace, f"{product.stage} of {product.item}")
    for name in names - {output.name for output in found}:
        (workspace.root / name).unlink(missing_ok=True)


def _fetch_every(stage: str, ledger: Ledger) -> None:
    """The products of all items of a stage; copies of others go."""
    workspace = ledger.workspace
    mirror.pull(workspace, (f"stamps/{stage}/*",))
    folder = workspace.root / "stamps" / stage
    tiles = [TileId.parse(p.relative_to(folder).with_suffix("").as_posix()) for p in sorted(folder.rglob("*.json"))]
    wanted = {path for tile in tiles for path in products_of_tile(stage, tile, workspace)}
    names = {workspace.name_of(path) for path in wanted}
    stale = []
    for tile in tiles:
        outputs = _named(ledger.stamp(stage, str(tile)), names)
        if not all(output.is_whole_here(workspace) for output in outputs):
            stale.append(Product(stage, str(tile), products_of_tile(stage, tile, workspace)))
    mirror.at_once(lambda product: _fetch_product(product, ledger), stale)
    for top in sorted({name.partition("/")[0] for name in names}):
        for path in (workspace.root / top).rglob("*"):
            if path.is_file() and path not in wanted:
                path.unlink(missing_ok=True)


def _fetch_outputs(describe: Callable[[], list[StoredOutput]], workspace: Workspace, what: str) -> list[StoredOutput]:
    """Copies of what is described; looked up again while the store holds something else. Raises StorageError."""
    for wait_s in (*WAITS_S, None):
        outputs = describe()
        wrong = [output for output in outputs if not _fetch_output(output, workspace)]
        if not wrong:
            return outputs
        if wait_s is not None:
            time.sleep(wait_s)
    raise StorageError(
        f"{workspace.store and workspace.store.url}/{wrong[0].name} is missing or not what the record of {what} says; "
        "another machine may be replacing it: run again, with engine.verify_fully=true if this repeats"
    )


def _fetch_output(output: StoredOutput, workspace: Workspace) -> bool:
    """Whether a copy is here afterwards that is what was stamped."""
    if output.is_whole_here(workspace):
        return True
    assert workspace.store is not None
    path = workspace.root / output.name
    try:
        with workspace.store.fetched(output.name, workspace.tmp) as (unfinished, sha256):
            if sha256 != output.sha256:
                return False
            if output.modified_ns:
                os.utime(unfinished, ns=(output.modified_ns, output.modified_ns))
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.replace(path)
    except MissingInputError:
        return False
    return True


def _named(stamp: Stamp | None, names: set[str]) -> list[StoredOutput]:
    return [output for output in stamp.outputs if output.name in names] if stamp is not None else []
