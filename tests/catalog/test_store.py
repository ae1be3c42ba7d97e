"""The ledger: leases, states, attempts."""

import subprocess
import sys
import time

import pytest

from mapforge.catalog import Catalog
from mapforge.catalog import owner as ownership
from mapforge.catalog.tables import RunState, TileState
from mapforge.errors import LeaseHeldError, UnknownRunError

TILES = ["32617/1/1", "32617/1/2"]


@pytest.fixture
def catalog(tmp_path):
    catalog = Catalog.of(str(tmp_path / "work space"), None)
    catalog.start_run("r1", "town", {"workspace": "w"})
    return catalog


def dead_owner() -> str:
    """A process of this machine that has ended."""
    code = "from mapforge.catalog.owner import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_tile_goes_from_pending_to_valid_and_gives_its_lease_back(catalog):
    assert catalog.claim(TILES, "r1") == TILES
    catalog.set_tile(TILES[0], TileState.BUILT, build="abc")
    catalog.set_tile(TILES[0], TileState.VALID)
    tile = catalog.tile(TILES[0])
    assert (tile.state, tile.build, tile.lease_owner, tile.attempts) == ("valid", "abc", None, 1)
    assert catalog.tile(TILES[1]).state == "building"
    assert catalog.count_tiles() == {"building": 1, "valid": 1}


def test_the_second_of_two_runs_gets_only_what_the_first_left(catalog, monkeypatch):
    catalog.claim(TILES[:1], "r1")
    monkeypatch.setattr("mapforge.catalog.leases.this_process", lambda: "otherhost/1/1")
    assert catalog.claim(TILES, "r2") == TILES[1:]
    with pytest.raises(LeaseHeldError, match="32617/1/1"):
        catalog.claim(TILES[:1], "r2")


def test_the_lease_of_a_dead_process_is_taken_over_at_once(catalog, monkeypatch):
    owner = dead_owner()
    assert ownership.is_dead(owner)
    assert not ownership.is_dead(ownership.this_process())
    monkeypatch.setattr("mapforge.catalog.leases.this_process", lambda: owner)
    catalog.claim(TILES, "r1")
    monkeypatch.undo()
    assert catalog.claim(TILES, "r2") == TILES


def test_the_lease_of_another_machine_expires(catalog, monkeypatch):
    monkeypatch.setattr("mapforge.catalog.leases.this_process", lambda: "otherhost/1/1")
    catalog.claim(TILES, "r1")
    monkeypatch.undo()
    with pytest.raises(LeaseHeldError):
        catalog.claim(TILES, "r2")
    later = time.time_ns() + 2 * 3600 * 10**9
    monkeypatch.setattr("mapforge.catalog.database.time.time_ns", lambda: later)
    assert catalog.claim(TILES, "r2") == TILES


def test_a_run_whose_process_died_is_marked_interrupted(catalog, monkeypatch):
    monkeypatch.setattr("mapforge.catalog.runs.this_process", dead_owner)
    catalog.start_run("r2", "town", {})
    monkeypatch.undo()
    catalog.start_run("r3", "town", {})
    assert {run.run_id: run.state for run in catalog.runs()} == {
        "r1": RunState.RUNNING,
        "r2": RunState.INTERRUPTED,
        "r3": RunState.RUNNING,
    }


def test_unreleased_tiles_of_a_run_become_pending(catalog):
    catalog.claim(TILES, "r1")
    catalog.set_tile(TILES[0], TileState.FAILED, stage="fusion", error="boom")
    catalog.release_leases("r1")
    assert [tile.state for tile in catalog.tiles()] == ["failed", "pending"]
    assert all(tile.lease_owner is None for tile in catalog.tiles())


def test_failures_keep_their_traceback(catalog):
    catalog.record_attempt("r1", "fusion", TILES[0], 0.5, "ValueError: boom", "Traceback ...")
    catalog.record_attempt("r1", "fusion", TILES[1], 0.5)
    (failure,) = [attempt for attempt in catalog.attempts("r1") if attempt.error]
    assert (failure.item, failure.traceback) == (TILES[0], "Traceback ...")


def test_unknown_names_say_what_there_is(catalog):
    with pytest.raises(UnknownRunError, match="newest runs: r1"):
        catalog.run("r9")
    with pytest.raises(UnknownRunError, match="32617/9/9"):
        catalog.tile("32617/9/9")
    assert catalog.run("latest").run_id == "r1"
