"""The commands and their help; what they do is in the modules beside this one, imported when called."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from mapforge.errors import ConfigurationError, LogError, MapForgeError, NoUsableDriveError, UnknownRunError

OK, INCOMPLETE, USAGE, COULD_NOT_RUN = 0, 1, 2, 3

app = typer.Typer(
    name="mapforge",
    help="Drive logs in, georeferenced and validated HD-map tiles out. Settings are key=value; "
    "`mapforge settings` lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command()
def demo(overrides: Overrides = None, json_output: Json = False) -> None:
    """Simulate a small town, map it, validate it, write the report, print where.

    out=FOLDER (default data/demo) drives=5 seed=7
    """
    from mapforge.cli import building

    _finish(lambda: building.demo(overrides or [], json_output), json_output)


@app.command()
def simulate(overrides: Overrides = None, json_output: Json = False) -> None:
    """Drive logs (MCAP) and their truth.

    out=FOLDER world=town|AV2 map|nuScenes GeoJSON drives=5 duration_s=40 seed=7
    """
    from mapforge.cli import building

    _finish(lambda: building.simulate(overrides or [], json_output), json_output)


@app.command()
def ingest(overrides: Overrides = None, json_output: Json = False) -> None:
    """One log or a folder of logs into the drive store.

    source=PATH format=auto|mcap|av2|kitti workspace=FOLDER city=PIT
    """
    from mapforge.cli import building

    _finish(lambda: building.ingest(overrides or [], json_output), json_output)


@app.command()
def run(overrides: Overrides = None, json_output: Json = False) -> None:
    """The whole pipeline for one region.

    region=NAME (conf/region/NAME.yaml or a YAML file) or region.logs=[A,B] region.reference=PATH; workspace=FOLDER
    """
    from mapforge.cli import building

    _finish(lambda: building.run(overrides or [], json_output), json_output)


@app.command()
def retry(overrides: Overrides = None, json_output: Json = False) -> None:
    """Re-run exactly the named tiles, reusing all that is valid.

    run=ID, tile=32617/5864/44752 or state=failed|rejected; workspace=FOLDER
    """
    from mapforge.cli import building

    _finish(lambda: building.retry(overrides or [], json_output), json_output)


@app.command()
def nightly(overrides: Overrides = None, json_output: Json = False) -> None:
    """One night: take in new logs, build what they touched, publish it if the gates pass, say what happened.

    nightly.inbox=[FOLDERS] nightly.publish=gated|always|never; workspace=FOLDER
    """
    from mapforge.cli import nights

    _finish(lambda: nights.nightly(overrides or [], json_output), json_output)


@app.command()
def status(overrides: Overrides = None, json_output: Json = False) -> None:
    """Runs, drives and tiles: states and errors.

    region=NAME run=ID state=failed; workspace=FOLDER
    """
    from mapforge.cli import inspecting

    _finish(lambda: inspecting.status(overrides or [], json_output), json_output)


@app.command()
def validate(overrides: Overrides = None, json_output: Json = False) -> None:
    """Score any tiles against any reference map.

    tiles=PATH reference=PATH (GeoParquet, GeoJSON or AV2 map JSON)
    """
    from mapforge.cli import maps

    _finish(lambda: maps.validate(overrides or [], json_output), json_output)


@app.command()
def export(overrides: Overrides = None, json_output: Json = False) -> None:
    """Tiles in other formats.

    tiles=PATH (or workspace=FOLDER for its current tiles) to=[geojson] out=FOLDER
    """
    from mapforge.cli import maps

    _finish(lambda: maps.export(overrides or [], json_output), json_output)


@app.command()
def train(overrides: Overrides = None, json_output: Json = False) -> None:
    """Train a model on simulated data, resuming where it stopped.

    model=bev|signs out=FOLDER
    """
    from mapforge.cli import learning

    _finish(lambda: learning.train(overrides or [], json_output), json_output)


@app.command("export-model")
def export_model(overrides: Overrides = None, json_output: Json = False) -> None:
    """A network for other runtimes (ONNX, torch.export), checked against the original.

    model=bev|signs to=[onnx,pt2] out=FOLDER
    """
    from mapforge.cli import learning

    _finish(lambda: learning.export_model(overrides or [], json_output), json_output)


@app.command()
def view(overrides: Overrides = None, json_output: Json = False) -> None:
    """The report page on localhost.

    run=latest port=8000; workspace=FOLDER
    """
    from mapforge.cli import inspecting

    _finish(lambda: inspecting.view(overrides or [], json_output), json_output)


@app.command()
def doctor(overrides: Overrides = None, json_output: Json = False) -> None:
    """Check the machine: libraries, GPU, Prefect server, disk, write access."""
    from mapforge.cli import inspecting

    _finish(lambda: inspecting.doctor(overrides or [], json_output), json_output)


@app.command()
def settings(overrides: Overrides = None, json_output: Json = False) -> None:
    """All settings with their values, after overrides."""
    from mapforge.cli import inspecting

    _finish(lambda: inspecting.settings(overrides or [], json_output), json_output)


def main() -> None:
    """Entry point of the `mapforge` command."""
    app()


def _finish(command: Callable[[], int], json_output: bool) -> None:
    """Turns what a command returns or raises into an exit code and, on errors, one clear message."""
    try:
        code = command()
    except (ConfigurationError, UnknownRunError) as error:
        code = _explain(error, USAGE, json_output)
    except (NoUsableDriveError, LogError, MapForgeError) as error:
        code = _explain(error, COULD_NOT_RUN, json_output)
    except OSError as error:
        code = _explain(error, COULD_NOT_RUN, json_output)
    except KeyboardInterrupt:
        code = _explain(KeyboardInterrupt("stopped; what is finished is kept, the same command goes on"), 130, False)
    raise typer.Exit(code)


def _explain(error: BaseException, code: int, json_output: bool) -> int:
    if json_output:
        document: dict[str, Any] = {"error": {"type": type(error).__name__, "message": str(error)}, "exit_code": code}
        typer.echo(json.dumps(document))
    print(f"mapforge: {error}", file=sys.stderr)  # noqa: T201
    return code
