"""A job: one stage over one drive or one tile, with the stamp that proves it done."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mapforge.io.workspace import Workspace
from mapforge.pipeline import staging
from mapforge.pipeline.stamps import Ledger, Recipe, StoredOutput

_MOST_MESSAGES = 1000
"""Kept of one job."""

WORKER_DIED = "WorkerDied"
"""Kind of error of a job whose process ended under it."""

OF_THE_MACHINE = (
    "OSError",
    "PermissionError",
    "BlockingIOError",
    "TimeoutError",
    "ConnectionError",
    "CatalogError",
    "StorageError",
)
"""Kinds of errors that say nothing of what was worked on."""


@dataclass(frozen=True)
class Job:
    """One unit of work.

    item: the log, drive, tile or tile@drive it is about. run: takes (inputs, config), returns the files it wrote.
    recipe: everything that decides the result. stamps: the worker stamps the item with it; else who runs the jobs does,
    for many items at once. uses_device: it computes on the device of the settings, a GPU perhaps. is_light: it loads no
    network and takes little, so that a few of these need no worker.
    """

    stage: str
    item: str
    run: Callable[[Any, Any], list[Path]]
    inputs: Any
    config: Any
    recipe: Recipe | None
    workspace: Workspace
    stamps: bool = True
    uses_device: bool = False
    is_light: bool = False


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
class JobMessage:
    """What the code of a job logged, wherever it ran."""

    level: str
    logger: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """How a job ended. outputs: what it wrote; error: None when it went well; messages: what its code logged.

    delivered: of a remote workspace, what is in the store, by name, without a stamp yet.
    """

    stage: str
    item: str
    seconds: float
    peak_memory_mb: float
    outputs: tuple[Path, ...] = ()
    error: JobError | None = None
    messages: tuple[JobMessage, ...] = ()
    delivered: tuple[StoredOutput, ...] = ()


def execute(job: Job) -> Outcome:
    """Runs a job where it is called and stamps it. Never raises an Exception: it is the border of a worker."""
    started = time.perf_counter()
    outputs: tuple[Path, ...] = ()
    delivered: tuple[StoredOutput, ...] = ()
    failure = None
    with _messages() as messages:
        try:
            staging.fetch_inputs(job.stage, job.inputs, job.workspace)
            outputs = tuple(job.run(job.inputs, job.config))
            if job.recipe is not None and job.stamps:
                Ledger(job.workspace).write(job.stage, job.item, job.recipe, outputs)
            else:
                delivered = staging.deliver(job.stage, job.inputs, outputs, job.workspace)
            outputs = staging.portable(outputs, job.workspace)
        except Exception as error:  # noqa: BLE001 - one bad drive or tile must not end the run
            outputs, failure = (), JobError(type(error).__name__, str(error), traceback.format_exc())
    seconds = time.perf_counter() - started
    return Outcome(job.stage, job.item, seconds, peak_memory_mb(), outputs, failure, tuple(messages), delivered)


class _Gather(logging.Handler):
    def __init__(self, messages: list[JobMessage]) -> None:
        super().__init__(logging.INFO)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._messages) < _MOST_MESSAGES:
            self._messages.append(JobMessage(record.levelname.lower(), record.name, record.getMessage()))


@contextmanager
def _messages() -> Iterator[list[JobMessage]]:
    """What the package logs meanwhile."""
    messages: list[JobMessage] = []
    source, handler = logging.getLogger("mapforge"), _Gather(messages)
    level = source.level
    source.addHandler(handler)
    source.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield messages
    finally:
        source.removeHandler(handler)
        source.setLevel(level)


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far."""
    info = psutil.Process().memory_info()
    try:
        import resource
    except ImportError:  # not a Unix
        return info.rss / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
