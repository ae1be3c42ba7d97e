"""Stamps: a job is done while its fingerprint and its files are what they were."""

import dataclasses
import os

import jobs_for_tests as work
import pytest

from mapforge.pipeline.jobs import Job, execute, finished_outputs


@pytest.fixture
def job(workspace):
    return Job("fusion", "32617/1/2", work.write_one, work.Inputs(workspace, "a"), "x", "f1", workspace)


def test_a_finished_job_is_not_done_again(job):
    assert finished_outputs(job) is None
    outcome = execute(job)
    assert outcome.error is None
    assert finished_outputs(job) == outcome.outputs


def test_another_fingerprint_makes_it_due(job):
    execute(job)
    assert finished_outputs(dataclasses.replace(job, fingerprint="f2")) is None


def test_a_missing_or_changed_file_makes_it_due(job):
    (path,) = execute(job).outputs
    path.write_text("a y")  # same size
    assert finished_outputs(job) is None
    path.write_text("a x")  # the same bytes again, at another time
    assert finished_outputs(job) == (path,)
    path.unlink()
    assert finished_outputs(job) is None


def test_a_change_that_hides_its_time_is_found_when_asked_to_verify_fully(job):
    (path,) = execute(job).outputs
    before = path.stat()
    path.write_text("b x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert finished_outputs(job) is not None
    assert finished_outputs(job, verify_fully=True) is None


def test_a_failed_job_leaves_no_stamp_and_says_why(job, workspace):
    failing = dataclasses.replace(job, run=work.fail)
    outcome = execute(failing)
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == ("ValueError", "a is bad")
    assert "jobs_for_tests.py" in outcome.error.traceback
    assert finished_outputs(failing) is None


def test_a_torn_stamp_counts_as_none(job, workspace):
    execute(job)
    workspace.stamp("fusion", "32617/1/2").write_text("{")
    assert finished_outputs(job) is None
