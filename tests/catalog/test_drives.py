"""Which drives may be used, and which tiles they touch."""

import pytest

from mapforge.catalog.tables import DriveState, TileState
from mapforge.catalog.tiles import TileUpdate
from mapforge.errors import UnknownRunError

TILES = ["32617/1/1", "32617/1/2", "32617/1/3"]


@pytest.fixture
def built(catalog, manifest):
    """Three valid tiles of recipe R; drive `a` touches the first two."""
    catalog.record_drive(manifest("a"))
    catalog.claim(TILES, "r1")
    catalog.set_tiles([TileUpdate(tile, TileState.VALID, build="b", recipe="R") for tile in TILES])
    catalog.record_touched("a", TILES[:2], "f1")
    catalog.set_tiles([TileUpdate(tile, TileState.VALID, recipe="R") for tile in TILES])
    assert catalog.stale_tiles("R") == []
    return catalog


def test_a_drive_is_usable_or_refused_with_the_reason(catalog, manifest):
    assert catalog.record_drive(manifest("a")) == 0
    assert catalog.record_drive(manifest("a"), "DriveRefusedError: too short") == 1
    drive = catalog.drive("a")
    assert (drive.state, drive.error, drive.quarantined_rows) == (
        DriveState.REFUSED,
        "DriveRefusedError: too short",
        3,
    )
    assert catalog.record_drive(manifest("a"), "again") == 2
    catalog.record_drive(manifest("a"))
    assert catalog.drive("a").state == DriveState.USABLE
    assert catalog.drive("a").failures == 2, "only a drive that came through starts anew"
    catalog.record_touched("a", TILES, "f1")
    assert catalog.drive("a").failures == 0


@pytest.mark.parametrize("way", ["park", "withdraw"])
def test_a_drive_that_is_out_stays_out_whoever_finds_its_log_again(catalog, manifest, way):
    catalog.record_drive(manifest("a"))
    if way == "park":
        catalog.park_drive("a", "refused three times")
    else:
        catalog.withdraw_drive("a", "refused three times")
    before = catalog.drive("a").state
    catalog.record_drive(manifest("a"))
    assert (catalog.drive("a").state, catalog.drive("a").error) == (before, "refused three times")


def test_the_same_elements_again_make_no_tile_stale(built):
    assert built.record_touched("a", TILES[:2], "f1") == []
    assert built.stale_tiles("R") == []


def test_new_elements_make_every_touched_tile_stale_until_it_is_built(built):
    assert built.record_touched("a", TILES[1:], "f2") == TILES, "what it touched before is stale as well"
    assert built.tiles_touched(["a"]) == TILES[1:]
    assert built.stale_tiles("R") == TILES
    built.set_tile(TILES[0], TileState.VALID, recipe="R")
    assert built.stale_tiles("R") == TILES[1:]


def test_the_same_elements_with_another_reach_make_only_the_difference_stale(built):
    assert built.record_touched("a", TILES[1:], "f1") == [TILES[0], TILES[2]]


def test_elements_of_no_fingerprint_are_taken_for_new(built):
    assert built.record_touched("a", TILES[:2]) == TILES[:2]


def test_a_withdrawn_drive_leaves_its_tiles_to_be_built_without_it(built):
    assert built.withdraw_drive("a") == TILES[:2]
    assert built.drive("a").state == DriveState.WITHDRAWN
    assert built.tiles_touched(["a"]) == []
    assert built.stale_tiles("R") == TILES[:2]
    assert built.withdraw_drive("a") == [], "nothing is left of it"


def test_a_refused_drive_leaves_its_tiles_too(built, manifest):
    built.record_drive(manifest("a"), "LogError: torn")
    assert built.stale_tiles("R") == TILES[:2]
    built.set_tiles([TileUpdate(tile, TileState.VALID, recipe="R") for tile in TILES])
    built.record_drive(manifest("a"), "LogError: torn")
    assert built.stale_tiles("R") == [], "refused again: nothing changed"


def test_an_unparked_drive_is_usable_and_its_failures_are_forgotten(built, manifest):
    built.record_drive(manifest("a"), "boom")
    built.park_drive("a", "boom, 3 times")
    assert built.unpark(drives=["a", "b"]) == ["a"]
    drive = built.drive("a")
    assert (drive.state, drive.failures, drive.error) == (DriveState.USABLE, 0, None)


def test_drives_are_filtered_by_state_and_tile(built, manifest):
    built.record_drive(manifest("b"), "boom")
    assert [drive.drive_id for drive in built.drives()] == ["a", "b"]
    assert [drive.drive_id for drive in built.drives(state="refused")] == ["b"]
    assert [drive.drive_id for drive in built.drives(tile=TILES[0])] == ["a"]
    assert built.drives(tile=TILES[2]) == []
    assert len(built.drives(limit=1)) == 1


def test_an_unknown_drive_is_named(catalog):
    for call in (catalog.drive, catalog.withdraw_drive, lambda name: catalog.park_drive(name, "why")):
        with pytest.raises(UnknownRunError, match="no drive 'x'"):
            call("x")


def test_names_may_hold_what_sql_and_json_care_about(catalog, manifest):
    name = "drive 'a\"; DROP TABLE tiles;-- \\ ü"
    catalog.record_drive(manifest(name))
    catalog.claim(TILES, "r1")
    catalog.record_touched(name, TILES)
    assert catalog.tiles_touched([name]) == TILES
    assert catalog.withdraw_drive(name) == TILES
