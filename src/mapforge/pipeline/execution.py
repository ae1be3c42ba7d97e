"""Runs a stage's jobs: records every attempt, times the stage, keeps the failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from mapforge.catalog import Catalog
from mapforge.errors import MapForgeError
from mapforge.pipeline.jobs import Job, JobError, Outcome
from mapforge.pipeline.runners import Runner
from mapforge.pipeline.staging import receive
from mapforge.pipeline.stamps import Failure, Ledger, StoredOutput
from mapforge.pipeline.telemetry import Watchers


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
    """What a stage's jobs came to. outputs: item -> files; errors: item -> why it failed.

    delivered: of a remote workspace, what is in the store without a stamp yet, by name.
    """

    outputs: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    errors: dict[str, JobError] = field(default_factory=dict)
    delivered: dict[str, StoredOutput] = field(default_factory=dict)


@dataclass
class Execution:
    """The means of one run: where jobs run, where attempts are written, who is told.

    timing_s: seconds a stage took. executed: jobs a stage really ran. peak_memory_mb: highest of any worker.
    """

    run_id: str
    runner: Runner
    catalog: Catalog
    progress: Progress
    watchers: Watchers = field(default_factory=Watchers)
    timing_s: dict[str, float] = field(default_factory=dict)
    executed: dict[str, int] = field(default_factory=dict)
    peak_memory_mb: float = 0.0

    def do(
        self,
        stage: str,
        jobs: Sequence[Job],
        reused: int = 0,
        finished: Callable[[str, tuple[Path, ...]], None] | None = None,
    ) -> StageResult:
        """Runs a stage's jobs. Failures are kept, never raised.

        reused: items of the stage that need no job. finished: told of each job that went well, as soon as it has.
        """
        started = time.perf_counter()
        result = StageResult()
        by_item = {job.item: job for job in jobs}
        self.progress.begin(stage, len(jobs) + reused, reused)
        self.watchers.tell(lambda watcher: watcher.stage_began(stage, len(jobs), reused))
        for outcome in self.runner.map(jobs) if jobs else ():
            outcome = _arrived(outcome, by_item[outcome.item])
            self._take(outcome, by_item[outcome.item], result)
            if outcome.error is None and finished is not None:
                finished(outcome.item, outcome.outputs)
        seconds = time.perf_counter() - started
        self.timing_s[stage] = self.timing_s.get(stage, 0.0) + seconds
        self.executed[stage] = self.executed.get(stage, 0) + len(jobs)
        self.progress.end(stage, seconds)
        self.watchers.tell(lambda watcher: watcher.stage_ended(stage, seconds))
        return result

    def _take(self, outcome: Outcome, job: Job, result: StageResult) -> None:
        self.peak_memory_mb = max(self.peak_memory_mb, outcome.peak_memory_mb)
        ledger = Ledger(job.workspace)
        message = trace = None
        if outcome.error is None:
            result.outputs[outcome.item] = outcome.outputs
            result.delivered.update({output.name: output for output in outcome.delivered})
            ledger.forgive(outcome.stage, outcome.item)
        else:
            result.errors[outcome.item] = outcome.error
            message, trace = outcome.error.text, outcome.error.traceback
            parts = job.recipe.parts if job.recipe is not None else {}
            failure = Failure(
                outcome.stage, outcome.item, parts, outcome.error.kind, outcome.error.message, trace, self.run_id
            )
            ledger.record_failure(failure)
        self.catalog.record_attempt(self.run_id, outcome.stage, outcome.item, outcome.seconds, message, trace)
        self.progress.advance(outcome.stage, outcome.item, message)
        self.watchers.tell(lambda watcher: watcher.job_ended(outcome))


def _arrived(outcome: Outcome, job: Job) -> Outcome:
    """The outcome as it counts here: its outputs lie in the workspace as this machine sees it."""
    if outcome.error is not None:
        return outcome
    try:
        stamped = job.recipe is not None and job.stamps
        receive(outcome.stage, outcome.item, outcome.delivered, job.recipe, stamped, job.workspace)
    except (MapForgeError, OSError) as error:
        return replace(outcome, outputs=(), error=JobError(type(error).__name__, str(error), ""))
    return replace(outcome, outputs=tuple(job.workspace.root / path for path in outcome.outputs))
