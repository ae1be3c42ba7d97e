"""A job: one stage over one drive or one tile, with the stamp that proves it done."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from mapforge.io.atomic import write_text
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.workspace import Workspace


@dataclass(frozen=True)
class Job:
    """One unit of work.

    item: the drive, tile or tile@drive it is about. run: takes (inputs, config), returns the files it wrote.
    fingerprint: hash of everything that decides the result; None: the stage knows itself what is done already.
    """

    stage: str
    item: str
    run: Callable[[Any, Any], list[Path]]
    inputs: Any
    config: Any
    fingerprint: str | None
    workspace: Workspace


@dataclass(frozen=True)
class JobError:
    """Why a job failed."""

    kind: str
    message: str
    traceback: str


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
        if job.fingerprint is not None:
            _write_stamp(job, outputs)
    except Exception as error:  # noqa: BLE001 - one bad drive or tile must not end the run
        failure = JobError(type(error).__name__, str(error), traceback.format_exc())
        return Outcome(job.stage, job.item, time.perf_counter() - started, peak_memory_mb(), (), failure)
    return Outcome(job.stage, job.item, time.perf_counter() - started, peak_memory_mb(), outputs)


def finished_outputs(job: Job, verify_fully: bool = False) -> tuple[Path, ...] | None:
    """What the job wrote earlier, if that is still what it would write; None when it must run.

    Files are compared by size and time, by sha256 where those differ (or always, with verify_fully).
    """
    if job.fingerprint is None:
        return None
    stamp_path = job.workspace.stamp(job.stage, job.item)
    try:
        stamp = json.loads(stamp_path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if stamp.get("fingerprint") != job.fingerprint:
        return None
    for name, size, modified_ns, sha256 in stamp["outputs"]:
        path = job.workspace.root / name
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        untouched = status.st_size == size and status.st_mtime_ns == modified_ns
        if (verify_fully or not untouched) and (status.st_size != size or sha256_of_file(path) != sha256):
            return None
    return tuple(job.workspace.root / entry[0] for entry in stamp["outputs"])


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far."""
    info = psutil.Process().memory_info()
    try:
        import resource
    except ImportError:  # not a Unix
        return info.rss / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _write_stamp(job: Job, outputs: tuple[Path, ...]) -> None:
    entries = []
    for path in sorted(outputs):
        status = path.stat()
        name = path.relative_to(job.workspace.root).as_posix()
        entries.append([name, status.st_size, status.st_mtime_ns, sha256_of_file(path)])
    text = json.dumps({"fingerprint": job.fingerprint, "outputs": entries})
    write_text(job.workspace.stamp(job.stage, job.item), text, job.workspace.tmp)
