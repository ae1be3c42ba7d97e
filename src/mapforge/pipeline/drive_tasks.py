"""What each stage up to the drive elements has to do for each drive, and why.

Two directions: how far a drive reaches is found forwards (trajectory, then which tiles it touches); what must be made
is found backwards: rasters and observations are made only for drives whose elements are due, so that those of finished
drives may be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mapforge.errors import ContractError
from mapforge.geometry.tiles import TileId
from mapforge.ingest.discovery import LogSource, find_logs
from mapforge.ingest.source_index import drive_fingerprint, place_stamp, remembered_sha256
from mapforge.io.parquet import read_metadata
from mapforge.pipeline.frame_privacy import filter_fingerprint
from mapforge.pipeline.plan import Action, Task
from mapforge.pipeline.region_facts import DriveFacts, RegionFacts, grown
from mapforge.pipeline.stage_files import THE_LOG
from mapforge.pipeline.staging import check_drive
from mapforge.pipeline.stamps import Recipe
from mapforge.pipeline.standing import Standing, verified


def ingest_tasks(facts: RegionFacts) -> list[Task]:
    """One a log. Needs the manifests."""
    sources = facts.settings.region.logs
    logs = [log for source in sources for log in find_logs(Path(source).expanduser().resolve())]
    known = remembered_sha256(facts.workspace)
    return [_ingest_task(log, known.get(place_stamp(log)), facts) for log in logs]


def _ingest_task(log: LogSource, sha256: str | None, facts: RegionFacts) -> Task:
    item = str(log.path)
    if sha256 in facts.withdrawn_logs:
        entry = facts.withdrawn_logs[str(sha256)]
        return Task("ingest", item, Action.SKIP, (f"withdrawn: {entry['reason']}",), entry["drive_id"])
    recipe = ingest_recipe(log, facts)
    failure = facts.ledger.failure("ingest", item)
    if failure is not None and dict(failure.parts) == dict(recipe.parts):
        reason = f"failed before ({failure.count}x): {failure.kind}: {failure.message}"
        parked = failure.count >= facts.settings.engine.park_after
        return Task("ingest", item, Action.SKIP if parked else Action.RUN, (reason,), recipe=recipe)
    drive = next((d for d, m in facts.manifests.items() if m.source_sha256 == sha256), None)
    if drive is None:
        out = next((d for d in facts.drives_left_out if facts.is_log_of(sha256, d)), None)
        if out is not None:
            return Task("ingest", item, Action.SKIP, (": ".join(facts.drives_left_out[out]),), out)
        return Task("ingest", item, Action.RUN, ("new log",), recipe=recipe)
    region = facts.settings.region
    settings = facts.settings.ingest
    wanted = drive_fingerprint(str(sha256), region.city, facts.origin, settings, filter_fingerprint(facts.settings))
    if facts.manifests[drive].fingerprint != wanted:
        return Task("ingest", item, Action.RUN, ("settings or code of ingest changed",), drive, recipe=recipe)
    try:
        check_drive(facts.workspace, drive, facts.verify_fully)
    except ContractError as error:
        return Task("ingest", item, Action.RUN, (str(error),), drive, recipe=recipe)
    return Task("ingest", item, Action.REUSE, (), drive)


def ingest_recipe(log: LogSource, facts: RegionFacts) -> Recipe:
    """By which a log that failed is known to be the same still."""
    region = facts.settings.region
    settings = facts.settings.ingest
    made = drive_fingerprint("", region.city, facts.origin, settings, filter_fingerprint(facts.settings))
    return Recipe({THE_LOG: place_stamp(log), "settings and code of ingest": made})


def left_out_tasks(facts: RegionFacts) -> list[Task]:
    """Drives that are parked or withdrawn, or cannot be read."""
    reasons = {drive: f"{state}: {why}" if why else state for drive, (state, why) in facts.drives_left_out.items()}
    reasons |= facts.unreadable
    return [Task("localization", drive, Action.SKIP, (why,), drive) for drive, why in sorted(reasons.items())]


def localization_tasks(facts: RegionFacts) -> list[Task]:
    """Its own trajectory is needed while a drive is not settled among the others."""
    tasks = []
    for drive, own in sorted(facts.drives.items()):
        now = own.localization
        if now.stamp is not None and own.alignment.is_due:
            now = verified(now, facts.ledger, facts.verify_fully)
        tasks.append(_task("localization", drive, now, own))
    return tasks


def alignment_tasks(facts: RegionFacts) -> list[Task]:
    """Drives that are settled stay where they are; the others are moved to agree with them."""
    tasks = []
    for drive, own in sorted(facts.drives.items()):
        task = _task("alignment", drive, own.alignment, own)
        if own.refusal is not None:
            task = replace(task, action=Action.SKIP, reasons=(f"refused: {own.refusal}",))
        elif facts.settings.localization.alignment.readjust and not own.alignment.is_due:
            task = replace(task, action=Action.RUN, reasons=("localization.alignment.readjust is set",))
        tasks.append(task)
    return tasks


def rasterization_tasks(facts: RegionFacts) -> list[Task]:
    """Drives near the wanted tiles of which it is not known which tiles they touch.

    Rasters that are gone are made again only when observations are due: `perception_tasks` asks for that.
    """
    area = grown(facts.wanted_tiles())
    tasks = []
    for drive, own in sorted(facts.drives.items()):
        if own.refusal is not None:
            continue
        if own.rasters is None:
            tasks.append(Task("rasterization", drive, Action.DEPENDS, ("on its trajectory",), drive))
        elif own.rasters.stamp is not None or area & grown(own.path_tiles):
            tasks.append(_task("rasterization", drive, own.rasters, own))
    return tasks


def element_tasks(facts: RegionFacts, drives: Iterable[str]) -> list[Task]:
    """Rasters, observations, detections and elements of those drives that fusion needs."""
    tasks = []
    for drive in sorted(drives):
        own = facts.drives[drive]
        tasks += _rasters_and_observations(facts, own)
        assert own.detections is not None
        detections = verified(own.detections, facts.ledger, facts.verify_fully)
        tasks.append(_task("detection", drive, detections, own))
        tasks.append(vectorization_task(facts, own))
    return tasks


def vectorization_task(facts: RegionFacts, own: DriveFacts) -> Task:
    assert own.elements is not None
    elements = verified(own.elements, facts.ledger, facts.verify_fully)
    return _task("vectorization", own.drive_id, elements, own)


def _rasters_and_observations(facts: RegionFacts, own: DriveFacts) -> list[Task]:
    """Nothing when the elements are there, but for observations that failed before, which are tried once more."""
    assert own.elements is not None and own.rasters is not None and own.rasters.stamp is not None
    due = verified(own.elements, facts.ledger, facts.verify_fully).is_due
    again = sorted(own.missing - set(facts.parked_tiles))
    wanted = list(own.tiles or ()) if due else again
    tasks = observation_tasks(facts, own, wanted)
    if not any(task.action is Action.RUN for task in tasks):
        return tasks
    rasters = verified(own.rasters, facts.ledger, facts.verify_fully)
    return [_task("rasterization", own.drive_id, rasters, own), *tasks] if rasters.is_due else tasks


def observation_tasks(facts: RegionFacts, own: DriveFacts, tiles: Iterable[TileId]) -> list[Task]:
    """One a tile; those of parked tiles are left out."""
    recipe = facts.observations_recipe(own)
    stamp = facts.ledger.stamp("perception", own.drive_id)
    stored = {output.name: output for output in stamp.outputs} if stamp and dict(stamp.parts) == recipe.parts else {}
    tasks = []
    for tile in tiles:
        item = f"{tile}@{own.drive_id}"
        task = Task("perception", item, Action.REUSE, (), own.drive_id, tile, recipe)
        path = facts.workspace.observation(tile, own.drive_id)
        output = stored.get(path.relative_to(facts.workspace.root).as_posix())
        failure = facts.ledger.failure("perception", item)
        if tile in facts.parked_tiles and failure is not None:
            task = replace(task, action=Action.SKIP, reasons=(f"parked: {facts.parked_tiles[tile]}",))
        elif output is not None:
            if not output.is_whole(facts.workspace, facts.verify_fully):
                task = replace(task, action=Action.RUN, reasons=(f"output missing or damaged: {output.name}",))
        elif _footer_fingerprint(path) != recipe.fingerprint:  # a run that was killed leaves files without a stamp
            again = f"failed before ({failure.count}x): {failure.kind}: {failure.message}" if failure else ""
            task = replace(task, action=Action.RUN, reasons=(again or "the elements of its drive are due",))
        tasks.append(task)
    return tasks


def _footer_fingerprint(path: Path) -> str | None:
    try:
        return read_metadata(path).get("fingerprint")
    except (OSError, ValueError):  # not there, or torn (ArrowInvalid is a ValueError)
        return None


def _task(stage: str, item: str, now: Standing, own: DriveFacts) -> Task:
    return Task(stage, item, Action.RUN if now.is_due else Action.REUSE, now.reasons, own.drive_id, recipe=now.recipe)
