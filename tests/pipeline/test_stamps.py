"""Stamps and failures: what is trusted, what is counted, what survives being torn."""

import os

import pytest

from mapforge.pipeline.stamps import Failure, Ledger, Recipe

RECIPE = Recipe({"input": "a", "settings of fusion": "{}"})


@pytest.fixture
def ledger(workspace):
    return Ledger(workspace)


@pytest.fixture
def stamped(ledger, workspace):
    """A file and the stamp that vouches for it."""
    path = workspace.root / "out" / "file.txt"
    path.parent.mkdir(parents=True)
    path.write_text("abc")
    return path, ledger.write("fusion", "32617/1/2", RECIPE, [path], {"note": [1, 2]})


def failure(item="32617/1/2", parts=None, kind="ValueError"):
    return Failure("fusion", item, parts or {"input": "a"}, kind, "bad", "trace", "run-1")


def test_a_stamp_is_read_back_as_written(ledger, stamped):
    stamp = ledger.stamp("fusion", "32617/1/2")
    assert stamp == stamped[1]
    assert stamp.notes == {"note": [1, 2]}
    assert stamp.fingerprint == RECIPE.fingerprint


def test_a_fingerprint_knows_every_part(ledger):
    assert RECIPE.fingerprint == Recipe({"settings of fusion": "{}", "input": "a"}).fingerprint
    assert RECIPE.fingerprint != Recipe({"settings of fusion": "{}", "input": "b"}).fingerprint
    assert RECIPE.fingerprint != Recipe({"settings of fusion": "{}", "inputs": "a"}).fingerprint


def test_a_missing_or_changed_file_is_found(workspace, stamped):
    path, stamp = stamped
    path.write_text("abd")  # same size
    assert stamp.damaged(workspace) == "out/file.txt"
    path.write_text("abc")  # the same bytes again, at another time
    assert stamp.damaged(workspace) is None
    path.unlink()
    assert stamp.damaged(workspace) == "out/file.txt"


def test_a_change_that_hides_its_time_is_found_when_asked_to_verify_fully(workspace, stamped):
    path, stamp = stamped
    before = path.stat()
    path.write_text("xyz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert stamp.damaged(workspace) is None
    assert stamp.damaged(workspace, verify_fully=True) == "out/file.txt"


@pytest.mark.parametrize(
    "torn", ["", "{", "[]", '{"parts": {}}', '{"parts": {}, "outputs": [[1]], "notes": {}}', "\x00"]
)
def test_a_torn_stamp_counts_as_none(ledger, workspace, stamped, torn):
    workspace.stamp("fusion", "32617/1/2").write_text(torn)
    assert ledger.stamp("fusion", "32617/1/2") is None


def test_failures_in_a_row_are_counted_while_nothing_changes(ledger):
    assert ledger.record_failure(failure()).count == 1
    assert ledger.record_failure(failure()).count == 2
    assert ledger.record_failure(failure(parts={"input": "b"})).count == 1
    assert ledger.failure("fusion", "32617/1/2").count == 1


def test_success_forgets_the_failure(ledger, workspace):
    ledger.record_failure(failure())
    ledger.write("fusion", "32617/1/2", RECIPE, [])
    assert ledger.failure("fusion", "32617/1/2") is None


def test_forgiving_says_whether_there_was_something(ledger):
    ledger.record_failure(failure())
    assert ledger.forgive("fusion", "32617/1/2")
    assert not ledger.forgive("fusion", "32617/1/2")


def test_items_that_are_paths_of_logs_are_kept_apart_and_listed_by_name(ledger):
    logs = ["/in box/a,b.mcap", "/in box/a;b.mcap", "/../../etc/passwd"]
    for log in logs:
        ledger.record_failure(failure(item=log))
    assert [found.item for found in ledger.failures("fusion")] == sorted(logs)
    assert all(ledger.failure("fusion", log).item == log for log in logs)


def test_drives_whose_names_differ_after_a_dot_have_their_own_stamps(ledger):
    ledger.write("detection", "drive.1", RECIPE, [])
    ledger.write("detection", "drive.2", Recipe({"input": "b"}), [])
    assert ledger.stamp("detection", "drive.1").parts == RECIPE.parts
