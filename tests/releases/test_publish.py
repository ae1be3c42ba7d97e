"""Publishing: what goes into a release, and what never does."""

import json

import pytest

from mapforge.catalog.releases import ReleaseRecords
from mapforge.catalog.tables import TileState
from mapforge.errors import LeaseHeldError, ReleaseError, UnknownReleaseError
from mapforge.io.fingerprint import sha256_of_file
from mapforge.releases.config import ReleasesConfig
from mapforge.releases.manifest import current_release, read_release, release_names
from mapforge.releases.publish import publish, rollback, verified_release
from mapforge.releases.switching import sole_writer

from .conftest import TILES


def states(catalog):
    return [tile.state for tile in catalog.tiles()]


def test_a_release_says_which_tiles_it_holds_and_what_they_are(workspace, catalog, build, street):
    builds = build(street)
    manifest = publish(workspace, catalog, builds, "20261121-0100")
    assert manifest.name == manifest.run_id == "20261121-0100"
    assert (workspace.releases / "current").read_text() == "20261121-0100\n"
    assert current_release(workspace) == read_release(workspace, "20261121-0100") == manifest
    assert manifest.builds == builds
    first = manifest.tiles[0]
    path = workspace.root / first.path
    assert path == workspace.tile(TILES[0], first.build)
    assert (first.sha256, first.size_bytes) == (sha256_of_file(path), path.stat().st_size)
    assert first.counts == {
        "coverage": 1, "lane_divider": 1, "ped_crossing": 1, "road_boundary": 1, "traffic_sign": 1,
    }  # fmt: skip
    assert first.bbox_m == (586000.0, 4475020.0, 586100.0, 4475080.0)
    assert (first.state, first.released) == ("valid", "20261121-0100")
    assert (manifest.epsg, manifest.epoch, manifest.previous) == (32617, 2020.0, None)
    (record,) = ReleaseRecords(catalog).all()
    assert (record.name, record.current) == (manifest.name, True)
    assert record.manifest_sha256 == sha256_of_file(workspace.release(manifest.name) / "manifest.json")
    assert states(catalog) == ["published"] * 3


def test_a_rejected_tile_keeps_the_build_of_the_release_before(workspace, catalog, build, street):
    old = build(street)
    publish(workspace, catalog, old, "r1")
    new = build(street[:2], TILES[:1]) | build(street[:2], TILES[1:2], TileState.REJECTED)
    manifest = publish(workspace, catalog, new, "r2")
    tiles = [str(tile) for tile in TILES]
    assert manifest.builds == {tiles[0]: new[tiles[0]], tiles[1]: old[tiles[1]], tiles[2]: old[tiles[2]]}
    (carried,) = manifest.carried_over
    assert (carried.tile, carried.reason, carried.released) == (tiles[1], "rejected: too far off", "r1")
    assert [tile.released for tile in manifest.tiles] == ["r2", "r1", "r1"]
    assert states(catalog) == ["published", "rejected", "published"]


def test_a_failed_tile_nobody_names_is_carried_over_too(workspace, catalog, build, street):
    publish(workspace, catalog, build(street), "r1")
    catalog.set_tile(str(TILES[2]), TileState.FAILED, "fusion", "ValueError: boom")
    manifest = publish(workspace, catalog, build(street[:2], TILES[:1]), "r2")
    assert [(tile.tile, tile.reason) for tile in manifest.carried_over] == [(str(TILES[2]), "failed: ValueError: boom")]


def test_what_was_never_good_is_left_out_and_named(workspace, catalog, build, street):
    builds = build(street, TILES[:1]) | build(street, TILES[1:2], TileState.BUILT)
    manifest = publish(workspace, catalog, {**builds, "32617/1/1": "abc"}, "r1")
    assert list(manifest.builds) == [str(TILES[0])]
    assert manifest.left_out == {"32617/1/1": "the catalog does not know this tile", str(TILES[1]): "built"}


def test_nothing_valid_is_no_release(workspace, catalog, build, street):
    with pytest.raises(ReleaseError, match="rejected: too far off"):
        publish(workspace, catalog, build(street, state=TileState.REJECTED), "r1")
    assert release_names(workspace) == [] and current_release(workspace) is None


def test_a_build_that_is_not_the_current_one_is_refused(workspace, catalog, build, street):
    old = build(street, TILES[:1])
    new = build(street[:1], TILES[:1])
    with pytest.raises(ReleaseError, match=f"its current build is {new[str(TILES[0])]}"):
        publish(workspace, catalog, old, "r1")


