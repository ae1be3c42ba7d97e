"""A region in an object store: built, built on from another machine, killed and completed. Against a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from dask_cluster import KillOnce, dask_cluster
from object_server import FOLDERS, settings_of, stored
from tiny_region import APART, products

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.config import settings_to_dict
from mapforge.errors import ConfigurationError
from mapforge.io import mirror
from mapforge.io.object_store import ObjectStore
from mapforge.io.workspace import Workspace
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import make_runner, run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.pipeline.staging import open_workspace
from mapforge.releases.manifest import current_release
from mapforge.releases.publish import publish

pytestmark = pytest.mark.server


def tried(settings, run_id):
    return {attempt.stage for attempt in Catalog.of(settings.workspace, settings.catalog_url).attempts(run_id)}


def plan_of(settings):
    return plan_region(settings, Catalog.of(settings.workspace, settings.catalog_url))


def test_a_region_in_a_store_has_the_bytes_of_a_local_one_and_any_machine_goes_on_from_it(
    mapped_once, tiny_logs, tmp_path, bucket, machine
):
    url, files = bucket
    settings = settings_of(url, tiny_logs, tmp_path)
    report = run_region(settings, InlineRunner())
    assert report["tiles"] == mapped_once[1]["tiles"]
    wanted = {name: sha for name, sha in products(mapped_once[0], FOLDERS).items() if "/quality/" not in name}
    found = stored(files, url)
    assert {name: found.get(name) for name in wanted} == wanted
    tile = next(name for name in sorted(found) if name.startswith("tiles/"))
    table = pq.read_table(f"{url.removeprefix('s3://')}/{tile}", filesystem=files)
    assert table.equals(pq.read_table(mapped_once[0] / tile))

    shutil.rmtree(tmp_path / "machine one")
    assert not plan_of(settings).has_work
    again = run_region(settings, InlineRunner())
    assert again["unchanged_since"] == report["run_id"]
    assert tried(settings, again["run_id"]) == set()

    machine("machine two")
    changed = settings_of(url, tiny_logs, tmp_path, "fusion.min_confidence=0.45")
    third = run_region(changed, InlineRunner())
    assert tried(changed, third["run_id"]) == {"fusion", "lane_graph", "tiles"}
    assert not list((tmp_path / "machine two").rglob("rasters/**/*.parquet")), "only what is needed is fetched"
    machine("machine one")
    assert not plan_of(changed).has_work


def test_another_region_on_another_machine_reuses_what_the_first_left(
    mapped_once, tiny_logs, tmp_path, bucket, machine
):
    url, files = bucket
    logs = sorted(tiny_logs.glob("*.mcap"))
    run_region(settings_of(url, [log for log in logs if APART not in log.name], tmp_path), InlineRunner())
    before = stored(files, url)
    machine("machine two")
    second = settings_of(url, [log for log in logs if APART in log.name], tmp_path)
    second.region.name = "elsewhere"
    report = run_region(second, InlineRunner())
    catalog = Catalog.of(url, second.catalog_url)
    assert {a.item for a in catalog.attempts(report["run_id"]) if a.stage == "rasterization"} == {APART}
    after = stored(files, url)
    assert {name: after.get(name) for name in before if "settled" not in name} == {
        name: sha for name, sha in before.items() if "settled" not in name
    }
    folders = ("rasters", "map_elements", "tiles")
    assert {name.rpartition("/")[0] for name in stored(files, url, folders)} == {
        name.rpartition("/")[0] for name in products(mapped_once[0], folders)
    }


CHILD = """
import json, os, signal, sys
from mapforge.config import settings_from_dict
from mapforge.io.object_store import ObjectStore
from mapforge.pipeline.run import make_runner, run_region
from mapforge.pipeline.runners import InlineRunner

left = int(sys.argv[2])
put = ObjectStore.put_bytes

def dying(store, name, content):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    put(store, name, content)

