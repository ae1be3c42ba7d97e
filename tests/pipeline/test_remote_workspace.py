"""A region in an object store: built, built on from another machine, killed and completed. Against a real server."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from object_server import make_bucket, object_server, s3_environment
from tiny_region import PRODUCTS, products, tiny_settings

from mapforge.catalog import Catalog
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner

pytestmark = pytest.mark.server
FOLDERS = (*PRODUCTS, "lane_graph")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with object_server(folder) as address:
        yield address


@pytest.fixture
def bucket(server, request, monkeypatch):
    """A fresh bucket: its URL and a file system that knows nothing of MapForge."""
    for name, value in s3_environment(server).items():
        monkeypatch.setenv(name, value)
    name = "b" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    return f"s3://{name}/maps/tiny", make_bucket(server, name)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes this process a machine with an own cache."""

    def become(name):
        monkeypatch.setenv("MAPFORGE_CACHE", str(tmp_path / name))
        return tmp_path / name

    become("machine one")
    return become


def settings_of(url, logs, tmp_path, *more):
    settings = tiny_settings(Path("nowhere"), logs, *more)
    settings.workspace = url
    settings.catalog_url = f"sqlite:///{tmp_path / 'catalog.db'}"
    return settings


def stored(files, url, folders=FOLDERS):
    """sha256 of everything derived: name -> hash, from the store."""
    base = url.removeprefix("s3://")
    from pyarrow import fs

    found = {}
    for folder in folders:
        for info in files.get_file_info(fs.FileSelector(f"{base}/{folder}", recursive=True, allow_not_found=True)):
            if info.is_file:
                content = files.open_input_stream(info.path).readall()
                found[info.path.removeprefix(f"{base}/")] = hashlib.sha256(content).hexdigest()
    return found


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
