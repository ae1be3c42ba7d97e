"""Commands that make maps: demo, simulate, ingest, run, retry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mapforge.cli.app import INCOMPLETE, OK
from mapforge.cli.options import required, split_options
from mapforge.cli.output import StageProgress, print_json, print_table, say
from mapforge.config import Settings, compose_settings, settings_from_dict
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
        summary = _run(settings, progress)
    return _present(summary, json_output)


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
    from mapforge.pipeline.run import ingest_logs

    with _runner(settings) as runner, StageProgress(quiet=json_output) as progress:
        drives = ingest_logs(settings, runner, progress, options["format"] or "auto")
    refused = [drive for drive in drives if drive["error"] is not None]
    if json_output:
        print_json({"drives": drives})
    else:
        rows = [[str(d[k] if d[k] is not None else "") for k in ("source", "drive_id", "quarantined", "error")] for d in drives]
        print_table("Ingested", ["log", "drive", "quarantined rows", "error"], rows)
    return INCOMPLETE if refused else OK


def run(words: list[str], json_output: bool) -> int:
    settings = compose_settings(words)
    with StageProgress(quiet=json_output) as progress:
        summary = _run(settings, progress)
    return _present(summary, json_output)


def retry(words: list[str], json_output: bool) -> int:
    """Settings are those of the run that touched the tiles last; overrides change them."""
    options, overrides = split_options(words, {"run": "", "tile": "", "state": ""})
    if not any(options.values()):
        raise ConfigurationError("retry what? run=ID, tile=EPSG/column/row or state=failed")
    from mapforge.pipeline.run import open_catalog

    catalog = open_catalog(compose_settings(overrides))
    if options["tile"]:
        tiles = [catalog.tile(str(TileId.parse(options["tile"])))]
    else:
        run_id = catalog.run(options["run"]).run_id if options["run"] else None
        tiles = catalog.tiles(state=options["state"] or "failed", run_id=run_id)
    if not tiles:
        say("nothing to retry: no tile is in that state")
        return OK
    run_ids = sorted({tile.run_id for tile in tiles if tile.run_id})
    code = OK
    for run_id in run_ids:
        settings = _with_overrides(settings_from_dict(catalog.run_settings(run_id)), overrides)
        only = {TileId.parse(tile.tile) for tile in tiles if tile.run_id == run_id}
        with StageProgress(quiet=json_output) as progress:
            summary = _run(settings, progress, only)
        code = max(code, _present(summary, json_output))
    return code


def _simulate(settings: Settings, out: Path, progress: StageProgress) -> list[Path]:
    from mapforge.simulation.stage import SimulationInputs
    from mapforge.simulation.stage import run as run_simulation

    raise NotImplementedError


def _run(settings: Settings, progress: StageProgress, only: set[TileId] | None = None) -> dict[str, Any]:
    from mapforge.pipeline.run import run_region

    with _runner(settings) as runner:
        return run_region(settings, runner, progress, only)


def _runner(settings: Settings) -> Any:
    from contextlib import closing

    from mapforge.pipeline.run import make_runner

    return closing(make_runner(settings.engine))


def _present(report: dict[str, Any], json_output: bool) -> int:
    """Prints what a run came to; 1 when a tile failed or was rejected or a drive was refused."""
    raise NotImplementedError
