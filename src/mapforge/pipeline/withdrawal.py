"""A drive is withdrawn: its data goes, what it touched is built without it, and its log is not taken in again."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete

from mapforge.catalog import Catalog
from mapforge.catalog.tables import Drive, Tile
from mapforge.errors import MissingInputError, UnknownRunError
from mapforge.geometry.tiles import TileId
from mapforge.io.drive_store import DriveReader
from mapforge.io.locks import exclusive
from mapforge.io.workspace import Workspace
from mapforge.localization import settled
from mapforge.pipeline.region_facts import grown, raster_tile
from mapforge.pipeline.stamps import Ledger
from mapforge.pipeline.standing import DRIVE
from mapforge.pipeline.withdrawn_logs import withdrawn_logs, write_withdrawn_logs

DRIVE_STAGES = ("localization", "alignment", "rasterization", "perception", "detection", "vectorization")


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
    workspace.require_folder("withdrawing a drive")
    ledger = Ledger(workspace)
    manifest_path = workspace.drive(drive_id) / "manifest.json"
    known = {drive.drive_id for drive in catalog.drives()}
    if drive_id not in known and not manifest_path.exists():
        raise UnknownRunError(f"no drive '{drive_id}' in {workspace.root}; `mapforge status` lists them")
    with exclusive(workspace, "withdrawn"), suppress(MissingInputError):  # its data is gone: withdrawn once before
        sha256 = DriveReader(manifest_path.parent).manifest.source_sha256
        entry = {"drive_id": drive_id, "reason": reason}
        write_withdrawn_logs(workspace, {**withdrawn_logs(workspace), sha256: entry})
    fused = _fused_with(ledger, drive_id)
    if drive_id in known:
        catalog.withdraw_drive(drive_id, reason)
    gone = [tile for tile, others in fused.items() if not others]
    for tile in gone:
        workspace.map_elements(tile).unlink(missing_ok=True)
        workspace.lane_graph(tile).unlink(missing_ok=True)
        ledger.forget("lane_graph", str(tile))
        ledger.forget("fusion", str(tile))
        ledger.forget("tiles", str(tile))
    with catalog.writing() as session:
        session.execute(delete(Tile).where(Tile.tile.in_(catalog.listed(map(str, gone)))))
    refused = settled.read_ledger(workspace).refused()
    settled.withdraw(workspace, drive_id)
    for other in set(refused) - set(settled.read_ledger(workspace).refused()):
        ledger.forget("alignment", other)  # it contradicted this drive only: it gets another chance
    removed, freed = _remove(workspace, ledger, drive_id)
    rebuild = sorted(tile for tile, others in fused.items() if others)
    return Withdrawal(drive_id, tuple(rebuild), tuple(sorted(gone)), removed, freed)


def readmit(workspace: Workspace, catalog: Catalog, drive_id: str) -> int:
    """The log of a withdrawn drive may be taken in again; returns how many logs that is."""
    workspace.require_folder("readmitting a drive")
    with exclusive(workspace, "withdrawn"):
        logs = withdrawn_logs(workspace)
        left = {sha256: entry for sha256, entry in logs.items() if entry["drive_id"] != drive_id}
        write_withdrawn_logs(workspace, left)
    with catalog.writing() as session:
        session.execute(delete(Drive).where(Drive.drive_id == drive_id))
    return len(logs) - len(left)


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
    files = [path for path in _products(workspace, drive_id) if path.is_file()]
    freed = sum(path.stat().st_size for path in files)
    for path in files:
        path.unlink(missing_ok=True)
    shutil.rmtree(workspace.drive(drive_id), ignore_errors=True)
    for stage in DRIVE_STAGES:
        ledger.forget(stage, drive_id)
    return len(files), freed


def _products(workspace: Workspace, drive_id: str) -> Iterator[Path]:
    """Every file that was made of one drive alone: its folder, and what bears its name in the folders of the stages."""
    yield from sorted(workspace.drive(drive_id).glob("*"))
    yield workspace.drive_vitals(drive_id)
    for folder in ("trajectories", "rasters", "observations", "drive_elements"):
        for suffix in (".parquet", ".json"):
            yield from sorted((workspace.root / folder).rglob(f"{glob.escape(drive_id)}{suffix}"))
