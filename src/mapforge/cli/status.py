"""`mapforge status`: what the catalog knows of runs, drives and tiles, what needs attention first."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mapforge.catalog.tables import Attempt, Drive, DriveState, Run, Tile, TileState
from mapforge.cli.app import OK
from mapforge.cli.options import split_options
from mapforge.cli.output import print_json, print_table, say
from mapforge.config import compose_settings
from mapforge.errors import ConfigurationError

if TYPE_CHECKING:
    from mapforge.catalog import Catalog

ATTENTION_FIRST = ("parked", "failed", "rejected", "building", "built", "pending", "valid", "published")
SHOWN, MOST_RUNS = 50, 10
WIDEST_ERROR = 160
TIMES = ("started", "ended", "created")


@dataclass(frozen=True)
class Wanted:
    """What was asked for. An empty filter is none; limit: rows a table, none = all."""

    region: str | None
    run: str | None
    state: str | None
    stage: str | None
    drive: str | None
    limit: int | None

    @property
    def of_tiles(self) -> dict[str, str | None]:
        return {"run_id": self.run, "region": self.region, "stage": self.stage, "drive": self.drive}


def status(words: list[str], json_output: bool) -> int:
    names = ("region", "run", "state", "stage", "drive", "tile", "limit")
    options, overrides = split_options(words, dict.fromkeys(names, ""))
    from mapforge.catalog import Catalog

    settings = compose_settings(overrides)
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        if options["tile"]:
            document = tile_history(catalog, options["tile"])
            print_json(document) if json_output else _print_history(document)
            return OK
        document = overview(catalog, _wanted(catalog, options, json_output))
    print_json(document) if json_output else _print_overview(document)
    return OK


def overview(catalog: Catalog, wanted: Wanted) -> dict[str, Any]:
    """Runs (newest first), drives and tiles (what needs attention first), and what failed in the run asked for.

    `more` says how many of each were left out.
    """
    runs, n_runs = _runs(catalog, wanted)
    drives, drive_counts = _drives(catalog, wanted)
    tiles, tile_counts = _tiles(catalog, wanted)
    failures, n_failures = _failures(catalog, wanted, runs)
    return {
        "runs": [_run_fields(run) for run in runs],
        "drives": [_drive_fields(drive) for drive in drives],
        "drive_counts": drive_counts,
        "tiles": [_tile_fields(tile) for tile in tiles],
        "tile_counts": tile_counts,
        "failures": [_attempt_fields(attempt) for attempt in failures],
        "more": {
            "runs": n_runs - len(runs),
            "drives": sum(drive_counts.values()) - len(drives),
            "tiles": sum(tile_counts.values()) - len(tiles),
            "failures": n_failures - len(failures),
        },
    }


def tile_history(catalog: Catalog, name: str) -> dict[str, Any]:
    """A tile: where it stands, what drives touch it, its builds, and every attempt at it with its traceback."""
    tile = catalog.tile(name)
    return {
        "tile": _tile_fields(tile)
        | {"recipe": tile.recipe, "fingerprint": tile.fingerprint, "lease_owner": tile.lease_owner},
        "drives": [_drive_fields(drive) for drive in catalog.drives(tile=name)],
        "builds": [
            {"build": b.build, "run_id": b.run_id, "created": _time(b.created_ns), "current": b.build == tile.build}
            for b in catalog.builds(name)
        ],
        "attempts": [_attempt_fields(a) | {"traceback": a.traceback} for a in catalog.attempts(item=name)],
    }


def _wanted(catalog: Catalog, options: dict[str, str], json_output: bool) -> Wanted:
    states = {str(state) for state in (*TileState, *DriveState)}
    if options["state"] and options["state"] not in states:
        raise ConfigurationError(f"state={options['state']}: there are {', '.join(sorted(states))}")
    if options["limit"] and not options["limit"].isdigit():
        raise ConfigurationError(f"limit={options['limit']}: give a number of rows a table, 0 for all")
    limit = int(options["limit"] or (0 if json_output else SHOWN)) or None
    run_id = catalog.run(options["run"]).run_id if options["run"] else None
    if options["drive"]:
        catalog.drive(options["drive"])
    region, state, stage, drive = (options[name] or None for name in ("region", "state", "stage", "drive"))
    return Wanted(region, run_id, state, stage, drive, limit)


def _runs(catalog: Catalog, wanted: Wanted) -> tuple[list[Run], int]:
    if wanted.run:
        return [catalog.run(wanted.run)], 1
    most = None if wanted.limit is None else min(wanted.limit, MOST_RUNS)
    return catalog.runs(wanted.region, limit=most), catalog.count_runs(wanted.region)


def _drives(catalog: Catalog, wanted: Wanted) -> tuple[list[Drive], dict[str, int]]:
    if wanted.drive:
        drive = catalog.drive(wanted.drive)
        return [drive], {drive.state: 1}
    counts = catalog.count_drives()
    if wanted.state in set(DriveState):
        counts = {state: count for state, count in counts.items() if state == wanted.state}
    order = sorted(counts, key=lambda state: (state == DriveState.USABLE, state))
    return _fill(order, wanted.limit, lambda state, room: catalog.drives(state=state, limit=room)), counts


def _tiles(catalog: Catalog, wanted: Wanted) -> tuple[list[Tile], dict[str, int]]:
    counts = catalog.count_tiles(state=wanted.state, **wanted.of_tiles)
    order = sorted(counts, key=ATTENTION_FIRST.index)
    return _fill(order, wanted.limit, lambda s, room: catalog.tiles(state=s, limit=room, **wanted.of_tiles)), counts


def _fill(states: list[str], limit: int | None, listed: Any) -> list[Any]:
    """State by state, until there are enough."""
    rows: list[Any] = []
    for state in states:
        room = None if limit is None else limit - len(rows)
        if room != 0:
            rows += listed(state, room)
    return rows


def _failures(catalog: Catalog, wanted: Wanted, runs: list[Run]) -> tuple[list[Attempt], int]:
    """What failed on a drive, or in the run asked for, or else in the newest."""
    if not runs:
        return [], 0
    item = wanted.drive
    run_id = None if item else runs[0].run_id
    found = catalog.attempts(run_id, item, wanted.stage, failed=True, limit=wanted.limit)
    return found, catalog.count_attempts(run_id, item, wanted.stage, failed=True)


def _run_fields(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "region": run.region,
        "state": run.state,
        "started": _time(run.started_ns),
        "ended": None if run.ended_ns is None else _time(run.ended_ns),
        "error": run.error,
    }


def _drive_fields(drive: Drive) -> dict[str, Any]:
    return {
        "drive_id": drive.drive_id,
        "state": drive.state,
        "quarantined": drive.quarantined_rows,
        "failures": drive.failures,
        "error": drive.error,
    }


def _tile_fields(tile: Tile) -> dict[str, Any]:
    names = ("tile", "state", "build", "run_id", "stage", "attempts", "failures", "error")
    return {name: getattr(tile, name) for name in names} | {"updated": _time(tile.updated_ns)}


def _attempt_fields(attempt: Attempt) -> dict[str, Any]:
    names = ("run_id", "stage", "item", "seconds", "error")
    return {name: getattr(attempt, name) for name in names} | {"ended": _time(attempt.ended_ns)}


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, tz=UTC).isoformat(timespec="seconds")


def _print_overview(document: dict[str, Any]) -> None:
    more = document["more"]
    for title, name, columns in (
        ("Runs", "runs", ("run_id", "region", "state", "started", "error")),
        ("Drives", "drives", ("drive_id", "state", "failures", "error")),
        ("Tiles", "tiles", ("tile", "state", "run_id", "stage", "error")),
        ("Failed attempts", "failures", ("stage", "item", "ended", "error")),
    ):
        _print_rows(title, document[name], columns, more[name])
    say(_counted("drive", document["drive_counts"]) + "; " + _counted("tile", document["tile_counts"]))


def _print_history(document: dict[str, Any]) -> None:
    for name, value in document["tile"].items():
        if value is not None:
            say(f"{name:<12} {value}")
    _print_rows("Drives", document["drives"], ("drive_id", "state", "error"))
    _print_rows("Builds", document["builds"], ("build", "run_id", "created", "current"))
    _print_rows("Attempts", document["attempts"], ("run_id", "stage", "item", "ended", "seconds", "error"))
    traces = [attempt["traceback"] for attempt in document["attempts"] if attempt["traceback"]]
    if traces:
        say(f"\nThe last error:\n{traces[-1].rstrip()}")


def _print_rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...], more: int = 0) -> None:
    if not rows:
        return
    heads = [column.removesuffix("_id") for column in columns]
    print_table(title, heads, [[_cell(row[column], column in TIMES) for column in columns] for row in rows])
    if more > 0:
        say(f"and {more:,} more; limit=0 shows all\n")


def _counted(noun: str, counts: dict[str, int]) -> str:
    parts = [f"{count:,} {state}" for state, count in sorted(counts.items())]
    return f"{noun}s: {', '.join(parts)}" if parts else f"no {noun}s yet"


def _cell(value: Any, is_time: bool) -> str:
    """The first line of it, as errors may be long; times to the minute."""
    if is_time:
        return str(value or "")[:16].replace("T", " ")
    text = "" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
    line = text.partition("\n")[0]
    return line if len(line) <= WIDEST_ERROR else f"{line[:WIDEST_ERROR]} ..."
