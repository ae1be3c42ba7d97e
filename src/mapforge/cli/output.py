"""What people see: progress on stderr, tables and JSON on stdout."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


class StageProgress:
    """One bar a stage on stderr; plain lines when stderr is no terminal; nothing when quiet."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._lines = not self._console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=quiet or self._lines,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> StageProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, stage: str, total: int, reused: int) -> None:
        """A stage starts: `total` jobs, of which `reused` are already there."""
        note = f" ({reused} reused)" if reused else ""
        self._tasks[stage] = self._bars.add_task(f"{stage}{note}", total=total, completed=reused)
        if self._lines and not self._quiet:
            self._console.print(f"{stage}: {total - reused} to do{note}", highlight=False)

    def advance(self, stage: str, item: str, error: str | None) -> None:
        """One job ended."""
        self._bars.advance(self._tasks[stage])
        if error is not None and not self._quiet:
            self._console.print(f"{stage} {item}: {error}", style="red", markup=False, highlight=False)

    def report(self, stage: str, done: int, total: int) -> None:
        """For work that counts by itself: `done` of `total`."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)
        if self._lines and not self._quiet and (done == total or done % max(1, total // 20) == 0):
            self._console.print(f"{stage}: {done}/{total}", highlight=False)

    def end(self, stage: str, seconds: float) -> None:
        """A stage is over."""
        if self._lines and not self._quiet:
            self._console.print(f"{stage}: done in {seconds:.1f} s", highlight=False)


def print_json(document: Any) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(document, default=str) + "\n")


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table on stdout; numbers should come as text."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def say(text: str) -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")
