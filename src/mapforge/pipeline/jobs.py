"""A job: one stage over one drive or one tile, with the stamp that proves it done."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mapforge.io.workspace import Workspace
from mapforge.pipeline.stamps import Ledger, Recipe

OF_THE_MACHINE = ("OSError", "PermissionError", "BlockingIOError", "TimeoutError", "ConnectionError", "CatalogError")
"""Kinds of errors that say nothing of what was worked on."""


@dataclass(frozen=True)
class Job:
    """One unit of work.

    item: the log, drive, tile or tile@drive it is about. run: takes (inputs, config), returns the files it wrote.
    recipe: everything that decides the result. stamps: the worker stamps the item with it; else who runs the jobs does,
    for many items at once.
    """

    stage: str
    item: str
    run: Callable[[Any, Any], list[Path]]
    inputs: Any
    config: Any
    recipe: Recipe | None
    workspace: Workspace
    stamps: bool = True


@dataclass(frozen=True)
class JobError:
    """Why a job failed."""

    kind: str
    message: str
    traceback: str

    @property
    def text(self) -> str:
        return f"{self.kind}: {self.message}"

    @property
    def is_of_the_machine(self) -> bool:
        """The disk, the network or a limit of the machine failed, not the drive or the tile."""
        return self.kind in OF_THE_MACHINE


@dataclass(frozen=True)
class Outcome:
    """How a job ended. outputs: what it wrote; error: None when it went well."""

    stage: str
    item: str
    seconds: float
    peak_memory_mb: float
    outputs: tuple[Path, ...] = ()
    error: JobError | None = None


def execute(job: Job) -> Outcome:
    """Runs a job where it is called and stamps it. Never raises an Exception: it is the border of a worker."""
    started = time.perf_counter()
    try:
        outputs = tuple(job.run(job.inputs, job.config))
        if job.recipe is not None and job.stamps:
            Ledger(job.workspace).write(job.stage, job.item, job.recipe, outputs)
    except Exception as error:  # noqa: BLE001 - one bad drive or tile must not end the run
        failure = JobError(type(error).__name__, str(error), traceback.format_exc())
        return Outcome(job.stage, job.item, time.perf_counter() - started, peak_memory_mb(), (), failure)
    return Outcome(job.stage, job.item, time.perf_counter() - started, peak_memory_mb(), outputs)


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far."""
    info = psutil.Process().memory_info()
    try:
        import resource
    except ImportError:  # not a Unix
        return info.rss / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
