"""Logs in, judged tiles out: quality, same bytes, reuse, retry, bad neighbours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas
import pytest
from road_map import products, settings_for

from mapforge.catalog import Catalog
from mapforge.errors import NoUsableDriveError
from mapforge.geometry.tiles import TileId
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner, LocalRunner


@pytest.fixture(scope="module")
def built(road, tmp_path_factory):
    """The road mapped once, one worker."""
    workspace = tmp_path_factory.mktemp("built") / "work, space"
    return workspace, run_region(settings_for(workspace, road), InlineRunner())


def test_the_map_of_the_road_is_as_good_as_it_was(built):
    _, report = built
    metrics = report["metrics"]
    assert metrics["lane_divider"]["completeness_0.5m"] > 0.6
    assert metrics["lane_divider"]["correctness_0.5m"] > 0.6
    assert metrics["road_boundary"]["completeness_0.5m"] > 0.6
    assert metrics["road_boundary"]["correctness_0.5m"] > 0.6
    assert metrics["lane_divider"]["lateral_median_m"] < 0.15
    assert all(tile["state"] in ("valid", "rejected") for tile in report["tiles"])


def test_the_report_has_what_others_rely_on(built):
    workspace, report = built
    stored = json.loads((workspace / "reports" / report["run_id"] / "report.json").read_text())
    for key in ("run_id", "crs", "epoch", "code_version", "models", "tiles", "metrics", "drives", "timing_s"):
        assert key in stored
    assert {"drive_km", "km_per_hour", "points_per_s"} <= set(stored["throughput"])
    assert stored["peak_memory_mb"] < 4096
    assert "<html" in (workspace / "reports" / report["run_id"] / "report.html").read_text()[:200]


def test_geopandas_opens_every_tile_in_the_right_crs(built):
    workspace, report = built
    files = sorted((workspace / "tiles").rglob("*.parquet"))
    assert len(files) == len(report["tiles"])
    for file in files:
        frame = geopandas.read_parquet(file)
        assert frame.crs.to_epsg() == 32632
        tile = TileId.parse("/".join(file.parent.parts[-3:]))
        xmin, ymin, xmax, ymax = tile.bounds_projected()
        x0, y0, x1, y1 = frame.total_bounds
        assert xmin - 1e-3 <= x0 <= x1 <= xmax + 1e-3
        assert ymin - 1e-3 <= y0 <= y1 <= ymax + 1e-3


def test_two_workers_and_another_order_of_drives_give_the_same_bytes(built, road, tmp_path):
    workspace, _ = built
    settings = settings_for(tmp_path / "w", road)
    settings.region.logs = [str(log) for log in sorted((road / "logs").glob("*.mcap"), reverse=True)]
    runner = LocalRunner(2)
    run_region(settings, runner)
    runner.close()
    assert products(tmp_path / "w") == products(workspace)


def test_nothing_new_runs_nothing_and_changes_nothing(built, road):
    workspace, first = built
    before = products(workspace)
    report = run_region(settings_for(workspace, road), InlineRunner())
    assert Catalog.of(str(workspace), None).attempts(report["run_id"]) == []
    assert products(workspace) == before
    assert report["unchanged_since"] == first["run_id"]
    assert report["metrics"] == first["metrics"]
    assert Path(report["report"]).read_text() == Path(first["report"]).read_text()


def test_a_changed_fusion_setting_runs_fusion_and_later_only(built, road, tmp_path):
    workspace = tmp_path / "copy"
    shutil.copytree(built[0], workspace)
    report = run_region(settings_for(workspace, road, "fusion.min_confidence=0.4"), InlineRunner())
    ran = {attempt.stage for attempt in Catalog.of(str(workspace), None).attempts(report["run_id"])}
    assert ran == {"fusion", "lane_graph", "tiles"}


def test_a_torn_raster_is_made_again_when_it_is_needed_and_only_then(built, road, tmp_path):
    workspace = tmp_path / "copy"
    shutil.copytree(built[0], workspace)
    torn = sorted((workspace / "rasters").rglob("*.parquet"))[0]
    torn.write_bytes(torn.read_bytes()[:1000])
    report = run_region(settings_for(workspace, road), InlineRunner())
    assert Catalog.of(str(workspace), None).attempts(report["run_id"]) == []
    for folder in ("observations", "map_elements"):
        shutil.rmtree(workspace / folder)
    (workspace / "drive_elements" / f"{torn.stem}.parquet").unlink()
    run_region(settings_for(workspace, road), InlineRunner())
    made_again = products(workspace)
    assert made_again.items() >= {k: v for k, v in products(built[0]).items() if torn.stem in k}.items()
    assert {k: v for k, v in made_again.items() if k.startswith("tiles")} == {
        k: v for k, v in products(built[0]).items() if k.startswith("tiles")
    }


def test_a_broken_log_beside_good_ones_is_named_and_the_others_are_mapped(road, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    good = sorted((road / "logs").glob("*.mcap"))[0]
    (logs / good.name).symlink_to(good)
    (logs / "broken.mcap").write_bytes(good.read_bytes()[:4000])
    settings = settings_for(tmp_path / "w", road)
    settings.region.logs = [str(logs)]
    report = run_region(settings, InlineRunner())
    refused = [drive for drive in report["drives"] if drive["state"] == "refused"]
    assert [Path(drive["drive_id"]).name for drive in refused] == ["broken.mcap"]
    assert refused[0]["note"]
    assert report["tiles"]


def test_without_any_usable_drive_the_run_says_why(road, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "broken.mcap").write_bytes(b"\x89MCAP0\r\n" + bytes(100))
    settings = settings_for(tmp_path / "w", road)
    settings.region.logs = [str(logs)]
    with pytest.raises(NoUsableDriveError, match=r"broken\.mcap"):
        run_region(settings, InlineRunner())
    assert Catalog.of(settings.workspace, None).run("latest").state == "failed"
