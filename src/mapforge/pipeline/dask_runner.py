"""Jobs on a Dask cluster. Its workers reach the workspace under the same path, or through one object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from distributed import Client, LocalCluster, as_completed
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from mapforge.errors import ConfigurationError
from mapforge.pipeline.jobs import WORKER_DIED, Job, JobError, Outcome, execute
from mapforge.pipeline.runners import THREAD_SETTINGS

AHEAD = 64
"""Jobs submitted but not taken back, at least: enough to keep workers busy, little enough to hold in memory."""
AHEAD_A_WORKER = 4
CONNECT_TIMEOUT_S = 30.0


class DaskRunner:
    """Runs jobs on the workers of a scheduler, or of a cluster started on this machine."""

    def __init__(
        self, address: str | None, workers: int, threads_a_worker: int = 1, gpu_resource: str | None = None
    ) -> None:
        """gpu_resource: label of the workers that may run jobs which compute on the device; none = all may.

        Raises ConfigurationError when no scheduler answers at the address.
        """
        self._cluster: LocalCluster | None = None
        self._gpu_resource = gpu_resource
        self._labels: set[str] = set()
        if address is None:
            resources = {gpu_resource: 1} if gpu_resource else None
            environment = dict.fromkeys(THREAD_SETTINGS, str(threads_a_worker))
            # one job at a time in each worker: `threads_a_worker` are those of the numeric libraries
            self._cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                resources=resources,
                env=environment,
            )
        try:
            self._client = Client(self._cluster or address, timeout=CONNECT_TIMEOUT_S)
        except OSError as error:
            raise ConfigurationError(
                f"engine.address={address}: no Dask scheduler answers ({error}); start one with `dask scheduler`"
            ) from error

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """A job whose worker dies runs again elsewhere; one that kills every worker it meets fails.

        Raises ConfigurationError when a job needs the GPU resource and no worker has it.
        """
        waiting = iter(jobs)
        running: dict[Any, Job] = {}
        finished = as_completed()
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        self._labels = {label for worker in workers for label, amount in worker["resources"].items() if amount > 0}
        self._submit(waiting, running, finished, max(AHEAD, AHEAD_A_WORKER * len(workers)))
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
            future = self._client.submit(execute, job, pure=False, resources=self._resources(job))
            running[future] = job
            finished.add(future)

    def _resources(self, job: Job) -> dict[str, float] | None:
        label = self._gpu_resource
        if label is None or not job.uses_device:
            return None
        if label not in self._labels:
            raise ConfigurationError(
                f"engine.gpu_resource={label}: no worker of the Dask cluster has it; start those with a GPU as "
                f"`dask worker ... --resources {label}=1`"
            )
        return {label: 1.0}


def _outcome(future: Any, job: Job) -> Outcome:
    try:
        outcome = future.result()
    except KilledWorker as error:
        return _died(job, WORKER_DIED, str(error))
    except FutureCancelledError as error:
        return _died(job, "ConnectionError", f"the Dask scheduler lost the job: {error}; run again")
    assert isinstance(outcome, Outcome)
    return outcome


def _died(job: Job, kind: str, message: str) -> Outcome:
    return Outcome(job.stage, job.item, 0.0, 0.0, (), JobError(kind, message, ""))
