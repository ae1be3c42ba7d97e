"""A bundle reproduces what failed, on its own."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tiny_region import tiny_settings

from mapforge.catalog import Catalog
from mapforge.errors import MissingInputError
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.pipeline.bundle import reproduce, write_bundle
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.pipeline.stamps import Ledger, Recipe

MAPFORGE = Path(sys.executable).with_name("mapforge")


@pytest.fixture
def failed(mapped, tiny_logs):
    """A tile whose fusion fails, because the detections of a drive there are not what they should be."""
    settings = tiny_settings(mapped, tiny_logs, "fusion.min_confidence=0.45")
    catalog = Catalog.of(str(mapped), None)
    tile = catalog.tiles()[0].tile
    drive = next(d.drive_id for d in catalog.drives(tile=tile))
    workspace = Workspace(mapped)
    path, ledger = workspace.detections(drive), Ledger(workspace)
    recipe = Recipe(ledger.stamp("detection", drive).parts)
    pq.write_table(pq.read_table(path).drop_columns(["score"]), path)
    ledger.write("detection", drive, recipe, [path, workspace.traffic(drive)])
    report = run_region(settings, InlineRunner())
    assert "failed" in {t["state"] for t in report["tiles"] if t["tile"] == tile}
    return tile, settings, catalog


def test_the_command_in_the_unpacked_bundle_fails_as_the_tile_did(failed, tmp_path):
    tile, settings, catalog = failed
    out = tmp_path / "out" / "tile.zip"
    out.parent.mkdir()
    about = write_bundle(settings, catalog, TileId.parse(tile), out)
    assert (about.stage, about.tile) == ("fusion", tile)
    assert "score" in str(about.error)
    folder = tmp_path / "elsewhere"
    with zipfile.ZipFile(out) as bundle:
        bundle.extractall(folder)
    assert {"bundle.json", "settings.yaml", "error.txt", "attempts.json"} <= {path.name for path in folder.iterdir()}
    assert "Traceback" in (folder / "error.txt").read_text()
    assert settings.workspace not in (folder / "settings.yaml").read_text()
    assert not (folder / "workspace" / "drives").exists()
    program, *words = about.command.split()
    assert program == "mapforge"
    done = subprocess.run([str(MAPFORGE), *words, "--json"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["error"] == f"{about.kind}: {about.error}".replace(
        settings.workspace, str(folder / "workspace")
    )


def test_a_tile_that_is_fine_gives_the_same_elements_in_its_bundle(mapped, tiny_logs, tmp_path):
    catalog = Catalog.of(str(mapped), None)
    for known in catalog.tiles():
        tile = TileId.parse(known.tile)
        out = tmp_path / f"{tile.column}-{tile.row}.zip"
        write_bundle(tiny_settings(mapped, tiny_logs), catalog, tile, out)
        folder = tmp_path / out.stem
        with zipfile.ZipFile(out) as bundle:
            bundle.extractall(folder)
        _, outcome = reproduce(folder)
        assert outcome.error is None
        own, _ = read_elements(Workspace(mapped).map_elements(tile))
        again, _ = read_elements(Workspace(folder / "workspace").map_elements(tile))
        assert own == again


def test_raw_data_comes_along_when_asked(mapped, tiny_logs, tmp_path):
    catalog = Catalog.of(str(mapped), None)
    tile = TileId.parse(catalog.tiles()[0].tile)
    write_bundle(tiny_settings(mapped, tiny_logs), catalog, tile, tmp_path / "raw.zip", raw=True)
    with zipfile.ZipFile(tmp_path / "raw.zip") as bundle:
        assert any(name.endswith("lidar.parquet") for name in bundle.namelist())


def test_a_folder_that_is_no_bundle_says_so(tmp_path):
    with pytest.raises(MissingInputError, match="no unpacked bundle"):
        reproduce(tmp_path)
