"""What fails does not block the others; what fails again and again is left alone until it is named."""

from __future__ import annotations

import pytest
from tiny_region import APART, TOGETHER, attempts, tiny_settings

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState, TileState
from mapforge.io.workspace import Workspace
from mapforge.pipeline import stages
from mapforge.pipeline.parking import all_parked, parked_logs, unpark
from mapforge.pipeline.plan import Action
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner


@pytest.fixture
def poisoned(monkeypatch):
    """Makes a stage fail on chosen items, with a chosen error."""

    def poison(name, is_bad, error=ValueError):
        real = getattr(stages, name)

        def bad(inputs, config):
            if is_bad(inputs):
                raise error("poison")
            return real(inputs, config)

        monkeypatch.setattr(stages, name, bad)

    return poison


def test_a_poisoned_tile_fails_alone_is_parked_in_the_end_and_comes_back(mapped, tiny_logs, poisoned, monkeypatch):
    catalog = Catalog.of(str(mapped), None)
    bad = catalog.tiles()[0].tile
    settings = tiny_settings(mapped, tiny_logs, "fusion.min_confidence=0.45", "engine.park_after=2")
    poisoned("fuse", lambda inputs: str(inputs.tile) == bad)
    first = run_region(settings, InlineRunner())
    states = {tile["tile"]: tile["state"] for tile in first["tiles"]}
    assert states.pop(bad) == "failed"
    assert states and set(states.values()) <= {"valid", "rejected"}
    assert catalog.tile(bad).state == TileState.FAILED
    (task,) = plan_region(settings, catalog).of("fusion", Action.RUN)
    assert task.reasons[0] == "failed before (1x): ValueError: poison"

    second = run_region(settings, InlineRunner())
    assert attempts(mapped, second["run_id"])["fusion"] == {bad}
    assert catalog.tile(bad).state == TileState.PARKED
    third = run_region(settings, InlineRunner())
    assert attempts(mapped, third["run_id"]) == {}
    (skipped,) = plan_region(settings, catalog).of("fusion", Action.SKIP)
    assert "failed 2 times, last in fusion: ValueError: poison" in skipped.reasons[0]
    assert any(bad in note and "parked" in note for note in third["notes"])

    monkeypatch.undo()
    assert all_parked(catalog) == ([bad], [])
    assert unpark(Workspace(mapped), catalog, tiles=[bad])[0] == [bad]
    fourth = run_region(settings, InlineRunner())
    assert attempts(mapped, fourth["run_id"])["fusion"] == {bad}
    assert catalog.tile(bad).state in (TileState.VALID, TileState.REJECTED)


def test_a_tile_that_cannot_be_perceived_does_not_hold_its_neighbours(mapped, tiny_logs, poisoned):
    setting = "perception.bev.seen_within_m=1.7"
    catalog = Catalog.of(str(mapped), None)
    bad = catalog.tiles_touched([APART])[0]
    poisoned("perceive", lambda inputs: str(inputs.tile) == bad)
    settings = tiny_settings(mapped, tiny_logs, setting, "engine.park_after=9")
    first = run_region(settings, InlineRunner())
    done = attempts(mapped, first["run_id"])
    second = run_region(settings, InlineRunner())
    again = attempts(mapped, second["run_id"])
    if bad in {tile["tile"] for tile in first["tiles"]}:
        assert {tile["tile"] for tile in first["tiles"] if tile["state"] == "failed"} == {bad}
        assert again.get("perception", set()) <= {f"{bad}@{APART}"}
    assert "vectorization" in done
    assert "vectorization" not in again


