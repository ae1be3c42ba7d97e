"""Commands on releases: publish, list, show, diff, rollback, prune, export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.catalog.releases import ReleaseRecords
from mapforge.cli.ending import INCOMPLETE, OK
from mapforge.cli.options import split_options
from mapforge.cli.output import print_json, print_table, say
from mapforge.config import Settings, compose_settings, split_list
from mapforge.errors import ConfigurationError, ReleaseError
from mapforge.io.workspace import Workspace
from mapforge.pipeline.staging import open_workspace
from mapforge.releases import publish as publishing
from mapforge.releases.manifest import POINTER, ReleaseManifest, current_release, read_release, release_names

FORMATS = ("stac", "pmtiles")
MOST_SHOWN = 10


def publish(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"name": "", "run": "latest"})
    with _opened(overrides) as (settings, workspace, catalog):
        current = current_release(workspace)
        gone = set(current.builds) - set(catalog.tile_names()) if current is not None else set()
        manifest = publishing.publish(
            workspace,
            catalog,
            catalog.current_builds(),
            catalog.run(options["run"]).run_id,
            options["name"] or None,
            removed=gone,
            config=settings.releases,
        )
    return _present(manifest, "published", workspace, json_output)


def list_releases(words: list[str], json_output: bool) -> int:
    _, overrides = split_options(words, {})
    with _opened(overrides) as (_, workspace, catalog):
        times = {release.name: release.created_ns for release in ReleaseRecords(catalog).all()}
        current = current_release(workspace)
        releases = [
            {
                "name": name,
                "run_id": manifest.run_id,
                "published": _time(times.get(name)),
                "tiles": len(manifest.tiles),
                "carried_over": len(manifest.carried_over),
                "previous": manifest.previous,
                "current": current is not None and name == current.name,
            }
            for name in release_names(workspace)
            for manifest in [read_release(workspace, name)]
        ]
    if json_output:
        print_json({"releases": releases})
    else:
        rows = [[str(value if value is not None else "") for value in release.values()] for release in releases]
        print_table("Releases", ["release", "run", "published", "tiles", "carried over", "before", "current"], rows)
    return OK


def show(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"name": POINTER})
    with _opened(overrides) as (_, workspace, catalog):
        manifest = publishing.verified_release(workspace, catalog, options["name"])
    if json_output:
        print_json(manifest.as_dict())
        return OK
    rows = [
        [tile.tile, tile.build, str(sum(tile.counts.values())), tile.released, tile.state, tile.reason or ""]
        for tile in manifest.tiles
    ]
    print_table(f"Release {manifest.name}", ["tile", "build", "pieces", "since", "state", "why"], rows)
    _present(manifest, "whole", workspace, False)
    return OK


def diff(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"old": "", "new": POINTER, "out": ""}, {"moved_m": "releases.moved_m"})
    with _opened(overrides) as (settings, workspace, _):
        new = read_release(workspace, options["new"])
        old = options["old"] or new.previous
        if old is None:
            raise ReleaseError(f"release {new.name} is the first; compare with which? old=NAME")
        from mapforge.releases.difference import difference
        from mapforge.releases.difference_files import as_text, write_difference

        found = difference(workspace, old, new, settings.releases.moved_m)
        folder = Path(options["out"]).expanduser() if options["out"] else workspace.report(f"{found.old}--{found.new}")
        files = write_difference(found, folder, settings.releases.picture_px_per_m)
    if json_output:
        print_json({**found.as_dict(), "files": [str(path) for path in files]})
    else:
        say(as_text(found) + "\n".join(map(str, files)))
    return OK


def rollback(words: list[str], json_output: bool) -> int:
    options, overrides = split_options(words, {"name": ""})
    with _opened(overrides) as (_, workspace, catalog):
        manifest = publishing.rollback(workspace, catalog, options["name"] or None)
    _present(manifest, "current again", workspace, json_output)
    return OK


def prune(words: list[str], json_output: bool) -> int:
    short = {"keep": "releases.keep", "keep_days": "releases.keep_days"}
    _, overrides = split_options(words, {}, short)
    from mapforge.releases.retention import prune as remove_old

    with _opened(overrides) as (settings, workspace, catalog):
        pruned = remove_old(workspace, catalog, settings.releases.keep, settings.releases.keep_days)
    if json_output:
        print_json(
            {
                "releases": list(pruned.releases),
                "builds": list(pruned.builds),
                "freed_bytes": pruned.freed_bytes,
                "note": pruned.note,
            }
        )
    else:
        say(f"removed {len(pruned.releases)} releases and {len(pruned.builds)} tile files")
        say(f"freed {pruned.freed_bytes / 1e6:.1f} MB{'; ' + pruned.note if pruned.note else ''}")
    return OK


def export(words: list[str], json_output: bool) -> int:
    own = {"name": POINTER, "to": "[stac,pmtiles]", "out": "data/export"}
    options, overrides = split_options(words, own)
    formats = split_list(options["to"])
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ConfigurationError(f"to={options['to']}: no format {unknown}; there are: {', '.join(FORMATS)}")
    from mapforge.releases.exports import export_release

    with _opened(overrides) as (settings, workspace, _):
        manifest = read_release(workspace, options["name"])
        out = Path(options["out"]).expanduser().resolve()
        written = export_release(workspace, manifest, out, formats, settings.releases)
    print_json({"files": [str(path) for path in written]}) if json_output else say("\n".join(map(str, written)))
    return OK


@contextmanager
def _opened(overrides: list[str]) -> Iterator[tuple[Settings, Workspace, Catalog]]:
    settings = compose_settings(overrides)
    workspace = open_workspace(settings.workspace)
    catalog = Catalog.of(settings.workspace, settings.catalog_url)
    try:
        yield settings, workspace, catalog
    finally:
        catalog.close()


def _present(manifest: ReleaseManifest, what: str, workspace: Workspace, json_output: bool) -> int:
    """1 when some tile is older than it should be, or missing."""
    troubled = {tile.tile: f"carried over: {tile.reason}" for tile in manifest.carried_over}
    troubled |= {tile: f"left out: {reason}" for tile, reason in manifest.left_out.items()}
    code = INCOMPLETE if troubled else OK
    if json_output:
        print_json({**manifest.as_dict(), "exit_code": code})
        return code
    say(f"release {manifest.name} is {what}: {len(manifest.tiles)} tiles, {workspace.release(manifest.name)}")
    for tile, why in sorted(troubled.items())[:MOST_SHOWN]:
        say(f"{tile} {why}")
    if len(troubled) > MOST_SHOWN:
        say(f"... and {len(troubled) - MOST_SHOWN} more; `mapforge release show` lists them")
    return code


def _time(created_ns: int | None) -> str | None:
    return None if created_ns is None else f"{datetime.fromtimestamp(created_ns // 10**9, tz=UTC):%Y-%m-%d %H:%M:%S}"
