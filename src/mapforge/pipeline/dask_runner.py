"""Jobs on a Dask cluster. The workspace must be reachable under the same path from every worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from distributed import Client, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

from mapforge.pipeline.jobs import Job, JobError, Outcome, execute

AHEAD = 64
"""Jobs submitted but not taken back: enough to keep a few dozen workers busy, little enough to hold in memory."""


class DaskRunner:
    """Runs jobs on the workers of a scheduler, or of a cluster started on this machine."""

    def __init__(self, address: str | None, workers: int, threads_a_worker: int = 1) -> None:
        self._cluster: LocalCluster | None = None
        if address is None:
            self._cluster = LocalCluster(n_workers=workers, threads_per_worker=threads_a_worker, dashboard_address=None)
        self._client = Client(self._cluster or address)

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """A job whose worker dies runs again elsewhere; one that kills every worker it meets fails."""
        waiting = iter(jobs)
        running: dict[Any, Job] = {}
        finished = as_completed()
        self._submit(waiting, running, finished, AHEAD)
        for future in finished:
            job = running.pop(future)
            yield _outcome(future, job)
            self._submit(waiting, running, finished, 1)

    def close(self) -> None:
        """Leaves the cluster, and ends it when it was started here."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _submit(self, waiting: Iterator[Job], running: dict[Any, Job], finished: Any, count: int) -> None:
        for job in islice(waiting, count):
            future = self._client.submit(execute, job, pure=False)
            running[future] = job
            finished.add(future)


def _outcome(future: Any, job: Job) -> Outcome:
    try:
        outcome = future.result()
    except KilledWorker as error:
        return Outcome(job.stage, job.item, 0.0, 0.0, (), JobError("WorkerDied", str(error), ""))
    assert isinstance(outcome, Outcome)
    return outcome
