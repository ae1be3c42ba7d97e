"""What failed too often is left alone until somebody names it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState, TileState
from mapforge.io.workspace import Workspace
from mapforge.pipeline.stamps import Failure, Ledger
from mapforge.pipeline.withdrawal import DRIVE_STAGES


def parked_logs(workspace: Workspace, park_after: int) -> list[Failure]:
    """Logs that could not be taken in, so often that nobody tries again while they stay as they are."""
    return [failure for failure in Ledger(workspace).failures("ingest") if failure.count >= park_after]


def unpark(
    workspace: Workspace, catalog: Catalog, tiles: Iterable[str] = (), drives: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """Gives tiles, drives and logs (by path or file name) another chance; returns what was parked, and failed, of them.

    Their failures are forgotten, so that it takes as many again until they are parked.
    """
    ledger = Ledger(workspace)
    tiles, drives = list(tiles), list(drives)
    parked = catalog.unpark(tiles, drives)
    forgiven = [drive for drive in drives for stage in DRIVE_STAGES if ledger.forgive(stage, drive)]
    for failure in ledger.failures("perception"):
        if failure.item.rpartition("@")[0] in tiles:
            ledger.forgive("perception", failure.item)
    for tile in tiles:
        ledger.forgive("fusion", tile)
    for failure in ledger.failures("ingest"):
        log = Path(failure.item)
        if {failure.item, log.name, log.stem} & set(drives):
            ledger.forgive("ingest", failure.item)
            forgiven.append(failure.item)
    return parked, sorted(set(forgiven))


def all_parked(catalog: Catalog) -> tuple[list[str], list[str]]:
    """Tiles and drives that are parked."""
    tiles = [tile.tile for tile in catalog.tiles(state=TileState.PARKED)]
    return tiles, [drive.drive_id for drive in catalog.drives(state=DriveState.PARKED)]
