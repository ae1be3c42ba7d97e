"""What the catalog has to say in a run's report."""

from __future__ import annotations

from mapforge.catalog.store import Catalog
from mapforge.catalog.tables import DriveState, Run, TileState
from mapforge.schemas.report import CatalogSummary, RunLine, TroubledItem

TROUBLED_DRIVES = (DriveState.PARKED, DriveState.REFUSED, DriveState.WITHDRAWN)
TROUBLED_TILES = (TileState.PARKED, TileState.FAILED)


def summarise(catalog: Catalog, most_runs: int = 10, most_items: int = 50) -> CatalogSummary:
    """The newest runs, how many tiles and drives are in which state, and what failed or is parked, with the reasons."""
    drives, tiles = catalog.count_drives(), catalog.count_tiles()
    troubled = [
        TroubledItem("drive", drive.drive_id, drive.state, "", drive.error or "", drive.failures)
        for state in TROUBLED_DRIVES
        for drive in catalog.drives(state=state, limit=most_items)
    ]
    troubled += [
        TroubledItem("tile", tile.tile, tile.state, tile.stage or "", tile.error or "", tile.failures)
        for state in TROUBLED_TILES
        for tile in catalog.tiles(state=state, limit=most_items)
    ]
    found = sum(drives.get(state, 0) for state in TROUBLED_DRIVES) + sum(tiles.get(s, 0) for s in TROUBLED_TILES)
    runs = catalog.runs(limit=most_runs)
    return CatalogSummary(
        runs=tuple(_line(run, catalog.count_attempts(run.run_id, failed=True)) for run in runs),
        drives=drives,
        tiles=tiles,
        troubled=tuple(troubled[:most_items]),
        more_troubled=found - len(troubled[:most_items]),
    )


def _line(run: Run, failed: int) -> RunLine:
    seconds = None if run.ended_ns is None else round((run.ended_ns - run.started_ns) / 1e9, 1)
    return RunLine(run.run_id, run.region, run.state, seconds, failed, run.error or "")
