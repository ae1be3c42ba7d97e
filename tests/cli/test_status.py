"""`mapforge status`: what needs attention comes first, nothing is left out unsaid."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mapforge.catalog import Catalog, TileUpdate
from mapforge.catalog.tables import RunState, TileState
from mapforge.cli.app import app
from mapforge.schemas.drive import DriveManifest

TILES = [f"32617/{5800 + index}/44752" for index in range(70)]
FAILED, PARKED = TILES[60], TILES[5]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """70 valid tiles of run r2, one that failed, one that is parked; a parked drive; an earlier run elsewhere."""
    folder = tmp_path_factory.mktemp("workspace")
    catalog = Catalog.of(str(folder), None)
    for index in range(12):
        catalog.start_run(f"r1-{index:02d}", "village", {})
        catalog.end_run(f"r1-{index:02d}", RunState.DONE)
    catalog.record_attempt("r1-00", "fusion", "32617/1/1", 1.0, "ValueError: long ago")
    catalog.start_run("r2", "town", {})
    catalog.claim(TILES, "r2")
    catalog.set_tiles([TileUpdate(tile, TileState.VALID, build="b" * 16, recipe="R") for tile in TILES])
    catalog.record_builds([(FAILED, "b" * 16, "f")], "r2")
    catalog.set_tile(FAILED, TileState.FAILED, "perception", "RuntimeError: out of memory\nmore of it")
    catalog.set_tile(PARKED, TileState.FAILED, "fusion", "ValueError: boom")
    catalog.park_tile(PARKED, "failed 3 times: ValueError: boom")
    for drive in ("a", "b", "c"):
        catalog.record_drive(DriveManifest(drive, "mcap", "0" * 64, 1, 2, (), ()))
    catalog.record_touched("b", [FAILED, TILES[59]])
    catalog.park_drive("c", "refused 3 times: LogError: torn at 0x40")
    catalog.record_attempt("r2", "perception", f"{FAILED}@b", 3.0, "RuntimeError: out of memory", "Traceback: here")
    catalog.record_attempt("r2", "fusion", PARKED, 1.0, "ValueError: boom", "Traceback: there")
    catalog.close()
    return folder


def status(workspace, *words):
    return CliRunner().invoke(app, ["status", f"workspace={workspace}", *words])


def document(workspace, *words):
    result = status(workspace, *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_json_holds_everything_unless_a_limit_is_given(workspace):
    everything = document(workspace)
    assert len(everything["tiles"]) == 70
    assert set(everything["more"].values()) == {0}
    assert everything["tile_counts"] == {"failed": 1, "parked": 1, "valid": 68}
    assert everything["drive_counts"] == {"parked": 1, "usable": 2}
    few = document(workspace, "limit=3")
    assert [tile["state"] for tile in few["tiles"]] == ["parked", "failed", "valid"]
    assert [drive["drive_id"] for drive in few["drives"]] == ["c", "a", "b"]
    assert few["more"] == {"runs": 10, "drives": 0, "tiles": 67, "failures": 0}


def test_the_failures_are_those_of_the_newest_run_or_of_what_was_asked_for(workspace):
    def failures(*words):
        return [failure["error"] for failure in document(workspace, *words)["failures"]]

    assert failures() == ["RuntimeError: out of memory", "ValueError: boom"]
    assert failures("run=latest", "stage=fusion") == ["ValueError: boom"]
    assert failures("run=r1-00") == ["ValueError: long ago"]
    assert failures("region=village") == [], "of its newest run"


@pytest.mark.parametrize(
    ("words", "tiles"),
    [
        (["state=failed"], [FAILED]),
        (["stage=fusion"], [PARKED]),
        (["drive=b"], [FAILED, TILES[59]]),
        (["drive=b", "state=valid"], [TILES[59]]),
        (["region=village"], []),
        (["run=r2", "state=parked"], [PARKED]),
    ],
)
def test_filters(workspace, words, tiles):
    assert [tile["tile"] for tile in document(workspace, *words)["tiles"]] == tiles


def test_people_see_fifty_tiles_and_how_many_more_there_are(workspace):
    text = status(workspace).stdout
    assert "and 20 more" in text
    assert "drives: 1 parked, 2 usable; tiles: 1 failed, 1 parked, 68 valid" in text
    assert text.index(PARKED) < text.index(FAILED) < text.index(TILES[0])
    assert "more of it" not in text, "the first line of an error"
    assert "refused 3 times" in text


def test_a_tile_shows_its_history(workspace):
    history = document(workspace, f"tile={FAILED}")
    assert history["tile"]["state"] == "failed"
    assert [drive["drive_id"] for drive in history["drives"]] == ["b"]
    assert [(build["build"], build["current"]) for build in history["builds"]] == [("b" * 16, True)]
    assert [attempt["traceback"] for attempt in history["attempts"]] == ["Traceback: here"]
    text = status(workspace, f"tile={FAILED}").stdout
    assert text.rstrip().endswith("The last error:\nTraceback: here")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("state=failde", "state=failde: there are building, built, failed"),
        ("limit=all", "limit=all: give a number"),
        ("tile=32617/9/9", "no tile '32617/9/9'"),
        ("drive=nobody", "no drive 'nobody'"),
        ("run=nothing", "newest runs: r2"),
    ],
)
def test_what_is_not_there_is_named(workspace, word, message):
    result = status(workspace, word)
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_empty_workspace_says_so(tmp_path):
    result = status(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "no drives yet; no tiles yet\n")
