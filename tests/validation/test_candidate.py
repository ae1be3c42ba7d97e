"""A candidate against the release, without labels: good ones pass, faults are caught and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.candidate import CandidateInputs, CandidateVerdict, judge
from mapforge.validation.config import ValidationConfig

DRIVES = ("a", "b", "c")


@pytest.fixture
def judged(tmp_path: Path, write_tiles, make_road, frame, path):  # type: ignore[no-untyped-def]
    """Judges a map of the street, made from what three drives saw of it."""
    sourced = [replace(e, sources=DRIVES, n_drives=3) for e in make_road(0.0)]

    def judge_map(
        mapped: Callable[[list[MapElement]], list[MapElement]] = lambda elements: elements,
        seen: dict[str, list[MapElement]] | None = None,
        edit_tile: Callable[[list[MapElement]], list[MapElement]] | None = None,
        released: bool = True,
        **more: object,
    ) -> CandidateVerdict:
        old = write_tiles(sourced, tmp_path / "old")
        new = write_tiles(mapped(sourced), tmp_path / "new")
        if edit_tile is not None:
            first = min(new)
            write_elements(edit_tile(read_elements(new[first], frame)[0]), frame, new[first], tmp_path / "tmp")
        drives = {}
        for number, drive in enumerate(DRIVES):
            own = (seen or {}).get(drive) or make_road(0.03 * number)
            drives[drive] = tmp_path / f"{drive}.parquet"
            write_elements(own, frame, drives[drive], tmp_path / "tmp")
        inputs = CandidateInputs(frame, new, old if released else {}, {"a": path}, drives)
        return judge(replace(inputs, **more), ValidationConfig())

    return judge_map


def failed(verdict: CandidateVerdict) -> set[str]:
    return {reading.gate for reading in verdict.readings if not reading.passed}


@pytest.mark.parametrize("released", [True, False])
def test_a_good_map_passes_whether_or_not_there_was_one_before(judged, released: bool) -> None:  # type: ignore[no-untyped-def]
    verdict = judged(released=released)
    assert failed(verdict) == set()
    assert verdict.held == {}
    assert verdict.blocking == ()
    kept = [r for r in verdict.readings if r.gate == "kept of lane_divider"]
    assert kept[0].value == pytest.approx(1.0)


def test_a_drive_a_metre_aside_is_named(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    verdict = judged(seen={"b": make_road(1.0)})
    shift = [r for r in verdict.blocking if r.gate == "shift" and r.about == "drive b"]
    assert shift[0].value == pytest.approx(1.0, abs=0.1)
    assert not [r for r in verdict.blocking if r.about == "drive a"]


def test_a_drive_that_sees_another_world_is_named(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    verdict = judged(seen={"c": make_road(9.0)})
    assert any(r.gate == "found" and r.about == "drive c" for r in verdict.blocking)


def test_half_the_lines_gone_holds_the_release(judged) -> None:  # type: ignore[no-untyped-def]
    verdict = judged(mapped=lambda elements: [e for e in elements if e.element_id not in ("left", "divider")])
    assert {"removed of lane_divider", "kept", "held tiles"} <= failed(verdict)
    assert verdict.blocking
    assert set(verdict.held) == set(verdict.changes)


def test_an_emptied_tile_is_held_and_the_other_is_not(judged) -> None:  # type: ignore[no-untyped-def]
    ground = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)
    verdict = judged(edit_tile=lambda elements: [e for e in elements if e.element_class in ground])
    assert list(verdict.held) == [min(verdict.changes)]
    assert {"kept", "removed of lane_divider"} <= failed(verdict)
    # what the held tile lost stays published, so it does not count against the whole
    assert verdict.total.lines["lane_divider"].removed_m == 0.0
    assert [reading.gate for reading in verdict.blocking] == ["held tiles"], "one of two tiles is too many"


def test_an_emptied_tile_is_held_on_the_first_release_too(judged) -> None:  # type: ignore[no-untyped-def]
    ground = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)
    verdict = judged(edit_tile=lambda elements: [e for e in elements if e.element_class in ground], released=False)
    assert len(verdict.held) == 1


def test_lost_coverage_is_held(judged) -> None:  # type: ignore[no-untyped-def]
    little = shapely.force_3d(shapely.box(0.0, 40.0, 60.0, 60.0), 200.0)

    def shrunk(elements: list[MapElement]) -> list[MapElement]:
        return [e.with_geometry(little) if e.element_class is ElementClass.COVERAGE else e for e in elements]

    verdict = judged(mapped=shrunk)
    assert "coverage lost" in failed(verdict)
    assert "hole_m2" in failed(verdict)


def test_a_map_that_moved_as_a_whole_is_held(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    def moved(elements: list[MapElement]) -> list[MapElement]:
        return [replace(e, sources=DRIVES) for e in make_road(0.4)]

    verdict = judged(mapped=moved, seen={drive: make_road(0.4) for drive in DRIVES})
    assert "moved of lane_divider" in failed(verdict)


def test_what_withdrawn_drives_alone_supported_may_go(judged) -> None:  # type: ignore[no-untyped-def]
    gone = TileId.parse(str(min(judged().changes)))
    everything = judged()
    assert gone in everything.changes

    def without(elements: list[MapElement]) -> list[MapElement]:
        return [e for e in elements if e.element_id != "divider"]

    assert "removed of lane_divider" in failed(judged(mapped=without))
    assert "removed of lane_divider" not in failed(judged(mapped=without, withdrawn=frozenset(DRIVES)))


def test_a_tile_that_left_the_map_counts_as_removed(judged, tmp_path: Path, write_tiles, make_road, frame) -> None:  # type: ignore[no-untyped-def]
    old = write_tiles([replace(e, sources=DRIVES) for e in make_road(0.0)], tmp_path / "gone")
    verdict = judge(CandidateInputs(frame, {}, old), ValidationConfig())
    assert "removed of lane_divider" in {reading.gate for reading in verdict.blocking}


def test_rejected_tiles_count_as_held(judged, frame) -> None:  # type: ignore[no-untyped-def]
    others = frozenset(TileId(frame.epsg, 1, row) for row in range(3))
    verdict = judged(rejected=others)
    assert "held tiles" in {reading.gate for reading in verdict.blocking}
    assert set(verdict.held) == others


def test_overconfident_sigmas_are_noticed(judged, make_road, tmp_path: Path, write_tiles, frame, path) -> None:  # type: ignore[no-untyped-def]
    files = write_tiles([replace(e, sources=DRIVES) for e in make_road(0.0)], tmp_path / "sure", 0.005)
    drives = {}
    for number, drive in enumerate(DRIVES):
        drives[drive] = tmp_path / f"sure {drive}.parquet"
        write_elements(make_road(0.05 + 0.03 * number), frame, drives[drive], tmp_path / "tmp")
    verdict = judge(CandidateInputs(frame, files, {}, {"a": path}, drives), ValidationConfig())
    assert "interval 95 of lane_divider" in failed(verdict)
    assert np.isfinite([r.value for r in verdict.readings if r.gate == "interval 95 of road_boundary"]).all()
