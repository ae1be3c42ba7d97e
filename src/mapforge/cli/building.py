"""Commands that make maps: demo, simulate, ingest, run, retry."""

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


def run(words: list[str], json_output: bool) -> int:
    settings = compose_settings(words)
    with StageProgress(quiet=json_output) as progress:
        report = _run(settings, progress)
    return present(report, json_output)


def retry(words: list[str], json_output: bool) -> int:
    """Settings are those of the run that touched the tiles last; overrides change them."""
    options, overrides = split_options(words, {"run": "", "tile": "", "state": ""})
    if not any(options.values()):
        raise ConfigurationError("retry what? run=ID, tile=EPSG/column/row or state=failed")
    reports = []
    for run_id, tiles in _tiles_to_retry(options, compose_settings(overrides)).items():
        with closing(_catalog(compose_settings(overrides))) as catalog:
            settings = with_overrides(settings_from_dict(json.loads(catalog.run(run_id).settings_json)), overrides)
        with StageProgress(quiet=json_output) as progress:
            reports.append(_run(settings, progress, tiles))
    if json_output:
        print_json({"runs": reports})
        return OK if all(is_whole(report) for report in reports) else INCOMPLETE
    if not reports:
        say("nothing to retry: no tile is in that state")
    return max((present(report, False) for report in reports), default=OK)


def _tiles_to_retry(options: dict[str, str], settings: Settings) -> dict[str, set[TileId]]:
    """The tiles asked for, by the run that touched them last."""
    with closing(_catalog(settings)) as catalog:
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
    return by_run


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
