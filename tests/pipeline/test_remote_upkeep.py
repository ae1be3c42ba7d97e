"""What looks after a workspace, in an object store: nights, the storage budget, frames, withdrawals, bundles."""

from __future__ import annotations

import json
import shutil
import zipfile
from contextlib import closing

import pytest
from object_server import settings_of, stored
from pyarrow import fs
from tiny_region import APART, TOGETHER

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState, TileState
from mapforge.geometry.tiles import TileId
from mapforge.io import mirror
from mapforge.io.drive_frames import NOTE, remove_frames
from mapforge.io.workspace import Workspace
from mapforge.pipeline import staging
from mapforge.pipeline.bundle import reproduce, write_bundle
from mapforge.pipeline.collection import collect
from mapforge.pipeline.night_summary import NightOutcome
from mapforge.pipeline.nightly import NIGHT, nightly
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.pipeline.staging import open_workspace
from mapforge.pipeline.withdrawal import readmit, withdraw
from mapforge.releases.manifest import release_names
from mapforge.releases.publish import publish
from mapforge.releases.retention import prune

pytestmark = pytest.mark.server


@pytest.fixture
def region(mapped_once, tiny_logs, tmp_path, bucket, machine):
    """The tiny region as a run leaves it in a store, seen by a machine that holds no copies: its settings."""
    workspace, _ = mapped_once
    url, files = bucket
    for path in sorted(workspace.rglob("*")):
        name = path.relative_to(workspace).as_posix()
        if path.is_file() and not name.startswith(("catalog.db", "tmp/")):
            with files.open_output_stream(f"{url.removeprefix('s3://')}/{name}") as stream:
                stream.write(path.read_bytes())
    shutil.copyfile(workspace / "catalog.db", tmp_path / "catalog.db")
    machine("another machine")
    return settings_of(url, tiny_logs, tmp_path)


@pytest.fixture
def catalog(region):
    with closing(Catalog.of(region.workspace, region.catalog_url)) as found:
        yield found


def names_in(bucket, folder=""):
    url, files = bucket
    base = url.removeprefix("s3://")
    listed = files.get_file_info(fs.FileSelector(f"{base}/{folder}".rstrip("/"), recursive=True, allow_not_found=True))
    return {info.path.removeprefix(f"{base}/") for info in listed if info.is_file}


def text_in(bucket, name):
    url, files = bucket
    return files.open_input_stream(f"{url.removeprefix('s3://')}/{name}").readall().decode()


def test_a_budget_frees_the_store_and_nothing_is_made_again(region, catalog, bucket, machine):
    region.engine.storage_budget_gb = 0.0
    planned = collect(region, catalog, dry=True)
    before = names_in(bucket)
    done = collect(region, catalog)
    assert done.freed_bytes == planned.freed_bytes > 0
    gone = before - names_in(bucket)
    workspace = open_workspace(region.workspace)
    assert gone == {workspace.name_of(path) for group in done.removed for path in group.files}
    assert {name.partition("/")[0] for name in gone} >= {"rasters", "observations"}
    assert not names_in(bucket, "rasters")
    machine("a third machine")
    assert not plan_region(region, catalog).has_work


def test_frames_that_are_removed_are_not_missed_in_the_store(region, catalog, bucket, machine):
    """A file stands in for the frames: the tiny region has no cameras."""
    workspace = open_workspace(region.workspace)
    folder = workspace.drive(APART)
    staging.fetch(staging.StageFiles(drives=(APART,)), workspace)
    manifest = json.loads((folder / "manifest.json").read_text())
    lidar = next(entry for entry in manifest["files"] if entry["name"] == "lidar.parquet")
    manifest["files"].append({**lidar, "name": "camera.parquet"})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shutil.copyfile(folder / "lidar.parquet", folder / "camera.parquet")
    mirror.put(workspace, [folder / "camera.parquet", folder / "manifest.json"])
    staging.check_drive(workspace, APART, full=False)
    frames = [path for path in mirror.listing(workspace, f"drives/{APART}") if path.name == "camera.parquet"]
    remove_frames(workspace, APART, frames)
    assert f"drives/{APART}/camera.parquet" not in names_in(bucket)
    assert f"drives/{APART}/{NOTE}" in names_in(bucket)
    machine("a third machine")
    other = open_workspace(region.workspace)
    staging.check_drive(other, APART, full=False)
    staging.fetch(staging.StageFiles(drives=(APART,)), other)
    assert (other.drive(APART) / "lidar.parquet").exists() and not (other.drive(APART) / "camera.parquet").exists()


