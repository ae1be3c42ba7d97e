"""States of tiles, and which must be built anew."""

import random

import pytest
from sqlalchemy import event

from mapforge.catalog.tables import TileState
from mapforge.catalog.tiles import TileUpdate
from mapforge.errors import UnknownRunError

TILES = ["32617/1/1", "32617/1/2", "32617/1/3"]


def test_a_tile_goes_from_pending_to_valid_and_gives_its_lease_back(catalog):
    assert catalog.claim(TILES[:2], "r1") == TILES[:2]
    catalog.set_tile(TILES[0], TileState.BUILT, build="abc", fingerprint="abcdef")
    assert catalog.tile(TILES[0]).lease_owner is not None
    catalog.set_tile(TILES[0], TileState.VALID, recipe="R")
    tile = catalog.tile(TILES[0])
    assert (tile.state, tile.build, tile.lease_owner, tile.attempts) == ("valid", "abc", None, 1)
    assert (tile.recipe, tile.fingerprint) == ("R", "abcdef"), "what an update does not give stays"
    assert catalog.tile(TILES[1]).state == "building"
    assert catalog.count_tiles() == {"building": 1, "valid": 1}


def test_failures_in_a_row_are_counted_and_end_with_a_success(catalog):
    catalog.claim(TILES[:1], "r1")
    for count in (1, 2, 3):
        catalog.set_tile(TILES[0], TileState.FAILED, "fusion", "ValueError: boom")
        assert catalog.tile(TILES[0]).failures == count
        catalog.claim(TILES[:1], "r1")
    catalog.set_tile(TILES[0], TileState.BUILT)
    assert catalog.tile(TILES[0]).failures == 3, "built is not judged yet"
    catalog.set_tile(TILES[0], TileState.REJECTED, "validation", "coverage")
    assert catalog.tile(TILES[0]).failures == 0


def test_many_updates_are_one_transaction(catalog):
    catalog.claim(TILES, "r1")
    broken = [TileUpdate(TILES[0], TileState.VALID), TileUpdate(TILES[1], None)]  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)not.null"):
        catalog.set_tiles(broken)
    assert catalog.count_tiles() == {"building": 3}
    assert catalog.set_tiles([]) == []


def test_a_run_that_lost_a_tile_learns_so_and_changes_nothing_of_it(catalog, as_owner):
    as_owner("otherhost/1/1")
    catalog.claim(TILES, "r1")
    as_owner(None)
    catalog.release_leases("r1")
    catalog.start_run("r2", "town", {})
    catalog.claim(TILES[:1], "r2")
    updates = [TileUpdate(tile, TileState.VALID, build="late") for tile in TILES]
    assert catalog.set_tiles(updates, run_id="r1") == TILES[:1]
    assert [(tile.state, tile.build) for tile in catalog.tiles()] == [
        ("building", None),
        ("valid", "late"),
        ("valid", "late"),
    ]


def test_stale_is_what_differs_is_touched_or_not_final(catalog, manifest):
    states = [*TileState]
    names = {state: f"32617/2/{index}" for index, state in enumerate(states)}
    catalog.claim(names.values(), "r1")
    catalog.set_tiles([TileUpdate(name, state, recipe="R") for state, name in names.items()])
    final = {TileState.VALID, TileState.REJECTED, TileState.PUBLISHED}
    unfinished = {names[state] for state in states} - {names[state] for state in final} - {names[TileState.PARKED]}
    assert catalog.stale_tiles("R") == sorted(unfinished)
    everything = sorted(set(names.values()) - {names[TileState.PARKED]})
    assert catalog.stale_tiles("Q") == everything
    catalog.record_drive(manifest("a"))
    catalog.record_touched("a", [names[TileState.VALID], names[TileState.PARKED]], "f1")
    catalog.set_tile(names[TileState.VALID], TileState.VALID, recipe="R")
    assert catalog.stale_tiles("R", ["a"]) == sorted(unfinished | {names[TileState.VALID]})
    assert catalog.stale_tiles("R", ["b"]) == sorted(unfinished)


