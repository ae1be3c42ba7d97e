"""The commands and their help; what they do is in the modules beside this one, imported when called."""

from __future__ import annotations

from typing import Annotated

import typer

from mapforge.cli.ending import COULD_NOT_RUN, INCOMPLETE, OK, USAGE, Json, Overrides, Plan, finish
from mapforge.cli.release import release_app

__all__ = ["COULD_NOT_RUN", "INCOMPLETE", "OK", "USAGE", "app", "main"]

app = typer.Typer(
    name="mapforge",
    help="Drive logs in, georeferenced and validated HD-map tiles out. Settings are key=value; "
    "`mapforge settings` lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(release_app)


@app.command()
def demo(overrides: Overrides = None, json_output: Json = False) -> None:
    """Simulate a small town, map it, validate it, write the report, print where.

    out=FOLDER (default data/demo) drives=5 seed=7
    """
    from mapforge.cli import building

    finish(lambda: building.demo(overrides or [], json_output), json_output)


@app.command()
def simulate(overrides: Overrides = None, json_output: Json = False) -> None:
    """Drive logs (MCAP) and their truth.

    out=FOLDER world=town|AV2 map|nuScenes GeoJSON|Lanelet2 OSM drives=5 duration_s=40 seed=7
    """
    from mapforge.cli import building

    finish(lambda: building.simulate(overrides or [], json_output), json_output)


@app.command()
def ingest(overrides: Overrides = None, json_output: Json = False) -> None:
    """One log or a folder of logs into the drive store.

    source=PATH format=auto|mcap|av2|kitti workspace=FOLDER city=PIT
    """
    from mapforge.cli import building

    finish(lambda: building.ingest(overrides or [], json_output), json_output)


@app.command()
def run(overrides: Overrides = None, json_output: Json = False, plan: Plan = False) -> None:
    """The whole pipeline for one region.

    region=NAME (conf/region/NAME.yaml or a YAML file) or region.logs=[A,B] region.reference=PATH; workspace=FOLDER
    """
    from mapforge.cli import building

    finish(lambda: building.run(overrides or [], json_output, plan), json_output)


@app.command()
def retry(overrides: Overrides = None, json_output: Json = False) -> None:
    """Re-run exactly the named tiles, reusing all that is valid; what was parked gets another chance.

    run=ID, tile=32617/5864/44752, drive=NAME or state=failed|rejected|parked; workspace=FOLDER
    """
    from mapforge.cli import building

    finish(lambda: building.retry(overrides or [], json_output), json_output)


@app.command()
def withdraw(overrides: Overrides = None, json_output: Json = False) -> None:
    """Take a drive out: its data goes, what it touched is built without it, its log is not taken in again.

    drive=NAME reason=TEXT rebuild=true|false undo=true (its log may come in again); workspace=FOLDER
    """
    from mapforge.cli import building

    finish(lambda: building.withdraw(overrides or [], json_output), json_output)


@app.command()
def collect(overrides: Overrides = None, json_output: Json = False, plan: Plan = False) -> None:
    """Remove what nothing needs, oldest first, until the workspace fits its budget; or camera frames that were used.

    engine.storage_budget_gb=50 or frames=true; workspace=FOLDER
    """
    from mapforge.cli import upkeep

    finish(lambda: upkeep.collect(overrides or [], json_output, plan), json_output)


@app.command()
def bundle(overrides: Overrides = None, json_output: Json = False) -> None:
    """A failed tile's inputs, settings, error and the command that reproduces it, in one zip.

    tile=32617/5864/44752 out=tile.zip raw=false; workspace=FOLDER
    """
    from mapforge.cli import upkeep

    finish(lambda: upkeep.bundle(overrides or [], json_output), json_output)


@app.command()
def reproduce(overrides: Overrides = None, json_output: Json = False) -> None:
    """Run the job of an unpacked bundle again.

    bundle=FOLDER
    """
    from mapforge.cli import upkeep

    finish(lambda: upkeep.reproduce(overrides or [], json_output), json_output)


@app.command()
def nightly(overrides: Overrides = None, json_output: Json = False) -> None:
    """One night: take in new logs, build what they touched, publish it if the gates pass, say what happened.

    nightly.inbox=[FOLDERS] nightly.publish=gated|always|never; workspace=FOLDER
    """
    from mapforge.cli import nights

    finish(lambda: nights.nightly(overrides or [], json_output), json_output)


@app.command()
def status(
    overrides: Overrides = None,
    json_output: Json = False,
    trend: Annotated[bool, typer.Option("--trend", help="Cost, tiles and quality of the last runs.")] = False,
) -> None:
    """Runs, drives and tiles: states and errors; of one tile: its history.

    region=NAME run=ID state=failed stage=fusion drive=ID limit=50, or tile=32617/5864/44752; workspace=FOLDER
    """
    from mapforge.cli.status import status as show
    from mapforge.cli.trend import trend as show_trend

    finish(lambda: (show_trend if trend else show)(overrides or [], json_output), json_output)


@app.command()
def validate(overrides: Overrides = None, json_output: Json = False) -> None:
    """Score any tiles against any reference map.

    tiles=PATH reference=PATH (GeoParquet, GeoJSON or AV2 map JSON)
    """
    from mapforge.cli import maps

    finish(lambda: maps.validate(overrides or [], json_output), json_output)


@app.command()
def export(overrides: Overrides = None, json_output: Json = False) -> None:
    """Tiles in other formats.

    tiles=PATH (or workspace=FOLDER for its current tiles) to=[geojson] out=FOLDER
    """
    from mapforge.cli import maps

    finish(lambda: maps.export(overrides or [], json_output), json_output)


@app.command()
def train(overrides: Overrides = None, json_output: Json = False) -> None:
    """Train a model on simulated data, resuming where it stopped.

    model=bev|signs|privacy out=FOLDER
    """
    from mapforge.cli import learning

    finish(lambda: learning.train(overrides or [], json_output), json_output)


@app.command()
def evaluate(overrides: Overrides = None, json_output: Json = False) -> None:
    """Score models on held-out simulated worlds; new weights are refused when a class falls by more than noise.

    out=FOLDER weights=NEW.safetensors against=OLD.safetensors replace=true card=true
    """
    from mapforge.cli import evaluating

    finish(lambda: evaluating.evaluate(overrides or [], json_output), json_output)


@app.command("export-model")
def export_model(overrides: Overrides = None, json_output: Json = False) -> None:
    """A network for other runtimes (ONNX, torch.export), checked against the original.

    model=bev|signs to=[onnx,pt2] out=FOLDER
    """
    from mapforge.cli import learning

    finish(lambda: learning.export_model(overrides or [], json_output), json_output)


@app.command()
def view(overrides: Overrides = None, json_output: Json = False) -> None:
    """The report page on localhost.

    run=latest port=8000; workspace=FOLDER
    """
    from mapforge.cli import inspecting

    finish(lambda: inspecting.view(overrides or [], json_output), json_output)


@app.command()
def doctor(overrides: Overrides = None, json_output: Json = False) -> None:
    """Check the machine: libraries, GPU, Prefect server, disk, write access."""
    from mapforge.cli import inspecting

    finish(lambda: inspecting.doctor(overrides or [], json_output), json_output)


@app.command()
def settings(overrides: Overrides = None, json_output: Json = False) -> None:
    """All settings with their values, after overrides."""
    from mapforge.cli import inspecting

    finish(lambda: inspecting.settings(overrides or [], json_output), json_output)


def main() -> None:
    """Entry point of the `mapforge` command."""
    app()
