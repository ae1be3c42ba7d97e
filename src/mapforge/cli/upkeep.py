"""Commands that look after a workspace: collect, bundle, reproduce."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.cli.app import INCOMPLETE, OK
from mapforge.cli.options import required, split_options
from mapforge.cli.output import print_json, say
from mapforge.config import Settings, compose_settings, settings_from_dict, with_overrides
from mapforge.errors import ConfigurationError
from mapforge.geometry.tiles import TileId


def collect(words: list[str], json_output: bool, plan_only: bool) -> int:
    """Frees space down to the storage budget, or deletes camera frames that were used."""
    from mapforge.pipeline.collection import collect as free_space

    options, overrides = split_options(words, {"frames": "false"})
    settings = compose_settings(overrides)
    if options["frames"] not in ("true", "false"):
        raise ConfigurationError(f"frames={options['frames']}: write frames=true or frames=false")
    if options["frames"] == "true":
        return _remove_frames(settings, json_output, plan_only)
    if settings.engine.storage_budget_gb is None:
        raise ConfigurationError("set engine.storage_budget_gb=NUMBER (0 removes all that nothing needs)")
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        done = free_space(settings, catalog, dry=plan_only)
    if json_output:
        print_json(done.as_dict())
        return OK if done.as_dict()["fits"] else INCOMPLETE
    for group in done.removed:
        say(f"{'would remove' if plan_only else 'removed'} {group.what} ({group.size_bytes / 1e6:.1f} MB)")
    left = (done.used_bytes - done.freed_bytes) / 1e9
    say(f"{done.freed_bytes / 1e9:.3f} GB freed, {left:.3f} GB in use, budget {done.budget_bytes / 1e9:.3f} GB")
    if done.note:
        say(done.note)
    return OK if done.as_dict()["fits"] else INCOMPLETE


def _remove_frames(settings: Settings, json_output: bool, plan_only: bool) -> int:
    """Camera frames of drives whose elements and signs are made."""
    from mapforge.pipeline.collection import remove_used_frames

    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        gone = remove_used_frames(settings, catalog, dry=plan_only)
    if json_output:
        print_json({"removed": [{"what": group.what, "bytes": group.size_bytes} for group in gone]})
        return OK
    for group in gone:
        say(f"{'would remove' if plan_only else 'removed'} {group.what} ({group.size_bytes / 1e6:.1f} MB)")
    say(f"{sum(group.size_bytes for group in gone) / 1e9:.3f} GB of camera frames")
    return OK


def bundle(words: list[str], json_output: bool) -> int:
    """What a failed tile was made of, and how to make it fail again, in one zip."""
    from mapforge.pipeline.bundle import write_bundle

    options, overrides = split_options(words, {"tile": "", "out": "", "raw": "false"})
    tile = TileId.parse(required(options, "tile", "mapforge bundle tile=32632/4567/54321 out=tile.zip"))
    if options["raw"] not in ("true", "false"):
        raise ConfigurationError(f"raw={options['raw']}: write raw=true or raw=false")
    out = Path(options["out"] or f"{str(tile).replace('/', '-')}.zip").expanduser().resolve()
    settings = compose_settings(overrides)
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        run_id = catalog.tile(str(tile)).run_id
        if run_id is not None:
            stored = catalog.run(run_id).settings_json
            settings = with_overrides(settings_from_dict(json.loads(stored)), settings, overrides)
        about = write_bundle(settings, catalog, tile, out, options["raw"] == "true")
    if json_output:
        print_json({**asdict(about), "bundle": str(out)})
    else:
        say(f"{out} ({out.stat().st_size / 1e6:.2f} MB)\nunpack it, then in its folder: {about.command}")
    return OK


def reproduce(words: list[str], json_output: bool) -> int:
    """Runs the job of an unpacked bundle here; exit code 1 when it fails, as it did."""
    from mapforge.pipeline.bundle import reproduce as run_again

    options, overrides = split_options(words, {"bundle": "."})
    if overrides:
        raise ConfigurationError(
            f"{overrides[0]}: the settings are those in the bundle's settings.yaml; edit them there"
        )
    about, outcome = run_again(Path(options["bundle"]).expanduser().resolve())
    if json_output:
        print_json(
            {
                "stage": about.stage,
                "item": about.item,
                "failed_before": about.error,
                "error": outcome.error.text if outcome.error is not None else None,
                "traceback": outcome.error.traceback if outcome.error is not None else None,
            }
        )
    elif outcome.error is not None:
        say(f"{outcome.error.traceback}\n{about.stage} {about.item} fails: {outcome.error.text}")
    else:
        say(f"{about.stage} {about.item} goes well here; it failed with: {about.error}")
    return OK if outcome.error is None else INCOMPLETE
