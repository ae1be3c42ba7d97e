"""Jobs: what goes well is stamped, what fails says why."""

import dataclasses

import jobs_for_tests as work
import pytest

from mapforge.pipeline.jobs import Job, execute
from mapforge.pipeline.stamps import Ledger, Recipe


@pytest.fixture
def job(workspace):
    return Job("fusion", "32617/1/2", work.write_one, work.Inputs(workspace, "a"), "x", Recipe({"a": "1"}), workspace)


def test_a_finished_job_is_stamped_with_its_recipe_and_outputs(job, workspace):
    outcome = execute(job)
    stamp = Ledger(workspace).stamp("fusion", "32617/1/2")
    assert outcome.error is None
    assert stamp.parts == {"a": "1"}
    assert stamp.paths(workspace) == outcome.outputs
    assert stamp.damaged(workspace, verify_fully=True) is None


def test_a_job_that_is_stamped_with_others_leaves_none(job, workspace):
    assert execute(dataclasses.replace(job, stamps=False)).error is None
    assert Ledger(workspace).stamp("fusion", "32617/1/2") is None


def test_a_failed_job_leaves_no_stamp_and_says_why(job, workspace):
    outcome = execute(dataclasses.replace(job, run=work.fail))
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.message) == ("ValueError", "a is bad")
    assert "jobs_for_tests.py" in outcome.error.traceback
    assert not outcome.error.is_of_the_machine
    assert Ledger(workspace).stamp("fusion", "32617/1/2") is None
