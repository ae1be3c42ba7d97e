"""Manifests on disk: round trip, and what is refused."""

import json

import pytest

from mapforge.errors import ConfigurationError, ContractError, UnknownReleaseError
from mapforge.releases import manifest as manifests
from mapforge.releases.manifest import (
    builds_of,
    current_release,
    manifest_from_text,
    read_release,
    release_names,
)
from mapforge.releases.publish import publish

from .conftest import TILES


@pytest.fixture
def published(workspace, catalog, build, street):
    return publish(workspace, catalog, build(street), "r1")


def test_round_trip(published):
    again = manifest_from_text(published.text(), "here")
    assert again == published
    assert again.sha256 == published.sha256


def test_keys_of_later_versions_are_left_out(published):
    raw = json.loads(published.text())
    raw["colour"] = raw["tiles"][0]["colour"] = "blue"
    assert manifest_from_text(json.dumps(raw), "here") == published


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 9}, "version 9"),
        ({"tiles": 3}, "no release manifest"),
        ({"tiles": [{}]}, "no release manifest"),
        ({"tiles": None}, "no release manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(published, change, message):
    with pytest.raises(ContractError, match=message):
        manifest_from_text(json.dumps({**json.loads(published.text()), **change}), "here")
    with pytest.raises(ContractError):
        manifest_from_text("{", "here")


@pytest.mark.parametrize(("key", "value"), [("path", "../../etc/passwd"), ("build", "../x"), ("tile", "1/2/3/../..")])
def test_tiles_never_lie_outside_the_workspace(published, key, value):
    raw = json.loads(published.text())
    raw["tiles"][0][key] = value
    if key == "build":
        raw["tiles"][0]["path"] = f"tiles/{raw['tiles'][0]['tile']}/{value}.parquet"
    with pytest.raises((ContractError, ConfigurationError)):
        manifest_from_text(json.dumps(raw), "here")


def test_unknown_names_say_what_there_is(published, workspace):
    with pytest.raises(UnknownReleaseError, match="newest: r1"):
        read_release(workspace, "r2")
    with pytest.raises(ConfigurationError):
        read_release(workspace, "../r1")


def test_builds_for_the_next_run(published, workspace, tmp_path):
    assert builds_of(workspace, "current") == builds_of(workspace, "r1")
    assert {str(tile): build for tile, build in builds_of(workspace, "r1").items()} == published.builds
    assert sorted(builds_of(workspace, "current")) == TILES
    assert builds_of(workspace, None) == builds_of(type(workspace)(tmp_path / "none"), "current") == {}


def test_a_release_pruned_while_its_name_was_read_is_no_error(published, workspace, monkeypatch):
    names = iter(["r0", "r1", "r1"])
    monkeypatch.setattr(manifests, "current_name", lambda _: next(names))
    assert current_release(workspace) == published


def test_a_pointer_to_nothing_is_an_error(published, workspace):
    (workspace.releases / "current").write_text("r0\n")
    with pytest.raises(UnknownReleaseError, match="r0"):
        current_release(workspace)


def test_half_a_release_is_none(published, workspace):
    (workspace.releases / "r2").mkdir()
    assert release_names(workspace) == ["r1"]