def test_a_withdrawn_drive_leaves_no_object_behind(region, catalog, bucket, machine):
    gone = TOGETHER[0]
    done = withdraw(open_workspace(region.workspace), catalog, gone, "wrong calibration")
    assert done.rebuild and done.freed_bytes > 0
    assert not [name for name in names_in(bucket) if gone in name and not name.startswith("reports/")]
    assert gone in text_in(bucket, "withdrawn.json")
    machine("a third machine")
    run_region(region, InlineRunner())
    for tile, build in catalog.current_builds().items():
        assert f"tiles/{tile}/{build}.parquet" in names_in(bucket)
    assert catalog.tiles_touched([gone]) == []
    assert catalog.drive(gone).state == DriveState.WITHDRAWN
    assert not plan_region(region, catalog).has_work
    assert readmit(open_workspace(region.workspace), catalog, gone) == 1
    assert gone not in text_in(bucket, "withdrawn.json")


def test_a_bundle_brings_what_it_needs_from_the_store(region, catalog, mapped_once, tmp_path):
    tile = TileId.parse(catalog.tiles()[0].tile)
    about = write_bundle(region, catalog, tile, tmp_path / "tile.zip")
    with zipfile.ZipFile(tmp_path / "tile.zip") as bundle:
        bundle.extractall(tmp_path / "bundle")
    assert about.drives
    _, outcome = reproduce(tmp_path / "bundle")
    assert outcome.error is None
    made = Workspace(tmp_path / "bundle" / "workspace").map_elements(tile)
    assert made.stat().st_size == Workspace(mapped_once[0]).map_elements(tile).stat().st_size


def test_a_night_builds_publishes_and_prunes_in_the_store(region, catalog, bucket, machine):
    region.nightly.inbox, region.nightly.settle_s, region.nightly.min_age_s = list(region.region.logs), 0.0, 0.0
    region.nightly.publish = type(region.nightly.publish).always
    region.nightly.keep_nights = 1
    first = nightly(region, InlineRunner())
    assert first.outcome is NightOutcome.PUBLISHED, first.reason
    assert text_in(bucket, "releases/current").strip() == first.release
    assert first.links["report"] == f"{region.workspace}/reports/{first.run_id}/report.html"
    machine("a third machine")
    with catalog.locked(NIGHT, "on another machine"):
        skipped = nightly(region, InlineRunner())
    assert skipped.outcome is NightOutcome.SKIPPED and "on another machine is still running" in skipped.reason
    second = nightly(region, InlineRunner())
    assert (second.outcome, second.release) == (NightOutcome.UNCHANGED, first.release)
    assert second.taken == [] and second.read_again == 0, "the ledger of the inbox is in the store"
    assert json.loads(text_in(bucket, "nights/latest.json"))["night_id"] == second.night_id
    kept = {name.split("/")[1] for name in names_in(bucket, "nights") if name.endswith("/summary.json")}
    assert kept == {skipped.night_id, second.night_id}, "the newest one when it pruned, and its own"


def test_old_releases_go_from_the_store(region, catalog, bucket):
    workspace = open_workspace(region.workspace)
    for tile in catalog.tiles():
        catalog.set_tile(tile.tile, TileState.VALID)
    builds = {tile.tile: tile.build for tile in catalog.tiles() if tile.build is not None}
    for name in ("first", "second"):
        publish(workspace, catalog, builds, "run", name, metrics={})
    done = prune(workspace, catalog, keep=1)
    assert done.releases == ("first",)
    assert not names_in(bucket, "releases/first")
    assert release_names(open_workspace(region.workspace)) == ["second"]
    assert stored(bucket[1], bucket[0], ("tiles",)).keys() >= {f"tiles/{t}/{b}.parquet" for t, b in builds.items()}
