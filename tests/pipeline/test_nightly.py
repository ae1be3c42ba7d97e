"""Whole nights, with the building of tiles played by the test: what is published, held, said, and kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import shapely

from mapforge.catalog import Catalog
from mapforge.catalog.tables import RunState, TileState
from mapforge.config import PublishRule, Settings, compose_settings
from mapforge.errors import NoUsableDriveError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.workspace import Workspace
from mapforge.pipeline import nightly as night_module
from mapforge.pipeline.night_summary import NightOutcome, NightSummary
from mapforge.pipeline.nightly import NIGHT, nightly
from mapforge.pipeline.runners import InlineRunner
from mapforge.releases.manifest import current_release, release_names
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (585000.0, 4477000.0))
TILES = (TileId(32617, 5850, 44770), TileId(32617, 5851, 44770))
DRIVES = ("a", "b")


def street(tile: TileId, shift_m: float = 0.0) -> list[MapElement]:
    """Two lines and what was looked at, of one tile, as both drives saw them."""
    x0, y0, x1, y1 = tile.bounds_map(FRAME)

    def line(y: float) -> shapely.LineString:
        return shapely.LineString([(x0 + 1.0, y0 + y + shift_m, 200.0), (x1 - 1.0, y0 + y + shift_m, 200.0)])

    seen = shapely.force_3d(shapely.box(x0, y0, x1, y1), 200.0)
    return [
        MapElement(f"divider {tile}", ElementClass.LANE_DIVIDER, line(50.0), {}, 0.9, (0.1, 0.1), 2, sources=DRIVES),
        MapElement(f"curb {tile}", ElementClass.ROAD_BOUNDARY, line(43.0), {}, 0.9, (0.1, 0.1), 2, sources=DRIVES),
        MapElement(f"seen {tile}", ElementClass.COVERAGE, seen, sources=DRIVES),
    ]


@dataclass
class Builder:
    """Stands in for the pipeline. tiles: what each build holds; failing: tile -> error; errors: log -> error."""

    settings: Settings
    tiles: dict[TileId, list[MapElement]] = field(default_factory=lambda: {tile: street(tile) for tile in TILES})
    failing: dict[TileId, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    ingested: list[str] = field(default_factory=list)
    raises: Exception | None = None
    count: int = 0

    @property
    def workspace(self) -> Workspace:
        return Workspace(Path(self.settings.workspace))

    def run(self, settings: Settings, runner: Any, progress: Any = None, only: Any = None) -> dict[str, Any]:
        """A run of the region: every tile gets the build that its content names."""
        assert settings.region.logs == []
        if self.raises is not None:
            raise self.raises
        self.count += 1
        run_id, workspace = f"run-{self.count:02d}", self.workspace
        workspace.write_frame(FRAME)
        with closing(Catalog.of(self.settings.workspace, None)) as catalog:
            catalog.start_run(run_id, "test", {})
            catalog.claim(map(str, self.tiles), run_id)
            for tile, elements in self.tiles.items():
                if tile in self.failing:
                    catalog.set_tile(str(tile), TileState.FAILED, "fusion", self.failing[tile])
                    continue
                build = f"{crc32(' '.join(e.geometry.wkt for e in elements).encode()):012x}"
                footer = {"tile": str(tile), "build": build}
                write_elements(elements, FRAME, workspace.tile(tile, build), workspace.tmp, footer)
                catalog.record_build(str(tile), build, "f", run_id)
                catalog.set_tile(str(tile), TileState.VALID, build=build)
            catalog.end_run(run_id, RunState.DONE)
        report = workspace.report(run_id)
        report.mkdir(parents=True)
        (report / "report.json").write_text('{"metrics": {}}')
        return {"run_id": run_id, "report": str(report), "notes": [], "timing_s": {"fusion": 1.0}, "drives": []}

    def ingest(self, settings: Settings, runner: Any, progress: Any, log_format: str) -> list[dict[str, Any]]:
        entries = []
        for log in settings.region.logs:
            self.ingested.append(Path(log).name)
            error, drive = self.errors.get(Path(log).name), Path(log).stem
            if error is None:
                (self.workspace.drive(drive)).mkdir(parents=True, exist_ok=True)
                (self.workspace.drive(drive) / "manifest.json").write_text("{}")
            known = {"duration_s": 5.0, "quarantined": {}, "warnings": []}
            entries.append({"source": log, "drive_id": None if error else drive, "error": error, **known})
        return entries


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    settings = compose_settings([f"workspace={tmp_path / 'w'}", "nightly.settle_s=0"])
    (tmp_path / "inbox").mkdir()
    settings.nightly.inbox = [str(tmp_path / "inbox")]
    settings.validation.release.min_length_m = 10.0
    builder = Builder(settings)
    monkeypatch.setattr(night_module, "run_region", builder.run)
    monkeypatch.setattr(night_module, "ingest_logs", builder.ingest)
    return builder


@pytest.fixture
def drop(tmp_path: Path) -> Callable[[str], None]:
    def put(name: str, content: bytes = b"\x89MCAP0\r\n") -> None:
        (tmp_path / "inbox" / name).write_bytes(content)
        os.utime(tmp_path / "inbox" / name, (len(content), len(content)))

    return put


def night_of(builder: Builder) -> NightSummary:
    return nightly(builder.settings, InlineRunner())


def test_a_first_night_publishes_and_a_second_finds_nothing_to_do(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    first = night_of(built)
    assert (first.outcome, first.exit_code) == (NightOutcome.PUBLISHED, 0)
    release = current_release(built.workspace)
    assert release is not None
    assert (release.name, len(release.tiles)) == (first.night_id, 2)
    second = night_of(built)
    assert (second.outcome, second.exit_code, second.release) == (NightOutcome.UNCHANGED, 0, first.night_id)
    assert built.ingested == ["a.mcap"]
    latest = json.loads((built.workspace.nights / "latest.json").read_text())
    assert latest["night_id"] == second.night_id
    assert "nothing to publish" in (built.workspace.nights / "latest.md").read_text()


def test_a_fault_holds_the_release_until_somebody_says_it_is_right(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    first = night_of(built)
    built.tiles = {tile: elements[1:] for tile, elements in built.tiles.items()}
    for _ in range(2):
        held = night_of(built)
        assert (held.outcome, held.exit_code, held.release) == (NightOutcome.HELD, 1, first.night_id)
        page = (built.workspace.nights / "latest.md").read_text()
        assert "removed of lane_divider" in page
        assert "mapforge release publish workspace=" in page
        assert (built.workspace.night(held.night_id) / "difference.geojson").exists()
    built.settings.nightly.publish = PublishRule.always
    assert night_of(built).outcome is NightOutcome.PUBLISHED
    assert len(release_names(built.workspace)) == 2


def test_one_bad_tile_is_held_and_the_others_go_on(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    built.settings.validation.release.max_held_share = 0.5
    night_of(built)
    before = current_release(built.workspace)
    built.tiles = {TILES[0]: street(TILES[0])[2:], TILES[1]: street(TILES[1], 0.05)}
    night = night_of(built)
    after = current_release(built.workspace)
    assert night.outcome is NightOutcome.PUBLISHED
    assert before is not None and after is not None
    assert after.builds[str(TILES[0])] == before.builds[str(TILES[0])]
    assert after.builds[str(TILES[1])] != before.builds[str(TILES[1])]
    assert [problem.what for problem in night.problems] == [f"tile {TILES[0]} held back"]


def test_failed_tiles_keep_their_released_build_and_are_named_with_their_command(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    night_of(built)
    built.failing = dict.fromkeys(TILES, "RuntimeError: of no use")
    for _ in range(2):
        night = night_of(built)
        assert night.outcome is NightOutcome.UNCHANGED
        assert [problem.what for problem in night.problems] == ["2 tiles failed in fusion"]
        assert night.problems[0].todo.startswith("mapforge retry workspace=")
        assert night.exit_code == 1


def test_a_refused_log_is_named_once_and_not_tried_again(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    drop("bad.mcap")
    built.errors = {"bad.mcap": "LogError: torn at byte 7"}
    first, second = night_of(built), night_of(built)
    assert [problem.what for problem in first.problems] == ["log bad.mcap refused"]
    assert "mapforge ingest" in first.problems[0].todo
    assert (second.problems, [problem.what for problem in second.known]) == ([], ["log bad.mcap refused"])
    assert built.ingested == ["a.mcap", "bad.mcap"]
    drop("bad.mcap", b"\x89MCAP0\r\n whole")
    built.errors = {}
    third = night_of(built)
    assert [log.drive_id for log in third.taken] == ["bad"]
    assert third.known == []


def test_a_second_start_is_skipped_and_says_so(built: Builder) -> None:
    with closing(Catalog.of(built.workspace.place, None)) as catalog, catalog.locked(NIGHT, "the first"):
        night = night_of(built)
    assert (night.outcome, night.exit_code) == (NightOutcome.SKIPPED, 3)
    assert "night the first is still running" in night.reason
    assert built.count == 0
    assert not (built.workspace.nights / "latest.json").exists()
    assert (built.workspace.night(night.night_id) / "summary.md").exists()


def test_an_empty_workspace_and_inbox_is_a_quiet_night(built: Builder) -> None:
    night = night_of(built)
    assert (night.outcome, night.exit_code) == (NightOutcome.UNCHANGED, 0)
    assert "no drive yet" in night.notes[0]


def test_a_night_that_cannot_run_leaves_a_summary(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    drop("bad.mcap")
    built.errors = {"bad.mcap": "LogError: torn"}
    built.raises = NoUsableDriveError("no usable drive is left: a: too short")
    night = night_of(built)
    assert (night.outcome, night.exit_code) == (NightOutcome.FAILED, 3)
    assert [problem.what for problem in night.problems] == ["log bad.mcap refused", "the night"]
    assert "too short" in json.loads((built.workspace.nights / "latest.json").read_text())["reason"]
    built.raises = None
    assert night_of(built).outcome is NightOutcome.PUBLISHED


def test_an_error_nobody_expected_is_raised_and_written_down(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    built.raises = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        night_of(built)
    assert "a bug" in json.loads((built.workspace.nights / "latest.json").read_text())["reason"]


def test_never_judges_and_does_not_publish(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    built.settings.nightly.publish = PublishRule.never
    night = night_of(built)
    assert night.outcome is NightOutcome.HELD
    assert night.gates
    assert current_release(built.workspace) is None


def test_old_nights_and_reports_go(built: Builder, drop) -> None:  # type: ignore[no-untyped-def]
    drop("a.mcap")
    built.settings.nightly.keep_nights = 2
    nights = [night_of(built) for _ in range(5)]
    kept = sorted(path.name for path in built.workspace.nights.glob("*/") if not path.name.startswith("."))
    assert kept == sorted(night.night_id for night in nights[-3:])
    reports = {path.name for path in (built.workspace.root / "reports").iterdir()}
    assert reports == {"run-01", "run-04", "run-05"}, "the first is the release's"


def test_a_missing_inbox_is_a_problem_and_no_failure(built: Builder, tmp_path: Path) -> None:
    built.settings.nightly.inbox = [str(tmp_path / "not mounted")]
    night = night_of(built)
    assert (night.outcome, night.exit_code) == (NightOutcome.UNCHANGED, 1)
    assert night.problems[0].what == f"inbox {tmp_path / 'not mounted'}"
