"""What is wrong after a night, each with the command that comes next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState, TileState
from mapforge.io.workspace import Workspace
from mapforge.pipeline.inbox import Inbox, LogRecord
from mapforge.pipeline.night_summary import Problem
from mapforge.validation.release_gates import GateReading

LATEST = "latest"
TILES_NAMED = 5


class Troubles:
    """Collects problems of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: list[Problem] = []

    def news(self, last: Mapping[str, Any]) -> tuple[list[Problem], list[Problem]]:
        """(new ones, known ones): known is what the last summary says in the same words and need not be tried again."""
        said = {(p["what"], p["why"]) for p in (*last.get("problems", ()), *last.get("known", ()))}
        known = [p for p in self._found if p.once and (p.what, p.why) in said]
        return [p for p in self._found if p not in known], known

    def night(self, reason: str) -> None:
        """A night that could not run."""
        self._add("the night", reason, self._command("doctor"))

    def log(self, path: str, record: LogRecord) -> None:
        problem = log_problem(path, record)
        again = self._command("ingest", f"source={shlex.quote(path)}")
        self._add(problem.what, problem.why, again, once=True)

    def drive(self, drive_id: str, why: str) -> None:
        """A drive that takes no part."""
        self._add(f"drive {drive_id}", why, self._command("status"), once=True)

    def of_inbox(self, inbox: Inbox) -> None:
        """Folders that are not there."""
        for folder in inbox.missing:
            self._add(f"inbox {folder}", "does not exist", f"ls -d {shlex.quote(folder)}")

    def of_catalog(self, catalog: Catalog) -> None:
        """Failed, rejected and parked tiles, and parked drives."""
        for state in (TileState.FAILED, TileState.PARKED, TileState.REJECTED):
            alike: dict[tuple[str, str], list[str]] = {}
            for tile in catalog.tiles(state=state):
                alike.setdefault((tile.stage or "", tile.error or ""), []).append(tile.tile)
            for (stage, error), tiles in alike.items():
                self._tiles(state, stage, error, tiles)
        for drive in catalog.drives(state=DriveState.PARKED):
            self._add(f"drive {drive.drive_id} parked", drive.error or "", self._command("status"), once=True)

    def gates(self, failed: Iterable[GateReading]) -> None:
        """Gates that hold the release. Of a drive: take it out; of the others: look, then publish all the same."""
        for reading in failed:
            drive = reading.about.removeprefix("drive ") if reading.about.startswith("drive ") else None
            todo = self._publish_anyway() if drive is None else self._command("withdraw", f"drive={drive}")
            self._add(f"gate {reading.gate}, {reading.about}", reading.sentence(), todo)

    def held(self, tiles: Mapping[str, Sequence[str]]) -> None:
        """Tiles that keep their released build, and why."""
        for tile, why in tiles.items():
            self._add(f"tile {tile} held back", "; ".join(why), self._publish_anyway())

    def _tiles(self, state: TileState, stage: str, error: str, tiles: list[str]) -> None:
        """Tiles with one and the same trouble are one problem."""
        named = ", ".join(tiles[:TILES_NAMED]) + (", ..." if len(tiles) > TILES_NAMED else "")
        alone = len(tiles) == 1
        what = f"{f'tile {named}' if alone else f'{len(tiles)} tiles'} {state}{f' in {stage}' if stage else ''}"
        again = self._command("retry", f"tile={tiles[0]}" if alone else f"state={state}")
        todo = self._command("view") if state is TileState.REJECTED else again
        self._add(what, error if alone else f"{error} ({named})", todo, once=state is not TileState.FAILED)

    def _publish_anyway(self) -> str:
        return self._command("release publish") + "  # after a look at the difference: is it real?"

    def _command(self, name: str, *words: str) -> str:
        return " ".join(["mapforge", name, f"workspace={shlex.quote(self._workspace.place)}", *words])

    def _add(self, what: str, why: str, todo: str, once: bool = False) -> None:
        self._found.append(Problem(what, why, todo, once))


def log_problem(path: str, record: LogRecord) -> Problem:
    """A log that became no drive; the path where the error does not name it."""
    error = record.error or ""
    return Problem(f"log {Path(path).name} {record.state}", error if path in error else f"{error} ({path})", once=True)


def newest_summary(workspace: Workspace) -> dict[str, Any]:
    """What the last night said; empty before the first."""
    try:
        return dict(json.loads((workspace.nights / f"{LATEST}.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, ValueError):
        return {}
