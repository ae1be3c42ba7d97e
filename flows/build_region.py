"""One region as a Prefect flow: every drive and every tile is one task run, with retries."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

# Read by Prefect when it is imported: a busy machine takes longer than its 20 s, and nothing is sent out.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from mapforge.config import EngineConfig, compose_settings
from mapforge.pipeline.jobs import Job, Outcome
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import LocalRunner

RETRIES = 2
RETRY_DELAY_S = [1.0, 10.0]
TRANSIENT = ("OSError", "WorkerDied", "TimeoutError", "BlockingIOError")
"""Errors that another try may cure. A bad log or a wrong setting fails the same way every time."""


class JobFailedError(RuntimeError):
    """Carries a failed outcome through Prefect's retry machinery."""

    def __init__(self, outcome: Outcome) -> None:
        assert outcome.error is not None
        super().__init__(f"{outcome.error.kind}: {outcome.error.message}")
        self.outcome = outcome
        self.kind = outcome.error.kind


def _worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, JobFailedError) and error.kind in TRANSIENT


@task(
    task_run_name="{job.stage} {job.item}",
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAY_S,
    retry_condition_fn=_worth_retrying,
    persist_result=False,
    cache_policy=NO_CACHE,
)
def run_job(job: Job, pool: LocalRunner) -> Outcome:
    """One drive or tile. The thread Prefect runs this in only waits: the work is done in a worker process."""
    outcome = pool.submit(job).result()
    if outcome.error is not None:
        raise JobFailedError(outcome)
    return outcome


class PrefectRunner:
    """Runs jobs as Prefect tasks of the current flow, on a pool of worker processes."""

    def __init__(self, workers: int, threads_a_worker: int = 1) -> None:
        self._pool = LocalRunner(workers, threads_a_worker)

    @classmethod
    def of(cls, engine: EngineConfig) -> PrefectRunner:
        """As many workers as the settings ask for; 0 = one a core."""
        return cls(engine.workers or os.cpu_count() or 1, engine.threads_a_worker)

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        futures = [run_job.submit(job, self._pool) for job in jobs]
        for future in as_completed(futures):
            value = future.result(raise_on_failure=False)
            yield value.outcome if isinstance(value, JobFailedError) else value

    def close(self) -> None:
        self._pool.close()


TASK_RUNNER: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1)


@flow(name="build-region", task_runner=TASK_RUNNER)  # type: ignore[arg-type]
def build_region(overrides: list[str]) -> dict[str, Any]:
    """Builds, validates and reports one region; takes the same `key=value` settings as `mapforge run`."""
    settings = compose_settings(overrides)
    with closing(PrefectRunner.of(settings.engine)) as runner:
        report = run_region(settings, runner)
    create_markdown_artifact(key="region", markdown=summary_markdown(report))
    return report


def summary_markdown(report: dict[str, Any]) -> str:
    """What a person wants to see of a run: tile states, failures, where the report is."""
    states = Counter(tile["state"] for tile in report["tiles"])
    lines = [f"# Region {report['region']}: " + ", ".join(f"{n} {state}" for state, n in sorted(states.items()))]
    lines += [f"- drive `{d['drive_id']}` refused: {d['note']}" for d in report["drives"] if d["state"] != "used"]
    lines += [f"- tile `{t['tile']}` failed: {t['error']}" for t in report["tiles"] if t["state"] == "failed"]
    return "\n".join([*lines, f"- report: `{report['report']}`"])


if __name__ == "__main__":
    import sys

    print(build_region(sys.argv[1:]))
