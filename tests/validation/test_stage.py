"""Tiles judged with and without reference, with and without paths."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.errors import CrsMismatchError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.io.elements import write_elements
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.config import ValidationConfig
from mapforge.validation.stage import ValidationInputs, ValidationResult, run, run_on_files


@pytest.fixture
def judged(tmp_path: Path, write_tiles, make_road, frame, path):  # type: ignore[no-untyped-def]
    """Judges a map against the street."""

    def judge(elements: list[MapElement], **more: object) -> ValidationResult:
        files = write_tiles(elements, tmp_path / "tiles")
        write_elements(make_road(0.0), frame, tmp_path / "truth.parquet", tmp_path / "tmp")
        values = {"reference": tmp_path / "truth.parquet", "paths": {"drive": path}, **more}
        return run(ValidationInputs(files, frame, **values), ValidationConfig())

    return judge


def test_a_perfect_map_has_perfect_scores(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    result = judged(make_road(0.0))
    for name in ("lane_divider", "road_boundary", "ped_crossing", "stop_line"):
        values = result.metrics[name]
        for score in ("AP_0.2", "AP_1.5", "mAP_easy", "mAP_hard", "completeness_0.2m", "correctness_0.2m"):
            assert values[score] == pytest.approx(1.0), (name, score)
        assert values["lateral_median_m"] == pytest.approx(0.0, abs=1e-3)
        assert values["duplicated_length"] == 0.0
    assert result.metrics["all"]["mAP_hard"] == pytest.approx(1.0)
    assert result.metrics["traffic_sign"]["recall"] == result.metrics["traffic_sign"]["type_accuracy"] == 1.0
    assert [tile.state for tile in result.tiles] == ["valid", "valid"]
    assert result.issues == []


def test_a_map_beside_the_truth_is_measured_and_the_shift_found(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    result = judged(make_road(0.3))
    divider = result.metrics["lane_divider"]
    assert divider["lateral_median_m"] == pytest.approx(0.3, abs=0.01)
    assert divider["completeness_0.2m"] == 0.0
    assert divider["AP_0.2"] == 0.0
    assert divider["AP_0.5"] == pytest.approx(1.0)
    assert divider["lateral_shifted_median_m"] < 0.05
    assert result.scores.shifts[0].dy_m == pytest.approx(-0.3, abs=0.05)
    assert result.metrics["ped_crossing"]["longitudinal_median_m"] == pytest.approx(0.0, abs=0.01)
    # 0.1 m was stated, 0.3 m is true
    assert divider["interval_95_share"] == 0.0
    assert divider["interval_shifted_95_share"] == 1.0


def test_missed_and_false_lines_count_and_reject(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    kept = [e for e in make_road(0.0) if e.element_id not in ("left", "right", "divider")]
    false = replace(make_road(5.0)[0], element_id="false")
    result = judged([*kept, false])
    assert result.metrics["road_boundary"]["AP_1.5"] == 0.0
    assert result.metrics["road_boundary"]["completeness_0.5m"] == 0.0
    assert result.metrics["lane_divider"]["correctness_0.5m"] == 0.0
    assert {tile.state for tile in result.tiles} == {"rejected"}
    assert any("completeness" in reason for tile in result.tiles for reason in tile.reasons)


def test_truth_that_was_not_seen_is_not_asked_for(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    half = shapely.force_3d(shapely.box(0.0, 25.0, 100.0, 75.0), 200.0)
    seen_half = [
        e.with_geometry(half)
        if e.element_class is ElementClass.COVERAGE
        else e.with_geometry(shapely.intersection(e.geometry, half))
        for e in make_road(0.0)
    ]
    result = judged(seen_half)
    assert result.metrics["lane_divider"]["completeness_0.5m"] == pytest.approx(1.0)
    assert result.metrics["lane_divider"]["truth_length_m"] == pytest.approx(95.0, abs=1.0)


def test_where_the_map_cuts_its_lines_does_not_matter(judged, make_road) -> None:  # type: ignore[no-untyped-def]
    whole = make_road(0.0)
    xyz = whole[0].xyz_map
    parts = [
        replace(whole[0], element_id=f"part{i}").with_geometry(shapely.LineString(xyz[a : b + 1]))
        for i, (a, b) in enumerate([(0, 7), (7, 20), (20, len(xyz) - 1)])
    ]
    assert judged([*parts, *whole[1:]]).metrics["lane_divider"]["AP_0.2"] == pytest.approx(1.0)


def test_without_a_reference_drives_are_asked(tmp_path: Path, write_tiles, make_road, frame, path) -> None:  # type: ignore[no-untyped-def]
    files = write_tiles(make_road(0.0), tmp_path / "tiles")
    drives = {}
    for name, offset in (("a", 0.0), ("b", 0.1), ("c", 2.0)):
        drives[name] = tmp_path / f"{name}.parquet"
        write_elements(make_road(offset), frame, drives[name], tmp_path / "tmp")
    two = {name: drives[name] for name in ("a", "b")}
    agreeing = run(ValidationInputs(files, frame, None, {"a": path}, two), ValidationConfig())
    assert agreeing.scores is None
    assert agreeing.metrics["lane_divider"]["agreement_0.5m"] == pytest.approx(1.0)
    assert agreeing.metrics["lane_divider"]["agreement_median_m"] == pytest.approx(0.1, abs=0.01)
    assert {tile.state for tile in agreeing.tiles} == {"valid"}
    apart = {name: drives[name] for name in ("a", "c")}
    result = run(ValidationInputs(files, frame, None, {"a": path}, apart), ValidationConfig())
    assert {tile.state for tile in result.tiles} == {"rejected"}


def test_little_coverage_rejects(tmp_path: Path, write_tiles, make_road, frame, path) -> None:  # type: ignore[no-untyped-def]
    little = shapely.force_3d(shapely.box(0.0, 46.0, 200.0, 48.0), 200.0)
    elements = [e.with_geometry(little) if e.element_class is ElementClass.COVERAGE else e for e in make_road(0.0)]
    files = write_tiles(elements, tmp_path)
    result = run(ValidationInputs(files, frame, None, {"drive": path}), ValidationConfig())
    assert all("coverage" in tile.reasons[0] for tile in result.tiles)


def test_any_tiles_against_any_reference_without_a_run(tmp_path: Path, write_tiles, make_road, frame) -> None:  # type: ignore[no-untyped-def]
    write_tiles(make_road(0.0), tmp_path / "some tiles")
    write_elements(make_road(0.1), frame, tmp_path / "truth.parquet", tmp_path / "tmp")
    result = run_on_files(tmp_path / "some tiles", tmp_path / "truth.parquet", ValidationConfig())
    assert result.metrics["lane_divider"]["AP_0.2"] == pytest.approx(1.0)
    assert "lane_divider" in result.judgement.basis
    one = next((tmp_path / "some tiles").rglob("build.parquet"))
    assert run_on_files(one, tmp_path / "truth.parquet", ValidationConfig()).metrics["road_boundary"][
        "completeness_0.5m"
    ] == pytest.approx(1.0)


def test_without_coverage_and_paths_the_tiles_are_judged(tmp_path: Path, write_tiles, make_road, frame) -> None:  # type: ignore[no-untyped-def]
    bare = [e for e in make_road(0.0) if e.element_class is not ElementClass.COVERAGE]
    write_tiles(bare, tmp_path / "tiles")
    far = MapElement("far", ElementClass.LANE_DIVIDER, shapely.LineString([(900, 0, 0), (990, 0, 0)]))
    write_elements([*bare, far], frame, tmp_path / "truth.parquet", tmp_path / "tmp")
    result = run_on_files(tmp_path / "tiles", tmp_path / "truth.parquet", ValidationConfig())
    assert result.metrics["lane_divider"]["completeness_0.5m"] == pytest.approx(1.0)


def test_neither_order_of_tiles_nor_of_drives_matters(tmp_path: Path, write_tiles, make_road, frame, path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    files = write_tiles(make_road(0.15), tmp_path / "tiles")
    write_elements(make_road(0.0), frame, tmp_path / "truth.parquet", tmp_path / "tmp")
    paths = {"a": path, "b": path[::-1] + (0.0, 3.0, 0.0), "c": path + rng.normal(0, 0.1, path.shape)}
    there = run(ValidationInputs(files, frame, tmp_path / "truth.parquet", paths), ValidationConfig())
    back = run(
        ValidationInputs(
            dict(reversed(files.items())), frame, tmp_path / "truth.parquet", dict(reversed(paths.items()))
        ),
        ValidationConfig(),
    )
    for name, values in there.metrics.items():
        for key, value in values.items():
            assert back.metrics[name][key] == value or math.isnan(value), (name, key)


def test_missing_tiles_and_other_crs_are_named(tmp_path: Path, write_tiles, make_road) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MissingInputError, match="no tile files"):
        run_on_files(tmp_path, None, ValidationConfig())
    files = write_tiles(make_road(0.0), tmp_path)
    with pytest.raises(CrsMismatchError, match="32618"):
        run(ValidationInputs(files, MapFrame(32618, (0.0, 0.0))), ValidationConfig())
