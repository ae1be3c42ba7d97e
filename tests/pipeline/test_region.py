"""What is made again, and what is not: nothing new, new drives, settings, missing products, failures."""

from __future__ import annotations

import os
import shutil

import pytest
from tiny_region import APART, TOGETHER, attempts, products, tiny_settings

from mapforge.catalog import Catalog
from mapforge.geometry.tiles import TileId
from mapforge.pipeline.plan import Action
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.pipeline.stamps import Ledger


def plan_of(settings, only=None):
    catalog = Catalog.of(settings.workspace, None)
    try:
        return plan_region(settings, catalog, only)
    finally:
        catalog.close()


def tiles_of(workspace, drive):
    """Tiles that drive has a raster of."""
    return {"/".join(path.parent.parts[-3:]) for path in (workspace / "rasters").rglob(f"{drive}.parquet")}


def near(tiles):
    parsed = [TileId.parse(tile) for tile in tiles]
    return {str(other) for tile in parsed for other in (tile, *tile.neighbours())}


def test_the_tiny_region_has_what_these_tests_need(mapped_once):
    workspace, report = mapped_once
    together = tiles_of(workspace, TOGETHER[0]) | tiles_of(workspace, TOGETHER[1])
    assert tiles_of(workspace, TOGETHER[0]) & tiles_of(workspace, TOGETHER[1])
    assert not near(together) & tiles_of(workspace, APART)
    assert {tile["state"] for tile in report["tiles"]} <= {"valid", "rejected"}


def test_nothing_new_runs_nothing_and_gives_the_report_again(mapped_once, mapped, tiny_logs):
    before = products(mapped)
    plan = plan_of(tiny_settings(mapped, tiny_logs))
    assert not plan.has_work
    assert {task.action for task in plan.tasks} == {Action.REUSE}
    report = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    assert attempts(mapped, report["run_id"]) == {}
    assert products(mapped) == before
    assert report["unchanged_since"] == mapped_once[1]["run_id"]
    assert report["tiles"] == mapped_once[1]["tiles"]
    assert (mapped / "reports" / report["run_id"] / "report.html").exists()
    again = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    assert again["unchanged_since"] == mapped_once[1]["run_id"]


def test_a_changed_fusion_setting_is_named_and_runs_fusion_and_later_only(mapped, tiny_logs):
    settings = tiny_settings(mapped, tiny_logs, "fusion.min_confidence=0.45")
    plan = plan_of(settings)
    due = {task.stage for task in plan.tasks if task.action is Action.RUN}
    assert due == {"fusion", "lane_graph", "tiles"}
    (reason,) = {reason for task in plan.of("fusion") for reason in task.reasons}
    assert reason.startswith("setting fusion.min_confidence changed from ")
    assert reason.endswith(" to 0.45")
    upstream = ("trajectories", "rasters", "observations", "drive_elements")
    before = products(mapped, upstream)
    for folder in ("rasters", "observations", "drives"):  # they are not so much as looked at
        for path in (mapped / folder).rglob("*.parquet"):
            path.chmod(0o000)
    report = run_region(settings, InlineRunner())
    assert set(attempts(mapped, report["run_id"])) == {"fusion", "lane_graph", "tiles"}
    assert products(mapped, upstream) == before


def test_a_changed_vectorization_setting_makes_missing_observations_again(mapped, tiny_logs, tmp_path):
    setting = "vectorization.min_length_m=3.5"
    fresh = tmp_path / "fresh"
    run_region(tiny_settings(fresh, tiny_logs, setting), InlineRunner())
    shutil.rmtree(mapped / "observations")
    lost = next((mapped / "rasters").rglob(f"{APART}.parquet"))
    lost.unlink()
    report = run_region(tiny_settings(mapped, tiny_logs, setting), InlineRunner())
    tried = attempts(mapped, report["run_id"])
    assert tried["rasterization"] == {APART}
    assert not {"ingest", "localization", "alignment"} & set(tried)
    assert products(mapped, ("drive_elements", "map_elements")) == products(fresh, ("drive_elements", "map_elements"))


def test_products_that_finished_ones_were_made_of_may_go(mapped, tiny_logs):
    for folder in ("rasters", "observations", "trajectories/unaligned"):
        shutil.rmtree(mapped / folder)
    assert not plan_of(tiny_settings(mapped, tiny_logs)).has_work


