"""Pruning: old releases go, then what nothing refers to; the current one and current builds never."""

import time

import pytest
from sqlalchemy import update

from mapforge.catalog.releases import ReleaseRecords
from mapforge.catalog.tables import Release, TileState
from mapforge.releases.manifest import current_release, read_release, release_names
from mapforge.releases.publish import publish, rollback
from mapforge.releases.retention import needed_builds, prune

from .conftest import TILES


@pytest.fixture
def four(workspace, catalog, build, street):
    """Four releases, each with one tile built anew."""
    publish(workspace, catalog, build(street), "r1")
    for turn, tile in enumerate(TILES):
        publish(workspace, catalog, build(street[: turn + 1], [tile]), f"r{turn + 2}")
    return [read_release(workspace, name) for name in release_names(workspace)]


def files(workspace):
    return set(workspace.tiles.glob("*/*/*/*.parquet"))


def test_what_any_release_holds_is_needed(workspace, four):
    assert needed_builds(workspace) == files(workspace)
    assert len(files(workspace)) == 6


def test_the_newest_stay_and_only_what_they_hold(workspace, catalog, four):
    pruned = prune(workspace, catalog, keep=2)
    assert pruned.releases == ("r1", "r2")
    assert release_names(workspace) == ["r3", "r4"]
    assert [release.name for release in ReleaseRecords(catalog).all()] == ["r3", "r4"]
    held = {tile.file(workspace) for manifest in four[2:] for tile in manifest.tiles}
    assert files(workspace) == held == needed_builds(workspace)
    assert len(pruned.builds) == 2 and pruned.freed_bytes > 0
    assert not ReleaseRecords(catalog).known_builds(
        {str(TILES[0]): four[0].builds[str(TILES[0])], str(TILES[1]): four[1].builds[str(TILES[1])]}
    )
    assert prune(workspace, catalog, keep=2).builds == ()


def test_the_current_release_stays_however_old(workspace, catalog, four):
    rollback(workspace, catalog, "r1")
    pruned = prune(workspace, catalog, keep=0)
    assert pruned.releases == ("r2", "r3", "r4")
    assert current_release(workspace) == four[0]
    assert all(path.is_file() for path in four[0].files(workspace).values())
    current = {workspace.tile(tile, build) for tile, build in zip(TILES, four[3].builds.values())}
    assert files(workspace) == set(four[0].files(workspace).values()) | current


def test_a_build_that_waits_for_its_release_stays(workspace, catalog, build, street, four):
    waiting = build(street[:3], TILES[:1], TileState.REJECTED)
    prune(workspace, catalog, keep=1)
    assert workspace.tile(TILES[0], waiting[str(TILES[0])]).is_file()


def test_young_releases_stay(workspace, catalog, four):
    with catalog.writing() as session:
        week = time.time_ns() - 7 * 86_400 * 10**9
        session.execute(update(Release).where(Release.name.in_(["r1", "r2"])).values(created_ns=week))
    assert prune(workspace, catalog, keep=0, keep_days=8.0).releases == ()
    assert prune(workspace, catalog, keep=3, keep_days=6.0).releases == ("r1",)
    assert prune(workspace, catalog, keep=0, keep_days=6.0).releases == ("r2",)


def test_while_another_run_builds_tile_files_stay(workspace, catalog, four, monkeypatch):
    monkeypatch.setattr("mapforge.catalog.runs.this_process", lambda: "elsewhere/1/boot-1")
    catalog.start_run("r9", "town", {})
    before = files(workspace)
    pruned = prune(workspace, catalog, keep=1)
    assert pruned.releases == ("r1", "r2", "r3") and pruned.builds == () and "another run" in pruned.note
    assert files(workspace) == before
