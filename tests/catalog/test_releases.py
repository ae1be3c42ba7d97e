"""Releases in the catalog, on each kind of database."""

import pytest

from mapforge.catalog import TileUpdate
from mapforge.catalog.releases import ReleaseRecords, TileStanding
from mapforge.catalog.tables import TileState

TILES = [f"32617/1/{row}" for row in range(1200)]


@pytest.fixture
def records(catalog):
    return ReleaseRecords(catalog)


def test_a_release_is_recorded_once_and_keeps_its_time(records):
    records.record("b", "r1", "sha-b", 20)
    records.record("a", "r1", "sha-a", 30)
    records.record("b", "r2", "sha-c", 99)
    assert [(r.name, r.run_id, r.manifest_sha256, r.created_ns, r.current) for r in records.all()] == [
        ("b", "r2", "sha-c", 20, False),
        ("a", "r1", "sha-a", 30, False),
    ]
    records.forget(["a", "nobody"])
    assert [release.name for release in records.all()] == ["b"]


def test_only_tiles_whose_build_is_released_are_published(records, catalog):
    catalog.claim(TILES, "r1")
    for number, tile in enumerate(TILES[:4]):
        catalog.set_tile(tile, TileState.VALID if number < 3 else TileState.REJECTED, build=f"b{number}")
    records.record("one", "r1", "s", 1)
    records.make_current("one", {TILES[0]: "b0", TILES[1]: "older", TILES[3]: "b3"})
    assert [catalog.tile(tile).state for tile in TILES[:5]] == ["published", "valid", "valid", "rejected", "building"]
    records.make_current("one", {TILES[1]: "b1"})
    assert [catalog.tile(tile).state for tile in TILES[:5]] == ["valid", "published", "valid", "rejected", "building"]
    records.make_current(None, {})
    assert not any(release.current for release in records.all())
    assert catalog.tile(TILES[1]).state == "valid"


def test_many_tiles_at_once(records, catalog):
    builds = dict.fromkeys(TILES, "b")
    catalog.claim(TILES, "r1")
    catalog.record_builds([(tile, "b", "f") for tile in TILES], "r1")
    catalog.set_tiles([TileUpdate(tile, TileState.VALID, build="b") for tile in TILES])
    records.record("one", "r1", "s", 1)
    records.make_current("one", builds)
    assert catalog.count_tiles() == {"published": len(TILES)}
    assert records.standings()[TILES[-1]] == TileStanding("published", "b", None)
    assert set(records.known_builds({**builds, "32617/9/9": "b"})) == set(TILES)
    records.forget_builds((tile, "b") for tile in TILES[:700])
    assert len(records.known_builds(builds)) == len(TILES) - 700
