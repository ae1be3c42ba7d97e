"""Runs, and what they tried."""

import pytest
from sqlalchemy import delete

from mapforge.catalog.tables import Release, RunState, TileState
from mapforge.errors import UnknownRunError

TILE = "32617/1/1"


def test_a_run_whose_process_died_is_marked_interrupted(catalog, as_owner, dead_owner):
    as_owner(dead_owner)
    catalog.start_run("r2", "town", {})
    as_owner(None)
    assert catalog.has_living_runs()
    catalog.start_run("r3", "town", {})
    states = {run.run_id: run.state for run in catalog.runs()}
    assert states == {"r1": RunState.RUNNING, "r2": RunState.INTERRUPTED, "r3": RunState.RUNNING}
    assert catalog.run("r2").ended_ns is not None


def test_a_run_elsewhere_is_over_an_hour_after_its_last_sign_of_life(catalog, as_owner, at):
    as_owner("otherhost/1/1")
    at(0)
    catalog.start_run("r2", "town", {})
    at(0.9)
    catalog.renew_leases("r2")
    as_owner(None)
    at(1.8)
    assert catalog.has_living_runs(besides="r1")
    catalog.start_run("r3", "town", {})
    assert catalog.run("r2").state == RunState.RUNNING
    catalog.end_run("r3", RunState.DONE)
    at(1.95)
    assert not catalog.has_living_runs(besides="r1")
    catalog.start_run("r4", "town", {})
    assert catalog.run("r2").state == RunState.INTERRUPTED


@pytest.mark.parametrize("hours", [-1e4, 1e4])
def test_no_clock_ends_a_run_that_lives_here(catalog, at, hours):
    at(hours)
    assert catalog.has_living_runs()
    catalog.start_run("r2", "town", {})
    assert catalog.run("r1").state == RunState.RUNNING


def test_runs_come_newest_first_and_are_filtered(catalog):
    catalog.start_run("r2", "village", {})
    catalog.end_run("r2", RunState.FAILED, "NoUsableDriveError: none")
    assert [run.run_id for run in catalog.runs()] == ["r2", "r1"]
    assert [run.run_id for run in catalog.runs(region="town")] == ["r1"]
    assert [run.run_id for run in catalog.runs(state="failed")] == ["r2"]
    assert [run.run_id for run in catalog.runs(limit=1)] == ["r2"]
    assert catalog.run("latest").error == "NoUsableDriveError: none"


def test_an_unknown_run_says_which_there_are(catalog):
    with pytest.raises(UnknownRunError, match="r1"):
        catalog.run("r9")


def test_failures_keep_their_traceback(catalog):
    catalog.record_attempt("r1", "fusion", TILE, 0.5, "ValueError: boom", "Traceback ...")
    catalog.record_attempt("r1", "fusion", "32617/1/2", 0.5)
    (failure,) = catalog.attempts("r1", failed=True)
    assert (failure.item, failure.error, failure.traceback) == (TILE, "ValueError: boom", "Traceback ...")
    assert len(catalog.attempts("r1")) == 2


def test_the_history_of_a_tile_is_all_that_was_tried_on_it_and_nothing_else(catalog):
    items = [TILE, f"{TILE}@drive_a", f"{TILE}@drive[b]*", "32617/1/10", "32617/1/10@drive_a", "drive_a", "32617/1/1Z"]
    for item in items:
        catalog.record_attempt("r1", "perception", item, 1.0)
    assert [attempt.item for attempt in catalog.attempts(item=TILE)] == items[:3]
    assert [attempt.item for attempt in catalog.attempts(item="drive_a")] == ["drive_a"]
    assert catalog.attempts(item="32617/1/%") == catalog.attempts(item="32617/1/*") == []


def test_the_last_attempts_come_in_order(catalog):
    for number in range(5):
        catalog.record_attempt("r1", "fusion", f"32617/1/{number}", 1.0)
    assert [attempt.item[-1] for attempt in catalog.attempts("r1", limit=2)] == ["3", "4"]
    assert catalog.attempts("r1", stage="tiles") == []


def test_old_runs_are_forgotten_with_their_attempts_unless_a_tile_needs_them(catalog):
    for number in range(2, 7):
        catalog.start_run(f"r{number}", "town", {})
        catalog.record_attempt(f"r{number}", "fusion", TILE, 1.0)
        if number != 3:
            catalog.end_run(f"r{number}", RunState.DONE)
    catalog.claim([TILE], "r2")
    catalog.set_tile(TILE, TileState.FAILED, "fusion", "boom")
    assert catalog.forget_runs(keep=2) == ["r4"], "r1 and r3 go on, r2 explains a failed tile, r5 and r6 are new"
    assert [run.run_id for run in catalog.runs()] == ["r6", "r5", "r3", "r2", "r1"]
    assert [attempt.run_id for attempt in catalog.attempts(item=TILE)] == ["r2", "r3", "r5", "r6"]
    catalog.set_tile(TILE, TileState.VALID)
    with catalog.writing() as session:
        session.add(Release(name="first", run_id="r2", created_ns=1, current=True))
    assert catalog.forget_runs(keep=2) == []
    with catalog.writing() as session:
        session.execute(delete(Release))
    assert catalog.forget_runs(keep=2) == ["r2"]
    assert catalog.forget_runs(keep=2) == []
