"""Copies of a remote workspace: never the outputs of one build with the stamp of another."""

from __future__ import annotations

import pytest
from memory_store import Memory

from mapforge.errors import StorageError
from mapforge.geometry.tiles import TileId
from mapforge.io import mirror
from mapforge.io.workspace import Workspace
from mapforge.pipeline import staging
from mapforge.pipeline.stage_files import Product, StageFiles
from mapforge.pipeline.stamps import Ledger, Recipe

TILE = TileId(32632, 1, 2)


@pytest.fixture
def remote(tmp_path):
    return Workspace(tmp_path / "copies", Memory())


def test_records_become_what_the_store_holds_and_only_what_changed_is_read(remote):
    store = remote.store
    store.put_bytes("map.json", b"{}")
    store.put_bytes("stamps/fusion/32632/1/2.json", b"old")
    store.put_bytes("drives/a/lidar.parquet", b"bulk")
    gone = remote.root / "stamps/fusion/32632/1/3.json"
    gone.parent.mkdir(parents=True)
    gone.write_text("of a tile that is no more")
    product = remote.root / "tiles/32632/1/2/ab.parquet"
    product.parent.mkdir(parents=True)
    product.write_text("a copy")
    mirror.pull(remote)
    assert (remote.root / "stamps/fusion/32632/1/2.json").read_text() == "old"
    assert (remote.root / "map.json").read_text() == "{}"
    assert not gone.exists()
    assert product.exists()
    assert not (remote.root / "drives/a/lidar.parquet").exists()
    before = store.reads
    mirror.pull(remote)
    assert store.reads == before
    store.put_bytes("stamps/fusion/32632/1/2.json", b"new")
    mirror.pull(remote)
    assert (remote.root / "stamps/fusion/32632/1/2.json").read_text() == "new"
    assert store.reads == before + 1


def test_the_file_that_proves_a_folder_is_there_only_while_the_folder_is_whole(remote, monkeypatch):
    folder = remote.root / "drives/a"
    folder.mkdir(parents=True)
    for name in ("manifest.json", "gnss.parquet", "lidar.parquet"):
        (folder / name).write_text(f"{name} now")
    remote.store.put_bytes("drives/a/manifest.json", b"before")
    seen = []
    put = Memory.put_bytes
    monkeypatch.setattr(
        Memory, "put_bytes", lambda s, n, c: (seen.append((n, "drives/a/manifest.json" in s.objects)), put(s, n, c))
    )
    mirror.put_folder(remote, folder, "manifest.json")
    assert seen[-1] == ("drives/a/manifest.json", False)
    assert sorted(seen[:-1]) == [("drives/a/gnss.parquet", False), ("drives/a/lidar.parquet", False)]


@pytest.fixture
def other(remote, tmp_path):
    """The same workspace on another machine."""
    return Workspace(tmp_path / "elsewhere", remote.store)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(staging, "WAITS_S", (0.0, 0.0))


def made(workspace, content, settings="1"):
    """A tile's map elements, fused and stamped."""
    path = workspace.map_elements(TILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    Ledger(workspace).write("fusion", str(TILE), Recipe({"settings": settings}), [path])
    return path


def wanted(workspace):
    return StageFiles((Product("fusion", str(TILE), (workspace.map_elements(TILE),)),))


def test_a_product_goes_from_one_machine_to_another_and_its_stamp_with_it(remote, other):
    made(remote, "elements")
    staging.fetch(wanted(other), other)
    assert other.map_elements(TILE).read_text() == "elements"
    assert Ledger(other).stamp("fusion", str(TILE)).damaged(other) is None
    reads = remote.store.reads
    staging.fetch(wanted(other), other)
    assert remote.store.reads == reads + 1, "only the stamp is looked at again"


def test_a_stamp_comes_to_the_store_after_its_outputs(remote, monkeypatch):
    order = []
    put = Memory.put_bytes
    monkeypatch.setattr(Memory, "put_bytes", lambda s, name, data: (order.append(name), put(s, name, data)))
    made(remote, "elements")
    assert order == ["map_elements/32632/1/2.parquet", "stamps/fusion/32632/1/2.json"]


def test_a_stamp_that_could_not_be_put_is_not_kept_here_either(remote, monkeypatch):
    def refuse(store, name, content):
        if name.startswith("stamps/"):
            raise StorageError("full")

    monkeypatch.setattr(Memory, "put_bytes", refuse)
    with pytest.raises(StorageError):
        made(remote, "elements")
    assert Ledger(remote).stamp("fusion", str(TILE)) is None


def test_outputs_that_are_ahead_of_their_stamp_are_not_taken(remote, other):
    made(remote, "elements")
    remote.store.put_bytes("map_elements/32632/1/2.parquet", b"elementz")
    with pytest.raises(StorageError, match="not what the record of fusion of 32632/1/2 says"):
        staging.fetch(wanted(other), other)
    assert not other.map_elements(TILE).exists()


def test_the_stamp_of_new_outputs_is_waited_for(remote, other, monkeypatch):
    made(remote, "elements")
    remote.store.put_bytes("map_elements/32632/1/2.parquet", b"elementz")
    monkeypatch.setattr(staging.time, "sleep", lambda _: made(remote, "elementz", "2"))
    staging.fetch(wanted(other), other)
    assert other.map_elements(TILE).read_text() == "elementz"


def test_copies_of_what_is_gone_go(remote, other):
    made(remote, "elements")
    staging.fetch(wanted(other), other)
    Ledger(remote).forget("fusion", str(TILE))
    staging.fetch(wanted(other), other)
    assert not other.map_elements(TILE).exists()
    assert Ledger(other).stamp("fusion", str(TILE)) is None


def test_a_damaged_copy_is_replaced(remote, other):
    path = made(remote, "elements")
    staging.fetch(wanted(other), other)
    other.map_elements(TILE).write_text("elementx")
    staging.fetch(wanted(other), other)
    assert other.map_elements(TILE).read_text() == path.read_text()


def test_every_product_of_a_stage_and_no_other(remote, other):
    made(remote, "elements")
    stray = other.map_elements(TileId(32632, 5, 5))
    stray.parent.mkdir(parents=True)
    stray.write_text("of an earlier map")
    staging.fetch(StageFiles(every=("fusion",)), other)
    assert other.map_elements(TILE).read_text() == "elements"
    assert not stray.exists()