@pytest.mark.parametrize("damage", ["missing", "torn", "swapped", "edited"])
def test_a_damaged_tile_file_stops_the_release(workspace, catalog, build, street, damage):
    builds = build(street)
    path = workspace.tile(TILES[1], builds[str(TILES[1])])
    catalog.record_builds([(str(TILES[1]), path.stem, "f")], "r1", {str(TILES[1]): sha256_of_file(path)})
    catalog.record_build(str(TILES[1]), path.stem, "f", "r1")
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "torn":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "swapped":
        path.write_bytes(workspace.tile(TILES[0], builds[str(TILES[0])]).read_bytes())
    else:
        path.write_bytes(content.replace(b"dashed", b"double"))
    with pytest.raises(ReleaseError, match=path.name):
        publish(workspace, catalog, builds, "r1")
    assert current_release(workspace) is None


def test_a_kept_tile_that_was_changed_stops_the_next_release(workspace, catalog, build, street):
    builds = build(street)
    publish(workspace, catalog, builds, "r1")
    path = workspace.tile(TILES[2], builds[str(TILES[2])])
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    new = build(street[:2], TILES[:1])
    with pytest.raises(ReleaseError, match=path.name):
        publish(workspace, catalog, new, "r2")
    assert publish(workspace, catalog, new, "r2", config=ReleasesConfig(verify_kept=False)).name == "r2"
    with pytest.raises(ReleaseError, match=path.name):
        verified_release(workspace, catalog, "r2")


def test_the_same_again_changes_nothing(workspace, catalog, build, street):
    builds = build(street)
    first = publish(workspace, catalog, builds, "r1")
    assert publish(workspace, catalog, builds, "r2") == first
    assert release_names(workspace) == ["r1"]
    assert publish(workspace, catalog, builds, "r2", name="tagged").tiles == first.tiles
    assert release_names(workspace) == ["r1", "tagged"]


def test_a_name_is_never_given_twice(workspace, catalog, build, street):
    publish(workspace, catalog, build(street), "r1")
    with pytest.raises(ReleaseError, match="give another name"):
        publish(workspace, catalog, build(street[:2]), "r2", name="r1")


def test_tiles_named_as_removed_leave(workspace, catalog, build, street):
    publish(workspace, catalog, build(street), "r1")
    manifest = publish(workspace, catalog, {}, "r2", removed=[str(TILES[0]), "32617/1/1"])
    assert manifest.removed == (str(TILES[0]),)
    assert list(manifest.builds) == [str(tile) for tile in TILES[1:]]
    assert states(catalog) == ["valid", "published", "published"]


def test_metrics_come_from_the_report_of_the_run(workspace, catalog, build, street):
    folder = workspace.report("r1")
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps({"metrics": {"lane_divider": {"mAP_easy": 0.9}}}))
    assert publish(workspace, catalog, build(street), "r1").metrics == {"lane_divider": {"mAP_easy": 0.9}}
    again = publish(workspace, catalog, build(street[:2]), "r2", metrics={"all": {"a": float("nan")}})
    assert read_release(workspace, "r2").metrics == again.metrics == {"all": {"a": None}}


def test_rollback_goes_back_and_forth(workspace, catalog, build, street):
    first = publish(workspace, catalog, build(street), "r1")
    second = publish(workspace, catalog, build(street[:2]), "r2")
    assert second.previous == "r1"
    assert rollback(workspace, catalog) == current_release(workspace) == first
    assert states(catalog) == ["valid"] * 3
    assert [release.name for release in ReleaseRecords(catalog).all() if release.current] == ["r1"]
    assert rollback(workspace, catalog, "r2") == current_release(workspace) == second
    assert states(catalog) == ["published"] * 3
    with pytest.raises(UnknownReleaseError, match="newest: r1, r2"):
        rollback(workspace, catalog, "r9")


def test_rollback_refuses_what_is_damaged(workspace, catalog, build, street):
    first = publish(workspace, catalog, build(street), "r1")
    publish(workspace, catalog, build(street[:2]), "r2")
    manifest = workspace.release("r1") / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"epoch": 2020.0', '"epoch": 2021.0'))
    with pytest.raises(ReleaseError, match="not what was published"):
        rollback(workspace, catalog, "r1")
    manifest.write_text(first.text())
    workspace.tile(TILES[0], first.tiles[0].build).unlink()
    with pytest.raises(ReleaseError, match="missing"):
        rollback(workspace, catalog, "r1")
    assert current_release(workspace).name == "r2"


def test_the_first_release_has_none_to_go_back_to(workspace, catalog, build, street):
    publish(workspace, catalog, build(street), "r1")
    with pytest.raises(ReleaseError, match="the first"):
        rollback(workspace, catalog)


def test_one_writer_at_a_time(workspace, catalog, build, street):
    builds = build(street)
    with sole_writer(workspace, catalog), pytest.raises(LeaseHeldError, match="pruning releases"):
        publish(workspace, catalog, builds, "r1")
    assert publish(workspace, catalog, builds, "r1").name == "r1"
