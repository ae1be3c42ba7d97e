"""Commands that make maps: demo, simulate, ingest, run, retry, withdraw."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

from mapforge.catalog import Catalog
from mapforge.cli.app import INCOMPLETE, OK
from mapforge.cli.options import required, split_options
from mapforge.cli.output import StageProgress, print_json, print_table, say
from mapforge.cli.results import is_whole, present
from mapforge.config import Settings, compose_settings, settings_from_dict, with_overrides
from mapforge.errors import ConfigurationError
from mapforge.geometry.tiles import TileId
from mapforge.io.pandas_guard import keep_pandas_out

MOST_TASKS = 40
SIMULATION = {name: f"simulation.{name}" for name in ("world", "drives", "duration_s", "seed")}


def demo(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"out": "data/demo"}, SIMULATION)
    out = Path(options["out"]).expanduser().resolve()
    settings = compose_settings([*overrides, f"workspace={out / 'workspace'}"], name="demo")
    settings.region.logs = [str(out / "simulated" / "logs")]
    settings.region.reference = str(out / "simulated" / "truth" / "map.parquet")
    with StageProgress(quiet=json_output) as progress:
        _simulate(settings, out / "simulated", progress)
        report = _run(settings, progress)
    return present(report, json_output)


def simulate(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"out": "data/simulated"}, SIMULATION)
    out = Path(options["out"]).expanduser().resolve()
    with StageProgress(quiet=json_output) as progress:
        logs = _simulate(compose_settings(overrides), out, progress)
    document = {"logs": [str(log) for log in logs], "truth": str(out / "truth" / "map.parquet")}
    if json_output:
        print_json(document)
    else:
        say("\n".join([*document["logs"], f"truth: {document['truth']}"]))
    return OK


def ingest(words: list[str], json_output: bool) -> int:
    own = {"source": "", "format": ""}
    options, overrides = split_options(words, own, {"city": "region.city"})
    settings = compose_settings(overrides)
    settings.region.logs = [required(options, "source", "mapforge ingest source=logs/ workspace=data/workspace")]
    keep_pandas_out()
    from mapforge.pipeline.run import ingest_logs, make_runner

    with closing(make_runner(settings.engine)) as runner, StageProgress(quiet=json_output) as progress:
        drives = ingest_logs(settings, runner, progress, options["format"] or "auto")
    refused = [drive for drive in drives if drive["error"] is not None]
    if json_output:
        print_json({"drives": drives})
    else:
        columns = ("source", "drive_id", "quarantined", "error")
        rows = [[str(drive.get(name) or "") for name in columns] for drive in drives]
        print_table("Ingested", ["log", "drive", "quarantined rows", "error"], rows)
    return INCOMPLETE if refused else OK


def run(words: list[str], json_output: bool, plan_only: bool = False) -> int:
    settings = compose_settings(words)
    keep_pandas_out()
    if plan_only:
        return _print_plan(settings, json_output)
    with StageProgress(quiet=json_output) as progress:
        report = _run(settings, progress)
    return present(report, json_output)


def _print_plan(settings: Settings, json_output: bool) -> int:
    """What a run would do, and why; nothing is run."""
    from mapforge.pipeline.plan import Action
    from mapforge.pipeline.planner import plan_region

    with closing(_catalog(settings)) as catalog:
        plan = plan_region(settings, catalog)
    if json_output:
        print_json(plan.as_dict())
        return OK
    actions = [str(action) for action in Action]
    rows = [[stage, *(str(counts.get(action, "")) for action in actions)] for stage, counts in plan.counts().items()]
    print_table("Plan", ["stage", *actions], rows)
    told = [task for task in plan.tasks if task.action is not Action.REUSE]
    for task in told[:MOST_TASKS]:
        say(f"{task.action:<8} {task.stage} {task.item}: {'; '.join(task.reasons)}")
    if len(told) > MOST_TASKS:
        say(f"... and {len(told) - MOST_TASKS} more; --json lists them all")
    if not plan.has_work:
        say("nothing to do")
    return OK


def retry(words: list[str], json_output: bool) -> int:
    """Settings are those of the run that touched the tiles last; overrides change them."""
    from mapforge.pipeline.parking import unpark
    from mapforge.pipeline.staging import open_workspace

    keep_pandas_out()
    options, overrides = split_options(words, {"run": "", "tile": "", "state": "", "drive": ""})
    if not any(options.values()):
        raise ConfigurationError("retry what? run=ID, tile=EPSG/column/row, drive=NAME or state=failed|parked")
    settings = compose_settings(overrides)
    workspace = open_workspace(settings.workspace)
    with closing(_catalog(settings)) as catalog:
        by_run = _to_retry(options, catalog)
        tiles = [str(tile) for some in by_run.values() for tile in some or ()]
        unpark(workspace, catalog, tiles, [options["drive"]] if options["drive"] else [])
        stored = {run_id: json.loads(catalog.run(run_id).settings_json) for run_id in by_run}
    reports = []
    for run_id, only in by_run.items():
        with StageProgress(quiet=json_output) as progress:
            of_run = with_overrides(settings_from_dict(stored[run_id]), settings, overrides)
            reports.append(_run(of_run, progress, only))
    if json_output:
        print_json({"runs": reports})
        return OK if all(is_whole(report) for report in reports) else INCOMPLETE
    if not reports:
        say("nothing to retry: no tile is in that state")
    return max((present(report, False) for report in reports), default=OK)


def _to_retry(options: dict[str, str], catalog: Catalog) -> dict[str, set[TileId] | None]:
    """Run whose settings to use -> the tiles asked for; None = its whole region, of which what is done is reused."""
    if options["drive"]:
        touched = catalog.tiles_touched([options["drive"]])
        return {catalog.run("latest").run_id: {TileId.parse(tile) for tile in touched} or None}
    if options["tile"]:
        tiles = [catalog.tile(str(TileId.parse(options["tile"])))]
    else:
        run_id = catalog.run(options["run"]).run_id if options["run"] else None
        states = [options["state"]] if options["state"] else ["failed", "rejected", "pending"]
        tiles = [tile for state in states for tile in catalog.tiles(state=state, run_id=run_id)]
    by_run: dict[str, set[TileId]] = {}
    for tile in tiles:
        if tile.run_id is not None:
            by_run.setdefault(tile.run_id, set()).add(TileId.parse(tile.tile))
    return dict(by_run)


def withdraw(words: list[str], json_output: bool) -> int:
    """The drive's data goes at once; then what it touched is built without it, with the settings of the newest run."""
    from mapforge.pipeline import withdrawal
    from mapforge.pipeline.staging import open_workspace

    own = {"drive": "", "reason": "withdrawn by hand", "undo": "false", "rebuild": "true"}
    options, overrides = split_options(words, own)
    drive = required(options, "drive", "mapforge withdraw drive=monday_3 reason='wrong calibration'")
    settings = compose_settings(overrides)
    workspace = open_workspace(settings.workspace)
    report = None
    with closing(_catalog(settings)) as catalog:
        if _is_true(options, "undo"):
            logs = withdrawal.readmit(workspace, catalog, drive)
            print_json({"drive": drive, "logs": logs}) if json_output else say(
                f"{drive}: {logs} log may be taken in again" if logs else f"{drive} was not withdrawn"
            )
            return OK
        done = withdrawal.withdraw(workspace, catalog, drive, options["reason"])
        runs = catalog.runs(limit=1)
    if done.rebuild and runs and _is_true(options, "rebuild"):
        rebuilding = with_overrides(settings_from_dict(json.loads(runs[0].settings_json)), settings, overrides)
        rebuilding.region.logs = []
        with StageProgress(quiet=json_output) as progress:
            report = _run(rebuilding, progress, set(done.rebuild))
    document = {
        "drive": drive,
        "rebuilt": [str(tile) for tile in done.rebuild],
        "gone": [str(tile) for tile in done.gone],
        "files_removed": done.removed,
        "bytes_freed": done.freed_bytes,
        "run": report,
    }
    if json_output:
        print_json(document)
    else:
        say(f"{drive}: {done.removed} files ({done.freed_bytes / 1e6:.1f} MB) removed, its log is not taken in again")
        say(f"{len(done.rebuild)} tiles built without it, {len(done.gone)} tiles nobody else saw are gone")
    return OK if report is None or is_whole(report) else INCOMPLETE


def _is_true(options: dict[str, str], name: str) -> bool:
    if options[name] not in ("true", "false"):
        raise ConfigurationError(f"{name}={options[name]}: write {name}=true or {name}=false")
    return options[name] == "true"


def _catalog(settings: Settings) -> Catalog:
    return Catalog.of(settings.workspace, settings.catalog_url)


def _simulate(settings: Settings, out: Path, progress: StageProgress) -> list[Path]:
    from mapforge.simulation.stage import SimulationInputs
    from mapforge.simulation.stage import run as run_simulation

    workers = settings.engine.workers or os.cpu_count() or 1

    def report(done: int, total: int, _drive: str) -> None:
        progress.report("simulation", done, total)

    return list(run_simulation(SimulationInputs(out, workers), settings.simulation, report).logs)


def _run(settings: Settings, progress: StageProgress, only: set[TileId] | None = None) -> dict[str, Any]:
    from mapforge.pipeline.run import make_runner, run_region

    with closing(make_runner(settings.engine)) as runner:
        return run_region(settings, runner, progress, only)
