"""Runners: one outcome a job, whatever happens."""

import os
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import jobs_for_tests as work
import pytest

from mapforge.catalog import Catalog
from mapforge.pipeline.dask_runner import DaskRunner
from mapforge.pipeline.job_inputs import _is_light
from mapforge.pipeline.jobs import Job
from mapforge.pipeline.runners import FEW, InlineRunner, LocalRunner
from mapforge.pipeline.stamps import Recipe


def jobs(workspace, runs):
    return [
        Job("stage", f"item{i}", run, work.Inputs(workspace, f"item{i}"), "c", Recipe({"a": "1"}), workspace)
        for i, run in enumerate(runs)
    ]


@pytest.fixture(params=["inline", "local", "dask"])
def runner(request, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(work.__file__).rsplit("/", 1)[0])
    made = {
        "inline": InlineRunner,
        "local": lambda: LocalRunner(2),
        "dask": lambda: DaskRunner(None, 2),
    }[request.param]()
    yield made
    made.close()


def test_every_job_has_one_outcome_and_a_bad_one_hurts_no_other(runner, workspace):
    outcomes = {o.item: o for o in runner.map(jobs(workspace, [work.write_one, work.fail, work.write_one]))}
    assert sorted(outcomes) == ["item0", "item1", "item2"]
    assert outcomes["item1"].error is not None
    assert outcomes["item1"].error.message == "item1 is bad"
    assert outcomes["item0"].outputs[0].read_text() == "item0 c"
    assert outcomes["item2"].peak_memory_mb > 1


def test_a_job_that_kills_its_worker_is_named_and_the_others_are_done(workspace, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(work.__file__).rsplit("/", 1)[0])
    runner = LocalRunner(2)
    outcomes = {o.item: o for o in runner.map(jobs(workspace, [work.write_one, work.kill_worker, work.write_one]))}
    runner.close()
    assert {item for item, outcome in outcomes.items() if outcome.error} == {"item1"}
    assert outcomes["item1"].error.kind == "WorkerDied"


def test_stray_kills_are_not_held_against_a_job(workspace, monkeypatch):
    """Killed among others, and again when alone: the next attempt is the one that counts."""
    monkeypatch.setenv("PYTHONPATH", str(work.__file__).rsplit("/", 1)[0])
    runner = LocalRunner(2)
    outcomes = list(runner.map(jobs(workspace, [work.die_twice, work.write_one])))
    runner.close()
    assert [outcome.error for outcome in outcomes] == [None, None]


def test_no_jobs_no_workers(workspace):
    runner = LocalRunner(2)
    assert list(runner.map([])) == []


def processes(outcomes):
    """Where each job ran."""
    return {int(outcome.outputs[0].read_text()) for outcome in outcomes}


def test_a_few_light_jobs_start_no_workers_and_others_do(workspace, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(work.__file__).rsplit("/", 1)[0])
    here = {os.getpid()}
    light = [replace(job, is_light=True) for job in jobs(workspace, [work.write_pid] * (FEW + 1))]
    runner = LocalRunner(1)
    assert processes(runner.map(light[:FEW])) == here
    assert not here & processes(runner.map([light[0], replace(light[1], is_light=False)]))
    assert not here & processes(runner.map(light[:1])), "it has a worker now, that has imported all it needs"
    runner.close()
    assert not here & processes(runner.map(light))
    runner.close()


@pytest.mark.parametrize(
    ("error", "stage", "is_light"),
    [
        (None, "fusion", True),
        ("ValueError: bad", "fusion", True),
        ("WorkerDied: killed", "fusion", False),
        ("WorkerDied: killed", "tiles", True),
    ],
)
def test_what_killed_its_worker_goes_to_a_worker_again(tmp_path, error, stage, is_light):
    with closing(Catalog.of(str(tmp_path), None)) as catalog:
        catalog.start_run("r", "town", {})
        catalog.record_attempt("r", "fusion", "32617/1/1", 1.0, error)
        assert _is_light(stage, "32617/1/1", SimpleNamespace(catalog=catalog)) is is_light
        assert not _is_light("perception", "32617/1/1", SimpleNamespace(catalog=catalog))
