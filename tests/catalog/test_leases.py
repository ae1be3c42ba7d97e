"""At most one run works on a tile."""

import subprocess
import sys
import time

import pytest

from mapforge.catalog import leases as leasing
from mapforge.catalog.owner import this_process
from mapforge.catalog.tables import RunState, TileState
from mapforge.errors import LeaseHeldError

TILES = ["32617/1/1", "32617/1/2"]
ELSEWHERE = "otherhost/1/1"


def test_the_second_of_two_runs_gets_only_what_the_first_left(catalog, as_owner):
    catalog.claim(TILES[:1], "r1")
    as_owner(ELSEWHERE)
    assert catalog.claim(TILES, "r2") == TILES[1:]
    with pytest.raises(LeaseHeldError, match="32617/1/1"):
        catalog.claim(TILES[:1], "r2")


def test_two_runs_of_one_process_do_not_share_a_tile(catalog):
    catalog.claim(TILES[:1], "r1")
    catalog.start_run("r2", "town", {})
    assert catalog.claim(TILES, "r2") == TILES[1:]
    catalog.end_run("r1", RunState.FAILED)
    assert catalog.claim(TILES, "r2") == TILES, "a run that is over holds nothing"


def test_a_run_may_claim_again_what_it_has(catalog):
    catalog.claim(TILES, "r1")
    assert catalog.claim(TILES, "r1") == TILES
    assert catalog.tile(TILES[0]).attempts == 2


def test_the_lease_of_a_dead_process_is_taken_over_at_once(catalog, as_owner, dead_owner):
    as_owner(dead_owner)
    catalog.claim(TILES, "r1")
    as_owner(None)
    assert catalog.claim(TILES, "r2") == TILES


def test_the_lease_of_another_machine_expires(catalog, as_owner, at):
    as_owner(ELSEWHERE)
    at(0)
    catalog.claim(TILES, "r1")
    as_owner(None)
    at(0.99)
    with pytest.raises(LeaseHeldError, match="otherhost"):
        catalog.claim(TILES, "r2")
    at(1.01)
    assert catalog.claim(TILES, "r2") == TILES


@pytest.mark.parametrize("hours", [-1e4, 1e4])
def test_no_clock_frees_the_lease_of_a_process_that_lives_here(catalog, as_owner, at, hours):
    at(0)
    mine = this_process()
    catalog.claim(TILES, "r1")
    as_owner(ELSEWHERE)
    at(hours)
    with pytest.raises(LeaseHeldError, match=mine.split("/")[0]):
        catalog.claim(TILES, "r2")


def test_a_lease_from_a_clock_that_was_ahead_is_not_held_forever(catalog, as_owner, at):
    as_owner(ELSEWHERE)
    at(1e4)
    catalog.claim(TILES, "r1")
    as_owner(None)
    at(0)
    assert catalog.claim(TILES, "r2") == TILES


def test_a_clock_set_back_a_little_prolongs_a_lease_by_no_more_than_that(catalog, as_owner, at):
    as_owner(ELSEWHERE)
    at(0.5)
    catalog.claim(TILES, "r1")
    as_owner(None)
    at(0)
    with pytest.raises(LeaseHeldError):
        catalog.claim(TILES, "r2")
    at(1.51)
    assert catalog.claim(TILES, "r2") == TILES


def test_a_renewed_lease_lasts_another_hour_and_renewing_often_costs_nothing(catalog, as_owner, at, monkeypatch):
    as_owner(ELSEWHERE)
    at(0)
    catalog.claim(TILES, "r1")
    at(0.9)
    catalog.renew_leases("r1")
    at(0.95)
    catalog.renew_leases("r1")  # five minutes are not over: nothing is written
    assert len({tile.lease_expires_ns for tile in catalog.tiles()}) == 1
    as_owner(None)
    at(1.85)
    with pytest.raises(LeaseHeldError):
        catalog.claim(TILES, "r2")
    at(1.92)
    assert catalog.claim(TILES, "r2") == TILES


def test_leases_are_kept_in_the_background_and_a_lost_one_is_not_taken_back(catalog, monkeypatch):
    catalog.claim(TILES, "r1")
    before = {tile.tile: tile.lease_expires_ns for tile in catalog.tiles()}
    catalog.set_tile(TILES[1], TileState.VALID)
    monkeypatch.setattr(leasing, "RENEW_AFTER_S", 0.02)
    with catalog.keep_leases("r1"):
        deadline = time.monotonic() + 20
        while catalog.tile(TILES[0]).lease_expires_ns == before[TILES[0]] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert catalog.tile(TILES[0]).lease_expires_ns > before[TILES[0]]
    assert catalog.tile(TILES[1]).lease_expires_ns is None


def test_unreleased_tiles_of_a_run_become_pending(catalog):
    catalog.claim(TILES, "r1")
    catalog.set_tile(TILES[0], TileState.FAILED, stage="fusion", error="boom")
    catalog.release_leases("r1")
    assert [tile.state for tile in catalog.tiles()] == ["failed", "pending"]
    assert all(tile.lease_owner is None for tile in catalog.tiles())


def test_claiming_nothing_is_no_error(catalog):
    assert catalog.claim([], "r1") == []


CLAIMER = """
import sys, time
from pathlib import Path
from mapforge.catalog import Catalog
from mapforge.errors import LeaseHeldError
url, run, gate, n = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
catalog = Catalog(url)
catalog.start_run(run, "town", {})
print("ready", flush=True)
while not gate.exists():
    time.sleep(0.001)
for number in range(20):
    names = [f"32617/{number}/{y}" for y in range(n)]
    try:
        print(",".join(catalog.claim(names, run)), flush=True)
    except LeaseHeldError:
        print("", flush=True)
input()  # its leases live as long as it does
"""


def test_of_processes_that_claim_the_same_tiles_at_once_one_wins_each(url, tmp_path):
    gate = tmp_path / "go"
    words = [[sys.executable, "-c", CLAIMER, url, f"r{number}", str(gate), "30"] for number in range(2)]
    crowd = [subprocess.Popen(w, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for w in words]
    try:
        assert [process.stdout.readline().strip() for process in crowd] == ["ready"] * 2
        gate.touch()
        taken = [[process.stdout.readline().strip() for _ in range(20)] for process in crowd]
    finally:
        for process in crowd:
            process.communicate("\n", timeout=60)
    for number in range(20):
        names = [name for lines in taken for name in lines[number].split(",") if name]
        assert sorted(names) == sorted(f"32617/{number}/{y}" for y in range(30)), "each tile once"
    with_tiles = sum(any(lines) for lines in taken)
    assert with_tiles >= 1
