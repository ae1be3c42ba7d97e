"""Where things lie in a workspace, and the one frame it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapforge.errors import ConfigurationError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace


def test_paths_are_those_of_the_contract(tmp_path: Path) -> None:
    workspace, tile = Workspace(tmp_path), TileId(32617, 5864, 44752)
    paths = {
        "drives/d": workspace.drive("d"),
        "trajectories/d.parquet": workspace.trajectory("d"),
        "rasters/32617/5864/44752/d.parquet": workspace.raster(tile, "d"),
        "observations/32617/5864/44752/d.parquet": workspace.observation(tile, "d"),
        "drive_elements/d.parquet": workspace.drive_elements("d"),
        "tiles/32617/5864/44752/b1.parquet": workspace.tile(tile, "b1"),
        "reports/run-1": workspace.report("run-1"),
        "tmp": workspace.tmp,
    }
    assert {key: path.relative_to(tmp_path).as_posix() for key, path in paths.items()} == {key: key for key in paths}


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a b", ".hidden", "x" * 200])
def test_names_cannot_leave_the_workspace(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a file"):
        Workspace(tmp_path).drive(name)


def test_one_workspace_holds_one_frame(tmp_path: Path) -> None:
    workspace, frame = Workspace(tmp_path), MapFrame(32617, (586_000.0, 4_475_000.0), 2021.0)
    with pytest.raises(MissingInputError, match="no map yet"):
        workspace.read_frame()
    workspace.write_frame(frame)
    workspace.write_frame(frame)
    assert workspace.read_frame() == frame
    with pytest.raises(ConfigurationError, match="another workspace"):
        workspace.write_frame(MapFrame(32618, (0.0, 0.0)))