@pytest.mark.parametrize(
    ("folder", "stages"),
    [("tiles", {"tiles"}), ("map_elements", {"fusion", "tiles"}), ("tile_names", {"tiles"})],
)
def test_a_product_that_is_needed_is_made_again_to_the_same_bytes(mapped_once, mapped, tiny_logs, folder, stages):
    path = next(path for path in sorted((mapped / folder).rglob("*")) if path.is_file())
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    settings = tiny_settings(mapped, tiny_logs)
    report = run_region(settings, InlineRunner())
    assert set(attempts(mapped, report["run_id"])) <= stages | {"tiles"}
    assert (
        products(mapped)[path.relative_to(mapped).as_posix()]
        == products(mapped_once[0])[path.relative_to(mapped).as_posix()]
    )


def test_a_changed_byte_that_hides_its_time_is_found_by_verify_fully(mapped, tiny_logs):
    path = next((mapped / "map_elements").rglob("*.parquet"))
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not plan_of(tiny_settings(mapped, tiny_logs)).has_work
    plan = plan_of(tiny_settings(mapped, tiny_logs, "engine.verify_fully=true"))
    assert [task.reasons[0].split(":")[0] for task in plan.of("fusion", Action.RUN)] == ["output missing or damaged"]


def test_a_new_drive_rebuilds_only_what_it_touches(tiny_logs, tmp_path, one_thread):
    workspace = tmp_path / "grown"
    first = [log for log in sorted(tiny_logs.glob("*.mcap")) if APART not in log.name]
    run_region(tiny_settings(workspace, first), InlineRunner())
    before = products(workspace)
    plan = plan_of(tiny_settings(workspace, tiny_logs))
    assert [task.reasons for task in plan.of("ingest", Action.RUN)] == [("new log",)]
    assert not plan.of("rasterization", Action.RUN)
    report = run_region(tiny_settings(workspace, tiny_logs), InlineRunner())
    tried = attempts(workspace, report["run_id"])
    assert tried["localization"] == tried["rasterization"] == tried["vectorization"] == {APART}
    assert tried["fusion"] <= near(tiles_of(workspace, APART))
    assert products(workspace).items() >= {k: v for k, v in before.items() if "settled" not in k}.items()
    catalog = Catalog.of(str(workspace), None)
    assert set(catalog.tiles_touched([APART])) == tiles_of(workspace, APART)


def test_a_changed_code_or_weight_is_named(mapped, tiny_logs):
    ledger = ledger_of(mapped)
    tile = next(iter(task.item for task in plan_of(tiny_settings(mapped, tiny_logs)).of("fusion")))
    stamp = ledger.stamp("fusion", tile)
    path = ledger.workspace.stamp("fusion", tile)
    path.write_text(path.read_text().replace(stamp.parts["code of fusion"], "0" * 64))
    (task,) = plan_of(tiny_settings(mapped, tiny_logs)).of("fusion", Action.RUN)
    assert (task.item, task.reasons) == (tile, ("code of fusion changed",))


def test_other_weights_perceive_again_but_rasterise_nothing(mapped, tiny_logs, tmp_path):
    from mapforge.models.shipped import BEV_SEGMENTER, weights_path

    other = tmp_path / "other.safetensors"
    content = bytearray(weights_path(None, BEV_SEGMENTER).read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    plan = plan_of(tiny_settings(mapped, tiny_logs, f"models.bev={other}"))
    due = {task.stage for task in plan.tasks if task.action is Action.RUN}
    assert due == {"perception", "vectorization", "fusion", "lane_graph", "tiles"}
    reasons = {task.reasons for task in plan.of("vectorization", Action.RUN)}
    assert reasons == {("the observations changed",)}


def test_a_tile_that_lost_its_verdict_is_judged_again_without_building(mapped, tiny_logs):
    catalog = Catalog.of(str(mapped), None)
    tile = catalog.tiles()[0].tile
    catalog.set_tile(tile, "built")
    plan = plan_of(tiny_settings(mapped, tiny_logs))
    assert {task.stage for task in plan.tasks if task.action is Action.RUN} == {"validation"}
    report = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    assert attempts(mapped, report["run_id"]) == {}
    assert catalog.tile(tile).state in ("valid", "rejected")
    assert catalog.tile(tile).lease_owner is None


def test_a_plan_before_the_first_run_says_what_is_known(tiny_logs, tmp_path):
    plan = plan_of(tiny_settings(tmp_path / "none yet", tiny_logs))
    assert plan.counts() == {"ingest": {"run": 3}, "localization": {"depends": 3}}
    assert not (tmp_path / "none yet" / "drives").exists()


def ledger_of(workspace):
    from mapforge.io.workspace import Workspace

    return Ledger(Workspace(workspace))
