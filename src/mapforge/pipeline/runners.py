"""Where jobs run. A runner takes jobs and gives outcomes back in any order; it knows nothing of stages."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import chain, islice
from typing import Protocol

from mapforge.io.pandas_guard import keep_pandas_out
from mapforge.pipeline.jobs import WORKER_DIED, Job, JobError, Outcome, execute

THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TRIES_ALONE = 2
"""A job whose worker dies when nothing else runs is tried so often: once may be a stray kill, twice is the job."""
FEW = 4
"""So many light jobs are done here before a worker, with all that it must import, is ready for them."""


class Runner(Protocol):
    """Runs jobs; one outcome a job, whatever happens to the job or to the worker it ran in."""

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]: ...

    def close(self) -> None: ...


class InlineRunner:
    """Runs jobs one after another in this process."""

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        yield from map(execute, jobs)

    def close(self) -> None:
        """Nothing to give back."""


class LocalRunner:
    """Runs jobs in worker processes that end with their parent; a few light ones itself while it has no workers."""

    def __init__(self, workers: int, threads_a_worker: int = 1) -> None:
        self._workers = workers
        self._threads = threads_a_worker
        self._pool: ProcessPoolExecutor | None = None

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Jobs are submitted a few ahead of the workers, so that a million of them cost no memory.

        A worker that dies (killed, out of memory) takes its pool with it. The jobs that were under way then run
        again one at a time in fresh workers, so that the one that kills is found and the others are not blamed.
        """
        waiting = iter(jobs)
        first = list(islice(waiting, FEW + 1))
        if self._pool is None and len(first) <= FEW and all(job.is_light for job in first):
            yield from map(execute, first)
            return
        waiting = chain(first, waiting)
        running: dict[Future[Outcome], Job] = {}
        while True:
            for job in islice(waiting, 4 * self._workers - len(running)):
                running[self.submit(job)] = job
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            suspects: list[Job] = []
            for future in done:
                job = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(job)
                else:
                    yield future.result()
            if suspects:
                suspects += running.values()
                running = {}
                yield from map(self._run_alone, suspects)

    def submit(self, job: Job) -> Future[Outcome]:
        """One job to the pool, which is started or replaced when needed."""
        try:
            return self._ready_pool().submit(execute, job)
        except BrokenProcessPool:
            self.close()
            return self._ready_pool().submit(execute, job)

    def close(self) -> None:
        """Ends the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _run_alone(self, job: Job) -> Outcome:
        for _ in range(TRIES_ALONE):
            self.close()
            with suppress(BrokenProcessPool):
                return self.submit(job).result()
        self.close()
        message = "the worker process died (killed, or out of memory); look at the system log, or use fewer workers"
        return Outcome(job.stage, job.item, 0.0, 0.0, (), JobError(WORKER_DIED, message, ""))

    def _ready_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            for name in THREAD_SETTINGS:  # read by the numeric libraries, torch too, when a worker loads them
                os.environ[name] = str(self._threads)
            # spawn: forked children of a process with open3d or torch threads can deadlock
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=context, initializer=_begin_worker, initargs=(os.getpid(),)
            )
        return self._pool


def _begin_worker(parent_pid: int) -> None:
    _die_with_parent(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    keep_pandas_out()


def _die_with_parent(parent_pid: int) -> None:
    """Linux: the kernel kills this process when its parent is gone, even by SIGKILL."""
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)
