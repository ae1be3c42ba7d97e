"""A withdrawn drive leaves nothing behind, and the map is as if it had never been."""

from __future__ import annotations

import pytest
from tiny_region import APART, TOGETHER, attempts, products, tiny_settings

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState
from mapforge.errors import ContractError, UnknownRunError
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.pipeline.withdrawal import readmit, withdraw
from mapforge.pipeline.withdrawn_logs import withdrawn_logs


def traces_of(workspace, drive):
    """Files that were made of the drive."""
    files = (path.relative_to(workspace) for path in sorted(workspace.rglob("*")) if path.is_file())
    return [path.as_posix() for path in files if drive in path.as_posix() and path.parts[0] not in ("tmp", "reports")]


def test_a_drive_alone_in_its_place_takes_its_tiles_with_it(mapped, tiny_logs, tmp_path):
    catalog = Catalog.of(str(mapped), None)
    tiles = set(catalog.tiles_touched([APART])) & {tile.tile for tile in catalog.tiles()}
    done = withdraw(Workspace(mapped), catalog, APART, "wrong calibration")
    assert {str(tile) for tile in done.gone} >= tiles
    assert done.freed_bytes > 0
    assert traces_of(mapped, APART) == []
    assert catalog.drive(APART).state == DriveState.WITHDRAWN
    assert not tiles & {tile.tile for tile in catalog.tiles()}

    report = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    refused = {
        drive["drive_id"].rsplit("/", 1)[-1]: drive["note"] for drive in report["drives"] if drive["state"] != "used"
    }
    assert refused == {f"{APART}.mcap": "withdrawn: wrong calibration"}
    assert "ingest" not in attempts(mapped, report["run_id"])
    never = tmp_path / "never there"
    run_region(
        tiny_settings(never, [log for log in sorted(tiny_logs.glob("*.mcap")) if APART not in log.name]), InlineRunner()
    )
    for folder in ("drive_elements", "map_elements"):
        assert products(mapped, (folder,)) == products(never, (folder,))


def test_tiles_that_others_saw_too_are_built_without_it(mapped, tiny_logs):
    catalog = Catalog.of(str(mapped), None)
    gone, stays = TOGETHER
    done = withdraw(Workspace(mapped), catalog, gone, "test")
    assert done.rebuild
    run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    for tile, build in catalog.current_builds().items():
        elements, _ = read_elements(Workspace(mapped).tiles / tile / f"{build}.parquet")
        assert all(gone not in element.sources for element in elements)
    assert catalog.tiles_touched([gone]) == []
    assert set(catalog.tiles_touched([stays]))


def test_a_readmitted_drive_is_taken_in_again(mapped, tiny_logs):
    catalog = Catalog.of(str(mapped), None)
    withdraw(Workspace(mapped), catalog, APART, "test")
    assert readmit(Workspace(mapped), catalog, APART) == 1
    report = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    assert {drive["drive_id"] for drive in report["drives"] if drive["state"] == "used"} == {*TOGETHER, APART}


def test_a_withdrawal_that_was_stopped_is_repeated(mapped, tiny_logs, monkeypatch):
    catalog = Catalog.of(str(mapped), None)
    monkeypatch.setattr("mapforge.pipeline.withdrawal._remove", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        withdraw(Workspace(mapped), catalog, APART, "test")
    monkeypatch.undo()
    assert withdraw(Workspace(mapped), catalog, APART, "test").removed > 0
    assert traces_of(mapped, APART) == []


def test_an_unknown_drive_is_an_error(mapped):
    with pytest.raises(UnknownRunError, match="nobody"):
        withdraw(Workspace(mapped), Catalog.of(str(mapped), None), "nobody", "test")


def test_a_list_that_cannot_be_read_is_never_taken_for_empty(workspace):
    workspace.root.mkdir(parents=True)
    workspace.withdrawn.write_text("{")
    with pytest.raises(ContractError, match=r"withdrawn\.json"):
        withdrawn_logs(workspace)