def test_a_poisoned_drive_is_left_out_parked_and_comes_back(mapped, tiny_logs, poisoned, monkeypatch):
    settings = tiny_settings(mapped, tiny_logs, "vectorization.min_length_m=3.5", "engine.park_after=2")
    catalog = Catalog.of(str(mapped), None)
    poisoned("vectorize", lambda inputs: inputs.drive_id == APART)
    for state in (DriveState.REFUSED, DriveState.PARKED):
        report = run_region(settings, InlineRunner())
        refused = {drive["drive_id"]: drive["note"] for drive in report["drives"] if drive["state"] != "used"}
        assert refused == {APART: "ValueError: poison"}
        assert catalog.drive(APART).state == state
    third = run_region(settings, InlineRunner())
    assert attempts(mapped, third["run_id"]) == {}
    monkeypatch.undo()
    unpark(Workspace(mapped), catalog, drives=[APART])
    back = run_region(settings, InlineRunner())
    assert {drive["drive_id"] for drive in back["drives"] if drive["state"] == "used"} == {*TOGETHER, APART}
    assert catalog.drive(APART).state == DriveState.USABLE


def test_a_full_disk_parks_nothing_and_builds_nothing_without_the_drive(mapped, tiny_logs, poisoned, monkeypatch):
    settings = tiny_settings(mapped, tiny_logs, "vectorization.min_length_m=3.5", "engine.park_after=1")
    catalog = Catalog.of(str(mapped), None)
    poisoned("vectorize", lambda inputs: inputs.drive_id == TOGETHER[0], OSError)
    before = catalog.current_builds()
    report = run_region(settings, InlineRunner())
    hurt = set(catalog.tiles_touched([TOGETHER[0]]))
    assert {t["tile"]: t["error"] for t in report["tiles"] if t["tile"] in hurt}.keys() <= hurt
    assert all("OSError: poison" in str(t["error"]) for t in report["tiles"] if t["tile"] in hurt)
    assert all(catalog.current_builds()[tile] == before[tile] for tile in hurt if tile in before)
    assert all_parked(catalog) == ([], [])
    monkeypatch.undo()
    whole = run_region(settings, InlineRunner())
    assert {drive["state"] for drive in whole["drives"]} == {"used"}
    assert {tile["state"] for tile in whole["tiles"]} <= {"valid", "rejected"}


def test_a_bad_log_is_tried_until_it_is_parked_and_again_when_it_changes(tiny_logs, tmp_path, one_thread):
    logs, workspace = tmp_path / "logs", tmp_path / "w"
    logs.mkdir()
    good = next(log for log in sorted(tiny_logs.glob("*.mcap")) if APART in log.name)
    (logs / good.name).symlink_to(good)
    bad = logs / "bad.mcap"
    bad.write_bytes(good.read_bytes()[:5000])
    settings = tiny_settings(workspace, logs, "engine.park_after=2")
    ran = [attempts(workspace, run_region(settings, InlineRunner())["run_id"]).get("ingest") for _ in range(3)]
    assert ran == [{str(bad), str(logs / good.name)}, {str(bad)}, None]
    assert [failure.item for failure in parked_logs(Workspace(workspace), 2)] == [str(bad)]
    bad.write_bytes(good.read_bytes()[:6000])
    report = run_region(settings, InlineRunner())
    assert attempts(workspace, report["run_id"])["ingest"] == {str(bad)}
    assert unpark(Workspace(workspace), Catalog.of(str(workspace), None), drives=["bad.mcap"])[1] == [str(bad)]


def test_a_tile_that_only_the_failed_drive_saw_keeps_its_build(mapped, tiny_logs, poisoned):
    catalog = Catalog.of(str(mapped), None)
    poisoned("vectorize", lambda inputs: inputs.drive_id == APART)
    others = {tile for drive in TOGETHER for tile in catalog.tiles_touched([drive])}
    alone = set(catalog.tiles_touched([APART])) - others
    before = catalog.current_builds()
    report = run_region(tiny_settings(mapped, tiny_logs, "vectorization.min_length_m=3.5"), InlineRunner())
    failed = {tile["tile"]: tile["error"] for tile in report["tiles"] if tile["state"] == "failed"}
    assert set(failed) == alone & set(before)
    assert set(failed.values()) == {"ValueError: poison"}
    assert {tile: catalog.current_builds()[tile] for tile in failed} == {tile: before[tile] for tile in failed}
