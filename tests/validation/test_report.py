"""report.json keeps its contract; report.html opens from disk, draws, and lets nothing untrusted through."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.io.elements import write_elements
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.report import CatalogSummary, DriveSummary, FailedTile, RunLine, RunSummary, TroubledItem
from mapforge.validation.config import ValidationConfig
from mapforge.validation.report import write_report
from mapforge.validation.stage import ValidationInputs, ValidationResult, run

HACK = "document.body.dataset.hacked='yes'"
EVIL = f'</script><script>{HACK}</script>"\'><img src=x onerror="{HACK}">'
SUMMARY = RunSummary(
    run_id="20260101-000000-abc",
    region="test <region>",
    code_version="0.1.0",
    models={"bev_segmenter": "bev-1"},
    drives=(DriveSummary(EVIL, 180.0, 18.0, 3), DriveSummary("refused", 0.0, 0.0, 0, "refused", "no lidar")),
    failed_tiles=(FailedTile("32617/5852/44770", "fusion", EVIL),),
    timing_s={"ingest": 1.5, "perception": 20.0},
    throughput={"drive_km": 0.18, "km_per_hour": 42.0, "points_per_s": 1.5e6},
    peak_memory_mb=900.0,
    catalog=CatalogSummary(
        runs=(
            RunLine("20260101-000000-abc", EVIL, "running", None, 2),
            RunLine("before", "town", "failed", 61.4, 1, EVIL),
        ),
        drives={"parked": 1, "usable": 2},
        tiles={"failed": 1, "valid": 1234},
        troubled=(TroubledItem("tile", "32617/5852/44770", "failed", "fusion", EVIL, 2),),
        more_troubled=7,
    ),
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, make_road, write_tiles, frame, path) -> ValidationResult:  # type: ignore[no-untyped-def]
    """A map with every kind of fault, and hostile ids."""
    folder = tmp_path_factory.mktemp("judged")
    elements = [e for e in make_road(0.15) if e.element_id != "right"]
    elements[0] = replace(elements[0], element_id=EVIL)
    stop = shapely.LineString([(60, 43.5, 200), (60, 49.5, 200)])
    double = {"marking_type": "double_solid", "colour": "yellow"}
    beside = shapely.LineString([(120, 47.5, 200), (180, 47.5, 200)])
    elements += [
        MapElement(EVIL + "2", ElementClass.STOP_LINE, stop, {"colour": EVIL}),
        MapElement("double", ElementClass.LANE_DIVIDER, beside, double, 0.4),
    ]
    files = write_tiles(elements, folder / "tiles")
    write_elements(make_road(0.0), frame, folder / "truth.parquet", folder / "tmp")
    return run(ValidationInputs(files, frame, folder / "truth.parquet", {EVIL: path}), ValidationConfig())


@pytest.fixture(scope="module")
def written(judged: ValidationResult, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("a report, with = and ~")
    return write_report(judged, SUMMARY, folder, folder / "tmp")


def test_report_json_has_what_was_promised(written: tuple[Path, Path], judged: ValidationResult) -> None:
    data = json.loads(written[0].read_text())
    assert {"run_id", "crs", "epoch", "code_version", "models", "tiles", "metrics", "drives", "timing_s"} <= set(data)
    assert data["crs"] == "EPSG:32617"
    assert set(data["throughput"]) == {"drive_km", "km_per_hour", "points_per_s"}
    assert data["peak_memory_mb"] == 900.0
    assert {"drive_id", "length_m", "duration_s", "quarantined"} <= set(data["drives"][0])
    assert [tile["state"] for tile in data["tiles"]][::2] == ["rejected", "failed"]
    assert all({"tile", "state", "issues", "error"} <= set(tile) for tile in data["tiles"])
    assert data["tiles"][-1]["error"] == EVIL
    divider = data["metrics"]["lane_divider"]
    promised = {"AP_0.2", "AP_0.5", "AP_1.0", "AP_1.5", "mAP_easy", "mAP_hard", "completeness_0.5m"}
    promised |= {"correctness_0.5m", "duplicated_length", "lateral_median_m", "lateral_p95_m"}
    assert promised <= set(divider)
    assert divider["lateral_median_m"] == pytest.approx(0.15, abs=0.01)
    issues = [issue for tile in data["tiles"] for issue in tile["issues"]]
    assert {"severity", "rule", "element_id", "tile", "message", "lon_deg", "lat_deg"} <= set(issues[0])
    assert "unknown_word" in {issue["rule"] for issue in issues}


def test_the_catalog_has_its_section(judged: ValidationResult, written: tuple[Path, Path], tmp_path: Path) -> None:
    data = json.loads(written[0].read_text())["catalog"]
    assert data["tiles"] == {"failed": 1, "valid": 1234}
    assert data["troubled"][0]["reason"] == EVIL
    page = written[1].read_text()
    section = page[page.index('<section id="catalog">') :].partition("</section>")[0]
    for text in (
        "tiles: 1 failed, 1,234 valid; drives: 1 parked, 2 usable",
        "32617/5852/44770",
        "7 more: mapforge status",
        "61",
    ):
        assert text in section, text
    _, page_of_none = write_report(judged, replace(SUMMARY, catalog=None), tmp_path / "none", tmp_path / "tmp")
    assert '<section id="catalog">' not in page_of_none.read_text()


@pytest.mark.parametrize(
    ("drives", "mapped", "words"),
    [
        (1, None, "mapped at 42 km/h"),
        (1, 1, "mapped at 42 km/h"),
        (1, 0, "all mapped in earlier runs"),
        (2, 1, "1 of 2 drives mapped in this run"),
        (0, 0, "none could be used"),
    ],
)
def test_a_run_does_not_claim_the_work_of_earlier_ones(
    drives: int, mapped: int | None, words: str, judged: ValidationResult, tmp_path: Path
) -> None:
    known = {} if mapped is None else {"drives_mapped": mapped}
    used = tuple(DriveSummary(f"drive {k}", 180.0, 18.0, 0) for k in range(drives))
    summary = replace(SUMMARY, drives=used, throughput={**SUMMARY.throughput, **known})
    assert words in write_report(judged, summary, tmp_path, tmp_path / "tmp")[1].read_text()


def test_undefined_scores_are_null(written: tuple[Path, Path]) -> None:
    text = written[0].read_text()
    assert "NaN" not in text
    assert "Infinity" not in text


def test_same_result_same_bytes(judged: ValidationResult, written: tuple[Path, Path], tmp_path: Path) -> None:
    again = write_report(judged, SUMMARY, tmp_path / "again", tmp_path / "tmp")
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in written]


def test_the_page_needs_nothing_from_anywhere(written: tuple[Path, Path]) -> None:
    page = written[1].read_text()
    own = page.replace((Path(__file__).parents[2] / "src/mapforge/validation/page/maplibre-gl.js").read_text(), "")
    assert 'src="http' not in own
    assert "<link" not in own
    assert "sourceMappingURL" not in own
    assert EVIL not in page
    assert "Redistribution and use in source and binary forms" in page


def test_chromium_draws_the_map_from_disk(written: tuple[Path, Path], chromium, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    chromium.open(written[1])
    chromium.wait_for("document.body && document.body.dataset.idle === 'true'", 150.0)
    drawn = json.loads(chromium.evaluate("document.body.dataset.drawn"))
    for layer in (
        "lane_divider-dashed",
        "lane_divider-double",
        "road_boundary-line",
        "ped_crossing-fill",
        "stop_line-line",
        "traffic_sign-circle",
        "truth-lane_divider",
        "truth-road_boundary",
        "coverage-fill",
        "paths-line",
        "missed-line",
        "false-line",
        "tiles-fill",
        "issues-circle",
    ):
        assert drawn[layer] > 0, layer
    assert chromium.evaluate("document.body.dataset.error") is None
    assert chromium.evaluate("document.body.dataset.hacked") is None
    chromium.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_chromium_toggles_layers_and_goes_to_an_issue(written: tuple[Path, Path], chromium) -> None:  # type: ignore[no-untyped-def]
    chromium.open(written[1])
    chromium.wait_for("document.body && document.body.dataset.idle === 'true'", 150.0)
    count = "reportMap.queryRenderedFeatures({layers: ['offsets-circle']}).length"
    assert chromium.evaluate(count) == 0
    find = "[...document.querySelectorAll('#panel label')].find(l => l.textContent.includes('offset from truth'))"
    chromium.evaluate(f"{find}.querySelector('input').click()")
    chromium.wait_for(f"{count} > 0")
    before = chromium.evaluate("reportMap.getZoom()")
    chromium.evaluate("document.querySelector('#issues tr.go').click()")
    chromium.wait_for(f"reportMap.getZoom() > {before} + 0.5")
    chromium.evaluate("document.getElementById('theme').click()")
    assert chromium.evaluate("document.body.dataset.hacked") is None


def test_a_report_without_reference_or_any_success(tmp_path: Path, make_road, write_tiles, frame, path) -> None:  # type: ignore[no-untyped-def]
    files = write_tiles(make_road(0.0), tmp_path / "tiles")
    result = run(ValidationInputs(files, frame, None, {"drive": path}), ValidationConfig())
    json_path, html_path = write_report(result, SUMMARY, tmp_path / "report", tmp_path / "tmp")
    assert "No reference map was given" in html_path.read_text()
    assert json.loads(json_path.read_text())["judged"]["reference"] is False
    empty = replace(result, tiles=[], predicted=[], paths={})
    write_report(empty, replace(SUMMARY, drives=()), tmp_path / "empty", tmp_path / "tmp")
    assert np.isfinite(json.loads((tmp_path / "empty" / "report.json").read_text())["peak_memory_mb"])
