"""A drive is withdrawn: its data goes, what it touched is built without it, and its log is not taken in again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete

from mapforge.catalog import Catalog
from mapforge.catalog.tables import Drive, Tile
from mapforge.errors import MissingInputError, UnknownRunError
from mapforge.geometry.tiles import TileId
from mapforge.io import mirror
from mapforge.io.drive_store import DriveReader
from mapforge.io.object_store import StoredObject
from mapforge.io.workspace import Workspace
from mapforge.localization import settled
from mapforge.pipeline.region_facts import grown, raster_tile
from mapforge.pipeline.stamps import Ledger
from mapforge.pipeline.standing import DRIVE
from mapforge.pipeline.withdrawn_logs import withdrawn_logs, write_withdrawn_logs

DRIVE_STAGES = ("localization", "alignment", "rasterization", "perception", "detection", "vectorization")
LOCK_WAIT_S = 30.0


@dataclass(frozen=True)
class Withdrawal:
    """rebuild: tiles that other drives touch too. gone: tiles that nobody else saw; they are no part of the map now.

    removed: files. freed_bytes: what they took.
    """

    drive_id: str
    rebuild: tuple[TileId, ...]
    gone: tuple[TileId, ...]
    removed: int
    freed_bytes: int


def withdraw(workspace: Workspace, catalog: Catalog, drive_id: str, reason: str) -> Withdrawal:
    """Takes a drive out of the workspace; the tiles it touched are left for a run to build.

    The log is noted first and the data removed last: a withdrawal that is stopped is simply repeated. Published
    releases stay as they are. Raises UnknownRunError when there is no such drive, ContractError when its manifest is
    damaged, so that its log could not be told from others.
    """
    ledger = Ledger(workspace)
    manifest_path = workspace.drive(drive_id) / "manifest.json"
    known = {drive.drive_id for drive in catalog.drives()}
    if drive_id not in known and not manifest_path.exists():
        raise UnknownRunError(f"no drive '{drive_id}' in {workspace.root}; `mapforge status` lists them")
    with suppress(MissingInputError):  # its data is gone: withdrawn once before
        sha256 = DriveReader(manifest_path.parent).manifest.source_sha256
        with _logs_to_change(workspace, catalog, drive_id) as logs:
            logs[sha256] = {"drive_id": drive_id, "reason": reason}
    fused = _fused_with(ledger, drive_id)
    if drive_id in known:
        catalog.withdraw_drive(drive_id, reason)
    gone = [tile for tile, others in fused.items() if not others]
    mirror.delete(workspace, (of(tile) for tile in gone for of in (workspace.map_elements, workspace.lane_graph)))
    for tile in gone:
        ledger.forget("lane_graph", str(tile))
        ledger.forget("fusion", str(tile))
        ledger.forget("tiles", str(tile))
    with catalog.writing() as session:
        session.execute(delete(Tile).where(Tile.tile.in_(catalog.listed(map(str, gone)))))
    refused = settled.read_ledger(workspace).refused()
    settled.withdraw(workspace, drive_id)
    mirror.put(workspace, [path for path in [workspace.settled] if path.exists()])
    for other in set(refused) - set(settled.read_ledger(workspace).refused()):
        ledger.forget("alignment", other)  # it contradicted this drive only: it gets another chance
    removed, freed = _remove(workspace, ledger, drive_id)
    rebuild = sorted(tile for tile, others in fused.items() if others)
    return Withdrawal(drive_id, tuple(rebuild), tuple(sorted(gone)), removed, freed)


def readmit(workspace: Workspace, catalog: Catalog, drive_id: str) -> int:
    """The log of a withdrawn drive may be taken in again; returns how many logs that is."""
    with _logs_to_change(workspace, catalog, drive_id) as logs:
        own = [sha256 for sha256, entry in logs.items() if entry["drive_id"] == drive_id]
        for sha256 in own:
            del logs[sha256]
    with catalog.writing() as session:
        session.execute(delete(Drive).where(Drive.drive_id == drive_id))
    return len(own)


@contextmanager
def _logs_to_change(workspace: Workspace, catalog: Catalog, drive_id: str) -> Iterator[dict[str, dict[str, str]]]:
    """The withdrawn logs as they are now; what the block makes of them is kept. One block at a time, anywhere."""
    with catalog.locked("withdrawal of drive", drive_id, LOCK_WAIT_S):
        mirror.fetch_record(workspace, workspace.withdrawn)
        logs = withdrawn_logs(workspace)
        yield logs
        write_withdrawn_logs(workspace, logs)
        mirror.put(workspace, [workspace.withdrawn])


def _fused_with(ledger: Ledger, drive_id: str) -> dict[TileId, list[str]]:
    """Tiles that were fused with this drive -> the other drives in them."""
    tiles: set[TileId] = set()
    stamp = ledger.stamp("rasterization", drive_id)
    for output in stamp.outputs if stamp is not None else ():
        tiles |= grown([raster_tile(output.name)])
    found = {}
    for tile in sorted(tiles):
        fused = ledger.stamp("fusion", str(tile))
        if fused is not None and f"{DRIVE}{drive_id}" in fused.parts:
            others = [name.removeprefix(DRIVE) for name in fused.parts if name.startswith(DRIVE)]
            found[tile] = [other for other in others if other != drive_id]
    return found


def _remove(workspace: Workspace, ledger: Ledger, drive_id: str) -> tuple[int, int]:
    """Everything made of the drive; its stamps at last."""
    files = _products(workspace, drive_id)
    mirror.delete(workspace, files)
    shutil.rmtree(workspace.drive(drive_id), ignore_errors=True)
    for stage in DRIVE_STAGES:
        ledger.forget(stage, drive_id)
    return len(files), sum(item.size_bytes for item in files.values())


def _products(workspace: Workspace, drive_id: str) -> dict[Path, StoredObject]:
    """Every file that was made of one drive alone: its folder, and what bears its name in the folders of the stages."""
    own = mirror.listing(workspace, workspace.name_of(workspace.drive(drive_id)))
    for folder in ("trajectories", "rasters", "observations", "drive_elements", "stamps/vitals"):
        named = mirror.listing(workspace, folder).items()
        own |= {path: item for path, item in named if path.stem == drive_id and path.suffix in (".parquet", ".json")}
    return own