ObjectStore.put_bytes = dying
run_region(settings_from_dict(json.loads(sys.argv[1])), InlineRunner())
"""


def test_a_run_that_is_killed_between_two_puts_leaves_no_stamp_without_its_outputs_and_is_completed(
    mapped_once, tiny_logs, tmp_path, bucket, machine
):
    url, files = bucket
    settings = settings_of(url, tiny_logs, tmp_path)
    for puts in (14, 21):
        words = [sys.executable, "-c", CHILD, json.dumps(settings_to_dict(settings)), str(puts)]
        killed = subprocess.run(words, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
        assert killed.returncode == -9
        assert damaged(files, url) == []
    machine("machine two")  # the first one never comes back
    report = run_region(settings, InlineRunner())
    assert report["tiles"] == mapped_once[1]["tiles"]
    whole = {name: sha for name, sha in products(mapped_once[0], FOLDERS).items() if "/quality/" not in name}
    found = stored(files, url)
    assert {name: found.get(name) for name in whole} == whole
    assert not plan_of(settings).has_work


def damaged(files, url):
    """Outputs that a stamp in the store proves and that are not there as it says."""
    there = stored(files, url, (*FOLDERS, "stamps"))
    base = url.removeprefix("s3://")
    wrong = []
    for name in there:
        if name.startswith("stamps/") and name.endswith(".json") and "/vitals/" not in name:
            stamp = json.loads(files.open_input_stream(f"{base}/{name}").readall())
            wrong += [out for out, _, _, sha in stamp["outputs"] if there.get(out) != sha]
    return wrong


def test_workers_with_caches_of_their_own_share_nothing_but_the_store(
    mapped_once, tiny_logs, tmp_path, bucket, machine
):
    url, files = bucket
    machine("the one that asks")
    caches = [{"MAPFORGE_CACHE": str(tmp_path / f"worker {number}")} for number in range(2)]
    with dask_cluster(tmp_path / "cluster", caches) as cluster:
        settings = settings_of(url, tiny_logs, tmp_path, "engine.kind=dask", f"engine.address={cluster.address}")
        runner = make_runner(settings.engine)
        progress = KillOnce("rasterization", lambda: cluster.kill(0))
        report = run_region(settings, runner, progress)
        runner.close()
    assert progress.left == 0
    assert report["tiles"] == mapped_once[1]["tiles"]
    whole = {name: sha for name, sha in products(mapped_once[0], FOLDERS).items() if "/quality/" not in name}
    found = stored(files, url)
    assert {name: found.get(name) for name in whole} == whole
    assert not list((tmp_path / "the one that asks").rglob("observations/**/*.parquet"))
    assert not plan_of(settings).has_work


def test_a_release_comes_to_the_store_whole_and_its_pointer_last(mapped, bucket, machine, monkeypatch):
    url, files = bucket
    remote = Workspace.at(url)
    shutil.copytree(mapped, remote.root)
    mirror.put(remote, (path for path in remote.root.rglob("*") if path.is_file()))
    catalog = Catalog.of(str(mapped), None)
    for tile in catalog.tiles():
        catalog.set_tile(tile.tile, TileState.VALID)
    builds = {tile.tile: tile.build for tile in catalog.tiles() if tile.build is not None}
    machine("machine two")
    order = []
    put = ObjectStore.put_bytes
    monkeypatch.setattr(ObjectStore, "put_bytes", lambda s, name, data: (order.append(name), put(s, name, data)))
    manifest = publish(open_workspace(url), catalog, builds, "run", "first", metrics={})
    assert order[-2:] == ["releases/first/manifest.json", "releases/current"]
    assert {tile.tile for tile in manifest.tiles} == set(builds)
    machine("machine three")
    assert current_release(open_workspace(url)) == manifest
    base = url.removeprefix("s3://")
    assert files.open_input_stream(f"{base}/releases/current").readall() == b"first\n"


def test_a_store_needs_a_catalog_that_lives_elsewhere(bucket):
    with pytest.raises(ConfigurationError, match="needs catalog_url: postgresql"):
        Catalog.of(bucket[0], None)
    with pytest.raises(ConfigurationError, match=r"ftp://x: a folder, or s3://"):
        Workspace.at("ftp://x")
