"""`mapforge release`: what the commands print, write and return."""

from __future__ import annotations

import json

import pytest
import shapely
from typer.testing import CliRunner

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.cli.app import app
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (586000.0, 4475000.0), 2020.0)
TILES = [TileId(32617, 5860, 44750), TileId(32617, 5861, 44750)]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    workspace = Workspace(tmp_path / "a, b = c")
    workspace.write_frame(FRAME)
    return workspace


@pytest.fixture
def build(workspace):
    """One more run: a curb through both tiles at some y, with the states given."""

    def built(run_id: str, y_m: float, states=(TileState.VALID, TileState.VALID)) -> None:
        catalog = Catalog.of(str(workspace.root), None)
        catalog.start_run(run_id, "town", {})
        for tile, state in zip(TILES, states):
            xmin, _, xmax, _ = tile.bounds_map(FRAME)
            line = shapely.LineString([(xmin, y_m, 0.0), (xmax, y_m, 0.0)])
            curb = MapElement("curb", ElementClass.ROAD_BOUNDARY, line, {"boundary_type": "curb"})
            footer = {"tile": str(tile), "build": f"b{run_id}", "fingerprint": "f"}
            write_elements([curb], FRAME, workspace.tile(tile, f"b{run_id}"), workspace.tmp, footer)
            catalog.claim([str(tile)], run_id)
            catalog.set_tile(str(tile), state, build=f"b{run_id}")
            catalog.record_build(str(tile), f"b{run_id}", "f", run_id)
        catalog.close()

    return built


def call(workspace, *words, json_output=True):
    result = CliRunner().invoke(
        app, ["release", *words, f"workspace={workspace.root}", *(["--json"] if json_output else [])]
    )
    return result.exit_code, json.loads(result.stdout) if json_output else result.stdout


def test_publish_list_show_rollback(workspace, build):
    build("r1", 50.0)
    code, first = call(workspace, "publish")
    assert (code, first["name"], len(first["tiles"])) == (0, "r1", 2)
    build("r2", 50.5, (TileState.VALID, TileState.REJECTED))
    code, second = call(workspace, "publish", "name=second")
    assert (code, second["name"], second["previous"]) == (1, "second", "r1")
    assert [tile["state"] for tile in second["tiles"]] == ["valid", "carried_over"]
    code, listed = call(workspace, "list")
    assert code == 0
    assert [(r["name"], r["current"], r["carried_over"]) for r in listed["releases"]] == [
        ("r1", False, 0), ("second", True, 1),
    ]  # fmt: skip
    code, shown = call(workspace, "show", "name=r1")
    assert (code, shown) == (0, json.loads((workspace.release("r1") / "manifest.json").read_text()))
    code, back = call(workspace, "rollback")
    assert (code, back["name"]) == (0, "r1")
    assert (workspace.releases / "current").read_text() == "r1\n"


def test_diff_writes_geojson_picture_and_text(workspace, build, tmp_path):
    build("r1", 50.0)
    call(workspace, "publish")
    build("r2", 50.5)
    call(workspace, "publish")
    code, found = call(workspace, "diff", f"out={tmp_path / 'd'}")
    assert code == 0
    assert found["changes"] == {"road_boundary": {"moved": {"count": 1, "length_m": 200.0, "distance_m": 0.5}}}
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "difference.geojson", "difference.png", "difference.txt",
    ]  # fmt: skip
    code, found = call(workspace, "diff", "old=r1", "new=r2", "moved_m=0.6")
    assert found["changes"] == {}
    assert all(path.startswith(str(workspace.report("r1--r2"))) for path in found["files"])


def test_prune_and_export(workspace, build, tmp_path):
    for number in range(3):
        build(f"r{number}", 50.0 + number)
        call(workspace, "publish")
    code, pruned = call(workspace, "prune", "keep=1")
    assert code == 0
    assert (pruned["releases"], len(pruned["builds"]), pruned["note"]) == (["r0", "r1"], 4, None)
    code, exported = call(workspace, "export", f"out={tmp_path / 'out'}", "to=[pmtiles,stac]")
    assert code == 0
    assert exported["files"] == [str(tmp_path / "out" / name) for name in ("map.pmtiles", "stac/collection.json")]
    assert (tmp_path / "out" / "stac" / "collection.json").is_file()


def test_what_people_read(workspace, build):
    build("r1", 50.0)
    for command, words in (
        ("publish", ("release r1 is published: 2 tiles",)),
        ("list", ("r1", "True")),
        ("show", ("32617/5860/44750", "br1", "valid")),
        ("prune", ("removed 0 releases",)),
    ):
        code, text = call(workspace, command, json_output=False)
        assert code == 0
        assert all(word in text for word in words)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["publish"], 2, "no run"),
        (["show"], 2, "no current release"),
        (["rollback", "name=r9"], 2, "no release 'r9'"),
        (["diff"], 2, "no current release"),
        (["export", "to=[shp]"], 2, "pmtiles"),
        (["prune", "kep=3"], 2, "keep"),
        (["publish", "name=../x", "run=r1"], 2, "../x"),
    ],
)
def test_errors_are_explained(workspace, build, words, code, message):
    if "run=r1" in words:
        build("r1", 50.0)
    found, document = call(workspace, *words)
    assert found == code == document["exit_code"]
    assert message in document["error"]["message"]


def test_the_first_release_has_nothing_to_differ_from(workspace, build):
    build("r1", 50.0)
    call(workspace, "publish")
    code, document = call(workspace, "diff")
    assert code == 3 and "old=NAME" in document["error"]["message"]