def test_stale_tiles_agree_with_a_plain_reference(catalog, manifest):
    draw = random.Random(4)
    names = [f"32617/3/{index}" for index in range(300)]
    catalog.claim(names, "r1")
    updates = [TileUpdate(n, draw.choice([*TileState]), recipe=draw.choice(["R", "Q", None])) for n in names]
    catalog.set_tiles(updates)
    touched = {drive: set(draw.sample(names, 20)) for drive in ("a", "b", "c")}
    for drive, tiles in touched.items():
        catalog.record_drive(manifest(drive))
        catalog.record_touched(drive, tiles, "f")
    catalog.set_tiles(updates)
    parked = {u.tile for u in updates if u.state is TileState.PARKED}
    final = (TileState.VALID, TileState.REJECTED, TileState.PUBLISHED)
    # a drive that touched a tile took its recipe away, and the update gave back only those it names
    recipe = {u.tile: u.recipe for u in updates}
    expected = {u.tile for u in updates if recipe[u.tile] != "R" or u.state not in final}
    expected |= touched["a"] | touched["c"]
    assert catalog.stale_tiles("R", ["a", "c"]) == sorted(expected - parked)


def test_a_parked_tile_is_no_work_before_it_is_unparked(catalog):
    catalog.claim(TILES, "r1")
    catalog.set_tile(TILES[0], TileState.FAILED, "fusion", "ValueError: boom", build="abc")
    catalog.park_tile(TILES[0], "failed 3 times in fusion: ValueError: boom")
    tile = catalog.tile(TILES[0])
    assert (tile.state, tile.stage, tile.lease_owner, tile.build) == ("parked", "fusion", None, "abc")
    assert "3 times" in tile.error
    assert catalog.claim(TILES[:1], "r1") == []
    assert TILES[0] not in catalog.stale_tiles("R")
    assert catalog.unpark(TILES) == TILES[:1]
    tile = catalog.tile(TILES[0])
    assert (tile.state, tile.failures, tile.error, tile.stage) == ("pending", 0, None, None)
    assert TILES[0] in catalog.stale_tiles("R")


def test_tiles_are_filtered(catalog, manifest):
    catalog.start_run("r2", "village", {})
    catalog.claim(TILES[:2], "r1")
    catalog.claim(TILES[2:], "r2")
    catalog.set_tile(TILES[0], TileState.FAILED, "fusion", "boom")
    catalog.record_drive(manifest("a"))
    catalog.record_touched("a", TILES[1:])
    assert [t.tile for t in catalog.tiles(state="failed")] == TILES[:1]
    assert [t.tile for t in catalog.tiles(stage="fusion")] == TILES[:1]
    assert [t.tile for t in catalog.tiles(run_id="r2")] == TILES[2:]
    assert [t.tile for t in catalog.tiles(region="town")] == TILES[:2]
    assert [t.tile for t in catalog.tiles(drive="a")] == TILES[1:]
    assert [t.tile for t in catalog.tiles(drive="a", region="town")] == TILES[1:2]
    assert [t.tile for t in catalog.tiles(limit=1)] == TILES[:1]
    assert catalog.tile_names() == TILES
    assert catalog.tile_names(state="building", run_id="r1") == TILES[1:2]
    assert catalog.count_tiles(drive="a") == {"building": 2}


def test_builds_are_kept_and_the_current_one_is_known(catalog):
    catalog.claim(TILES, "r1")
    catalog.record_build(TILES[0], "b1", "f1", "r1")
    catalog.record_builds([(TILES[0], "b2", "f2"), (TILES[1], "b3", "f3")], "r1")
    catalog.record_build(TILES[0], "b1", "f1", "r1")
    assert sorted(build.build for build in catalog.builds(TILES[0])) == ["b1", "b2"]
    catalog.set_tiles([TileUpdate(TILES[0], TileState.VALID, build="b2")])
    catalog.replace_build(TILES[1], "b3")
    assert catalog.current_builds() == {TILES[0]: "b2", TILES[1]: "b3"}
    assert catalog.current_builds([TileState.VALID]) == {TILES[0]: "b2"}


def test_more_tiles_than_a_statement_has_variables(catalog):
    names = [f"32617/{index}/1" for index in range(33_000)]
    assert len(catalog.claim(names, "r1")) == len(names)
    statements: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    assert catalog.set_tiles([TileUpdate(name, TileState.VALID, recipe="R") for name in names], run_id="r1") == []
    assert len(statements) <= 8, "a bulk update is a few statements, not one a tile"
    assert len(catalog.stale_tiles("Q")) == len(names)
    assert catalog.stale_tiles("R") == []


def test_unknown_tiles_are_named(catalog):
    with pytest.raises(UnknownRunError, match="32617/9/9"):
        catalog.tile("32617/9/9")
    with pytest.raises(UnknownRunError, match="32617/9/9"):
        catalog.park_tile("32617/9/9", "why")
