"""What it costs to find nothing new, and to fuse one tile again: on a large synthetic workspace, and on a real one.

    python benchmarks/operations.py [--tiles 1000] [--drives 40] [--out data/operations]

Real: the tiny region of benchmarks/chaos.py, mapped, then mapped again with nothing new, then with another fusion
setting for one tile, in this process and by the command; each as a share of the CPU time of the full run. Synthetic: a
workspace of that many finished tiles (products of a few bytes, stamps and catalog as a run leaves them), planned here
and by the command; its share is that of a full run at the real region's cost a tile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from chaos import TINY, simulate_logs, tiny_settings
from mapforge.catalog import Catalog, TileUpdate
from mapforge.catalog.tables import TileState
from mapforge.config import Settings, compose_settings
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace
from mapforge.pipeline.planner import plan_region, plan_with_facts, verdict_item, verdict_standing
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.pipeline.tile_tasks import tile_plan
from mapforge.schemas.drive import DriveManifest

MAPFORGE = Path(sys.executable).with_name("mapforge")
TILES_A_DRIVE = 60
FRAME = MapFrame.at(8.4, 49.0)


def synthetic_workspace(root: Path, tiles: int, drives: int) -> Settings:
    """Every stage stamped as finished, through the planner's own recipes."""
    settings = compose_settings(["region.name=synthetic"])
    settings.workspace = str(root)
    workspace = Workspace(root)
    root.mkdir(parents=True)
    workspace.write_frame(FRAME)
    first = TileId.at(FRAME, 0.0, 0.0)
    side = round(tiles**0.5 + 0.5)
    grid = [TileId(first.epsg, first.column + k % side, first.row + k // side) for k in range(tiles)]
    for number in range(drives):
        _write_manifest(workspace, number)
    with closing(Catalog.of(str(root), None)) as catalog:
        facts = RegionFacts(settings, catalog, Recipes.of(settings))
        facts.read_manifests()
        facts.choose_region_drives([])
        for number, drive in enumerate(sorted(facts.manifests)):
            start = number * max(1, (tiles - TILES_A_DRIVE) // max(drives - 1, 1))
            _finish_drive(facts, drive, grid[start : start + TILES_A_DRIVE])
        _finish_tiles(facts, catalog)
    return settings


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _write_manifest(workspace: Workspace, number: int) -> None:
    manifest = DriveManifest(f"drive_{number:05d}", "mcap", f"{number:064d}", number, number + 1, (), ())
    _file(workspace.drive(manifest.drive_id) / "manifest.json", manifest.to_json())


def _finish_drive(facts: RegionFacts, drive: str, tiles: list[TileId]) -> None:
    workspace, ledger = facts.workspace, facts.ledger
    facts.catalog.record_drive(facts.manifests[drive])
    own = facts.look_at(drive)
    ledger.write("localization", drive, own.localization.recipe, [])
    notes = {"path": drive, "tiles": [str(tile) for tile in tiles]}
    ledger.write("alignment", drive, own.alignment.recipe, [_file(workspace.trajectory(drive), drive)], notes)
    own = facts.look_at(drive)
    assert own.rasters is not None and own.detections is not None
    rasters = [_file(workspace.raster(tile, drive), drive) for tile in tiles]
    ledger.write("rasterization", drive, own.rasters.recipe, rasters)
    ledger.write("detection", drive, own.detections.recipe, [_file(workspace.detections(drive), drive)])
    own = facts.look_at(drive)
    assert own.elements is not None
    ledger.write("vectorization", drive, own.elements.recipe, [_file(workspace.drive_elements(drive), drive)])
    facts.look_at(drive)


def _finish_tiles(facts: RegionFacts, catalog: Catalog) -> None:
    """Stage after stage, until a plan of the tiles finds nothing due."""
    workspace, ledger, wanted = facts.workspace, facts.ledger, facts.wanted_tiles()
    catalog.start_run("made", "synthetic", {})
    catalog.claim(map(str, wanted), "made")
    while due := [task for task in _tile_tasks(facts, wanted) if task.action == "run"]:
        stage = due[0].stage
        for task in due:
            if task.stage == stage and task.tile is not None and task.recipe is not None:
                tile = task.tile
                outputs = {
                    "fusion": [workspace.map_elements(tile)],
                    "lane_graph": [workspace.root / "lane_graph" / f"{tile}.parquet"],
                    "tiles": [workspace.tile(tile, "0123456789ab"), workspace.tile_names(tile)],
                }[stage]
                ledger.write(stage, str(tile), task.recipe, [_file(path, str(tile)) for path in outputs])
    builds = dict.fromkeys(wanted, "0123456789ab")
    updates = [TileUpdate(str(tile), TileState.VALID, build=build) for tile, build in builds.items()]
    catalog.set_tiles([replace(update, recipe=facts.recipes.build) for update in updates])
    catalog.end_run("made", "done")
    report = {
        "run_id": "made",
        "tiles": [],
        "drives": [],
        "metrics": {},
        "notes": [],
        "throughput": {"drive_km": 0, "total_s": 1},
        "peak_memory_mb": 0.0,
    }
    folder = workspace.report("made")
    files = [_file(folder / "report.json", json.dumps(report)), _file(folder / "report.html", "<html>")]
    verdict = verdict_standing(facts, builds)
    ledger.write("validation", verdict_item(facts), verdict.recipe, files, {"run_id": "made"})


def _tile_tasks(facts: RegionFacts, wanted: list[TileId]) -> list:
    plan = tile_plan(facts, wanted)
    return [*plan.fusion, *getattr(plan, "lanes", []), *plan.cutting]


class Took(NamedTuple):
    """Wall and CPU seconds (of child processes too): on a busy machine the two differ."""

    wall_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.wall_s:.2f} s ({self.cpu_s:.2f} s of CPU)"


def timed(work: Callable[[], Any]) -> tuple[Took, Any]:
    started, before = time.perf_counter(), os.times()
    result = work()
    after = os.times()
    return Took(time.perf_counter() - started, sum(after[:4]) - sum(before[:4])), result


def measure_synthetic(out: Path, tiles: int, drives: int, tile_cpu_s: float | None) -> None:
    """tile_cpu_s: CPU time of a full run a tile, where it was measured."""
    root = out / f"synthetic-{tiles}-{drives}"
    shutil.rmtree(root, ignore_errors=True)
    made, settings = timed(lambda: synthetic_workspace(root, tiles, drives))
    with closing(Catalog.of(settings.workspace, None)) as catalog:
        planned, plan = timed(lambda: plan_region(settings, catalog))
        facts = RegionFacts(settings, catalog, Recipes.of(settings))
        once_more, _ = timed(lambda: plan_with_facts(facts))
    counted = plan.counts()
    assert not plan.has_work, counted
    count = counted["fusion"]["reuse"]
    flow, report = timed(lambda: run_region(settings, InlineRunner()))
    assert report["unchanged_since"] == "made"
    command = by_command("run", "region.name=synthetic", f"workspace={root}")
    full_s = None if tile_cpu_s is None else tile_cpu_s * count
    print(f"{count} tiles, {drives} drives, nothing new (workspace made in {made.wall_s:.1f} s)")
    print(f"  planning {planned}, once more {once_more}")
    print(f"  inside a running flow, report included: {flow}{share(flow, full_s)}")
    print(f"  on the command line, all included: {command}{share(command, full_s)}")


def by_command(*words: str) -> Took:
    """What a `mapforge` command takes, from its start to its end."""
    line = [str(MAPFORGE), *words, "--json"]
    took, done = timed(lambda: subprocess.run(line, capture_output=True, text=True, check=False))
    assert done.returncode in (0, 1), done.stderr
    return took


def share(took: Took, full_cpu_s: float | None) -> str:
    return "" if full_cpu_s is None else f" = {took.cpu_s / full_cpu_s:.2%} of the full run's CPU ({full_cpu_s:.0f} s)"


def measure_real(out: Path) -> float:
    """Returns the CPU time of the full run a tile."""
    logs = simulate_logs(out / "simulated")
    workspace = out / "real"
    shutil.rmtree(workspace, ignore_errors=True)
    settings = tiny_settings(logs, workspace)
    full, report = timed(lambda: run_region(settings, InlineRunner()))
    stages_s = sum(report["timing_s"].values())
    unchanged, again = timed(lambda: run_region(settings, InlineRunner()))
    assert again["unchanged_since"] == report["run_id"]
    noop = by_command("run", f"workspace={workspace}", f"region.logs=[{logs}]", *TINY["mapping"])
    settings.fusion.min_confidence += 0.01
    tile = TileId.parse(report["tiles"][0]["tile"])
    retry, retried = timed(lambda: run_region(settings, InlineRunner(), None, {tile}))
    assert len(retried["tiles"]) == 1
    retried_by_command = by_command("retry", f"workspace={workspace}", f"tile={tile}", "fusion.min_confidence=0.47")
    print(f"real: {len(report['tiles'])} tiles, full run {full}, of which {stages_s:.1f} s in stages, the rest imports")
    print(f"  nothing new: {unchanged}{share(unchanged, full.cpu_s)}")
    print(f"  nothing new, on the command line, all included: {noop}{share(noop, full.cpu_s)}")
    print(f"  one tile, fusion changed: {retry}")
    print(f"  one tile, fusion changed, on the command line, all included: {retried_by_command}")
    return full.cpu_s / len(report["tiles"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiles", type=int, default=1000)
    parser.add_argument("--drives", type=int, default=40)
    parser.add_argument("--out", default="data/operations")
    parser.add_argument("--only", choices=("synthetic", "real"))
    arguments = parser.parse_args()
    out = Path(arguments.out).resolve()
    tile_cpu_s = measure_real(out) if arguments.only != "synthetic" else None
    if arguments.only != "real":
        measure_synthetic(out, arguments.tiles, arguments.drives, tile_cpu_s)


if __name__ == "__main__":
    main()
