"""The parts of the object store that need no server; the rest is tested with one in tests/pipeline."""

import pickle
from pathlib import Path

import pytest

from mapforge.errors import ConfigurationError, StorageError
from mapforge.io import mirror
from mapforge.io.object_store import ObjectStore, is_store, store_at
from mapforge.io.workspace import Workspace


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3://Bucket/x", "s3://key:secret@bucket/x", "s3://b/../x"])
def test_a_url_that_is_none_is_named_without_its_secret(url):
    with pytest.raises(ConfigurationError) as error:
        ObjectStore(url)
    assert "secret" not in str(error.value).replace("AWS_SECRET_ACCESS_KEY", "")


def test_a_place_is_a_folder_or_a_store():
    assert is_store("s3://bucket/maps")
    assert not is_store("data/workspace")
    with pytest.raises(ConfigurationError, match="a folder, or s3://bucket/prefix"):
        is_store("gs://bucket/maps")


def test_each_store_and_endpoint_has_its_own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MAPFORGE_CACHE", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    one = store_at("s3://bucket/maps").cache_folder
    assert one.parent == tmp_path
    assert store_at("s3://bucket/maps/").cache_folder == one
    assert store_at("s3://bucket/other").cache_folder != one
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    assert store_at("s3://bucket/maps").cache_folder != one


def test_a_workspace_that_travels_uses_the_cache_of_where_it_arrives(monkeypatch, tmp_path):
    monkeypatch.setenv("MAPFORGE_CACHE", str(tmp_path / "here"))
    sent = pickle.dumps([Workspace.at("s3://bucket/maps"), Workspace(tmp_path / "local")])
    monkeypatch.setenv("MAPFORGE_CACHE", str(tmp_path / "there"))
    remote, local = pickle.loads(sent)
    assert remote.root.parent == tmp_path / "there"
    assert remote.store is store_at("s3://bucket/maps")
    assert local == Workspace(tmp_path / "local")


def test_a_store_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    with pytest.raises(StorageError, match=r"s3://bucket/maps/map\.json"):
        ObjectStore("s3://bucket/maps").read("map.json")


def test_a_local_workspace_is_left_alone(tmp_path):
    local = Workspace(tmp_path)
    (tmp_path / "map.json").write_text("{}")
    mirror.pull(local)
    mirror.fetch_record(local, Path(tmp_path / "map.json"))
    mirror.put(local, [tmp_path / "map.json"])
    mirror.remove(local, [tmp_path / "map.json"])
    assert (tmp_path / "map.json").read_text() == "{}"
