"""`mapforge release ...` and its help; what the commands do is in `releasing`, imported when called."""

from __future__ import annotations

import typer

from mapforge.cli.ending import Json, Overrides, finish

release_app = typer.Typer(
    name="release", help="What consumers read: publish, compare, go back, prune, export.", no_args_is_help=True
)


@release_app.command()
def publish(overrides: Overrides = None, json_output: Json = False) -> None:
    """Make a release of all valid tiles and switch to it; others keep the build of the release before.

    name=NAME (default: the newest run's id) run=ID releases.stac=true releases.pmtiles=true; workspace=FOLDER
    """
    from mapforge.cli import releasing

    finish(lambda: releasing.publish(overrides or [], json_output), json_output)


@release_app.command("list")
def list_releases(overrides: Overrides = None, json_output: Json = False) -> None:
    """All releases, oldest first, and which is current; workspace=FOLDER."""
    from mapforge.cli import releasing

    finish(lambda: releasing.list_releases(overrides or [], json_output), json_output)


@release_app.command()
def show(overrides: Overrides = None, json_output: Json = False) -> None:
    """A release: its tiles, what was carried over and why. Checks every file.

    name=current; workspace=FOLDER
    """
    from mapforge.cli import releasing

    finish(lambda: releasing.show(overrides or [], json_output), json_output)


@release_app.command()
def diff(overrides: Overrides = None, json_output: Json = False) -> None:
    """What was added, removed, moved and changed between two releases: GeoJSON, a picture, a summary.

    old=NAME (default: the one before) new=current moved_m=0.1 out=FOLDER; workspace=FOLDER
    """
    from mapforge.cli import releasing

    finish(lambda: releasing.diff(overrides or [], json_output), json_output)


@release_app.command()
def rollback(overrides: Overrides = None, json_output: Json = False) -> None:
    """Make an earlier release current again, after checking every file of it.

    name=NAME (default: the one before the current one); workspace=FOLDER
    """
    from mapforge.cli import releasing

    finish(lambda: releasing.rollback(overrides or [], json_output), json_output)


@release_app.command()
def prune(overrides: Overrides = None, json_output: Json = False) -> None:
    """Remove old releases, and tile files that nothing refers to any more.

    keep=30 keep_days=DAYS; workspace=FOLDER
    """
    from mapforge.cli import releasing

    finish(lambda: releasing.prune(overrides or [], json_output), json_output)


@release_app.command()
def export(overrides: Overrides = None, json_output: Json = False) -> None:
    """A release as a STAC catalogue or PMTiles.

    name=current to=[stac,pmtiles] out=FOLDER; workspace=FOLDER
    """
    from mapforge.cli import releasing

    finish(lambda: releasing.export(overrides or [], json_output), json_output)
