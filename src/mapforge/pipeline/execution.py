"""Runs a stage's jobs: skips what is done, records every attempt, times the stage, keeps the failures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mapforge.catalog import Catalog
from mapforge.pipeline.jobs import Job, Outcome, finished_outputs
from mapforge.pipeline.runners import Runner


class Progress(Protocol):
    """Who is told how far a run is."""

    def begin(self, stage: str, total: int, reused: int) -> None: ...

    def advance(self, stage: str, item: str, error: str | None) -> None: ...

    def end(self, stage: str, seconds: float) -> None: ...


class NoProgress:
    """Tells nobody."""

    def begin(self, stage: str, total: int, reused: int) -> None:
        """Nothing."""

    def advance(self, stage: str, item: str, error: str | None) -> None:
        """Nothing."""

    def end(self, stage: str, seconds: float) -> None:
        """Nothing."""


@dataclass
class StageResult:
    """What a stage's jobs came to. outputs: item -> files; errors: item -> message."""

    outputs: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass
class Execution:
    """The means of one run: where jobs run, where attempts are written, who watches.

    timing_s: seconds a stage took. executed: jobs a stage really ran. peak_memory_mb: highest of any worker.
    """

    run_id: str
    runner: Runner
    catalog: Catalog
    progress: Progress
    verify_fully: bool = False
    timing_s: dict[str, float] = field(default_factory=dict)
    executed: dict[str, int] = field(default_factory=dict)
    peak_memory_mb: float = 0.0

    def do(self, stage: str, jobs: Sequence[Job]) -> StageResult:
        """Runs those jobs of a stage whose result is not there already. Failures are kept, never raised."""
        started = time.perf_counter()
        result = StageResult()
        todo = []
        for job in jobs:
            outputs = finished_outputs(job, self.verify_fully)
            if outputs is None:
                todo.append(job)
            else:
                result.outputs[job.item] = outputs
        self.progress.begin(stage, len(jobs), len(jobs) - len(todo))
        for outcome in self.runner.map(todo):
            self._take(outcome, result)
        seconds = time.perf_counter() - started
        self.timing_s[stage] = self.timing_s.get(stage, 0.0) + seconds
        self.executed[stage] = self.executed.get(stage, 0) + len(todo)
        self.progress.end(stage, seconds)
        return result

    def _take(self, outcome: Outcome, result: StageResult) -> None:
        self.peak_memory_mb = max(self.peak_memory_mb, outcome.peak_memory_mb)
        message = None
        if outcome.error is None:
            result.outputs[outcome.item] = outcome.outputs
        else:
            message = f"{outcome.error.kind}: {outcome.error.message}"
            result.errors[outcome.item] = message
        trace = outcome.error.traceback if outcome.error else None
        self.catalog.record_attempt(self.run_id, outcome.stage, outcome.item, outcome.seconds, message, trace)
        self.progress.advance(outcome.stage, outcome.item, message)
