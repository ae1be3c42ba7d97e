"""The Prefect flow: jobs become task runs; a job that fails is tried again only when that may help."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pytest

prefect = pytest.importorskip("prefect")

from prefect.testing.utilities import prefect_test_harness  # noqa: E402

from mapforge.io.workspace import Workspace  # noqa: E402
from mapforge.pipeline.jobs import Job, JobError, Outcome  # noqa: E402

FLOW_FILE = Path(__file__).resolve().parents[2] / "flows" / "build_region.py"


@pytest.fixture(scope="module")
def flows():
    spec = importlib.util.spec_from_file_location("build_region", FLOW_FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class FakePool:
    """Answers each job from a script of errors: None = it goes well."""

    script: dict[str, list[str | None]]

    def submit(self, job):
        error = self.script[job.item].pop(0)
        failure = None if error is None else JobError(error, "said so", "")

        class Now:
            def result(self):
                return Outcome(job.stage, job.item, 0.1, 1.0, (), failure)

        return Now()


@pytest.mark.server
@pytest.mark.timeout(300)
def test_jobs_are_task_runs_with_retries(flows, tmp_path, monkeypatch):
    script = {"good": [None], "bad log": ["LogError"], "flaky disk": ["OSError", None]}
    workspace = Workspace(tmp_path)
    jobs = [Job("ingest", item, None, None, None, None, workspace) for item in script]
    monkeypatch.setattr(flows.run_job, "retry_delay_seconds", [0, 0])

    @prefect.flow(task_runner=flows.build_region.task_runner)
    def all_jobs():
        runner = flows.PrefectRunner(1)
        runner._pool = FakePool(script)
        return {outcome.item: outcome.error.kind if outcome.error else None for outcome in runner.map(jobs)}

    with prefect_test_harness(server_startup_timeout=120):
        outcomes = all_jobs()
    assert outcomes == {"good": None, "bad log": "LogError", "flaky disk": None}
    assert script == {"good": [], "bad log": [], "flaky disk": []}
