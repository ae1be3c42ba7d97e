"""One run: a region built, judged, reported, and entered in the catalog."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapforge import __version__
from mapforge.catalog import Catalog, TileUpdate
from mapforge.catalog.owner import is_dead, this_process
from mapforge.catalog.summary import summarise
from mapforge.catalog.tables import RunState, TileState
from mapforge.config import EngineConfig, EngineKind, Settings, settings_to_dict
from mapforge.errors import CatalogError
from mapforge.geometry.tiles import TileId
from mapforge.ingest.discovery import format_of
from mapforge.io import mirror
from mapforge.io.drive_store import DriveReader
from mapforge.io.trajectories import read_trajectory, read_trajectory_info
from mapforge.io.trajectory_quality import read_quality
from mapforge.io.workspace import Workspace
from mapforge.pipeline.collection import collect, remove_used_frames
from mapforge.pipeline.drive_tasks import ingest_tasks
from mapforge.pipeline.execution import Execution, NoProgress, Progress, StageResult
from mapforge.pipeline.job_inputs import ingest_job
from mapforge.pipeline.plan import Action, Task
from mapforge.pipeline.planner import plan_with_facts, verdict_item, verdict_standing
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.region import RegionResult, build_region
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.reports import read_report, report_again
from mapforge.pipeline.runners import InlineRunner, LocalRunner, Runner
from mapforge.pipeline.stage_files import read_by_validation
from mapforge.pipeline.staging import fetch
from mapforge.pipeline.telemetry import watched, watchers_of
from mapforge.pipeline.trend import trend_of
from mapforge.schemas.report import DriveSummary, FailedTile, RunSummary

if TYPE_CHECKING:
    from mapforge.validation.gates import TileVerdict

_UNDER_WAY: set[str] = set()
"""Runs of this process that have not ended."""


TREND_RUNS = 30
"""Earlier runs that a report compares itself with."""


def run_region(
    settings: Settings, runner: Runner, progress: Progress | None = None, only: set[TileId] | None = None
) -> dict[str, Any]:
    """Builds the region of the settings; returns the content of report.json, and where `map` and `report` lie.

    Everything is planned before any task is submitted: where nothing is new, the newest report is given again, with
    `unchanged_since`, the run that wrote it. only: build just these tiles. Raises NoUsableDriveError when there is
    nothing to map; whatever it raises, the run is closed in the catalog and its leases are given back.
    """
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        run_id = new_run_id()
        watchers = watchers_of(settings, run_id)
        execution = Execution(run_id, runner, catalog, progress or NoProgress(), watchers)
        with open_run(settings, execution), watched(watchers, run_id, settings.region.name) as ended:
            ended.report = _planned_run(RegionFacts(settings, catalog, Recipes.of(settings), only), execution)
            return ended.report


@contextmanager
def open_run(settings: Settings, execution: Execution, name: str | None = None) -> Iterator[None]:
    """A run in the catalog: however it ends, it is closed there and its leases are given back."""
    catalog, run_id = execution.catalog, execution.run_id
    _close_lost_runs(catalog)
    catalog.start_run(run_id, name or settings.region.name, settings_to_dict(settings))
    if not _others_are_running(catalog, run_id):
        shutil.rmtree(Workspace.at(settings.workspace).tmp, ignore_errors=True)
    _UNDER_WAY.add(run_id)
    try:
        with catalog.keep_leases(run_id):
            yield
    except BaseException as error:
        with suppress(CatalogError, OSError):  # the reason why the run failed is what is to be known
            catalog.end_run(run_id, RunState.FAILED, f"{type(error).__name__}: {error}")
            catalog.release_leases(run_id)
        raise
    else:
        catalog.release_leases(run_id)
        catalog.end_run(run_id, RunState.DONE)
    finally:
        _UNDER_WAY.discard(run_id)


def _close_lost_runs(catalog: Catalog) -> None:
    """Runs of this process that could not be closed when they ended: the disk was full, the catalog locked."""
    for run in catalog.runs(state=RunState.RUNNING):
        if run.owner == this_process() and run.run_id not in _UNDER_WAY:
            catalog.end_run(run.run_id, RunState.INTERRUPTED)
            catalog.release_leases(run.run_id)


def _others_are_running(catalog: Catalog, run_id: str) -> bool:
    running = catalog.runs(state=RunState.RUNNING)
    return any(run.run_id != run_id and not is_dead(run.owner) for run in running)


def _planned_run(facts: RegionFacts, execution: Execution) -> dict[str, Any]:
    started = time.perf_counter()
    execution.progress.begin("planning", 1, 0)
    plan = plan_with_facts(facts)
    execution.timing_s["planning"] = time.perf_counter() - started
    execution.progress.end("planning", execution.timing_s["planning"])
    report = None if plan.has_work else report_again(facts, execution)
    if report is None:
        report = _build_and_judge(facts, execution, started)
        if facts.settings.engine.storage_budget_gb is not None:
            report["collected"] = collect(facts.settings, execution.catalog, own_run=execution.run_id).as_dict()
    if not facts.settings.ingest.privacy.keep_frames:
        gone = remove_used_frames(facts.settings, execution.catalog, own_run=execution.run_id)
        report["frames_removed"] = [group.what for group in gone]
    return report


def make_runner(engine: EngineConfig) -> Runner:
    """The runner the engine settings ask for."""
    workers = engine.workers or os.cpu_count() or 1
    if engine.kind is EngineKind.dask:
        from mapforge.pipeline.dask_runner import DaskRunner

        return DaskRunner(engine.address, workers, engine.threads_a_worker, engine.gpu_resource)
    return InlineRunner() if engine.kind is EngineKind.inline else LocalRunner(workers, engine.threads_a_worker)


def new_run_id() -> str:
    """Sorts by time; two runs of one second differ."""
    return f"{datetime.now(tz=UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _build_and_judge(facts: RegionFacts, execution: Execution, started: float) -> dict[str, Any]:
    from mapforge.validation.report import write_report
    from mapforge.validation.stage import run as validate
    from mapforge.validation.stage import workspace_inputs

    settings, workspace = facts.settings, facts.workspace
    region = build_region(facts, execution)
    execution.progress.begin("validation", len(region.builds), 0)
    judging = time.perf_counter()
    reference = Path(settings.region.reference).expanduser().resolve() if settings.region.reference else None
    fetch(read_by_validation(workspace, region.builds, region.drives), workspace)
    inputs = workspace_inputs(workspace, region.builds, list(region.drives), reference, settings.region.city)
    result = validate(inputs, settings.validation)
    _record_verdicts(result.tiles, region.changed, facts, execution)
    execution.timing_s["validation"] = time.perf_counter() - judging
    execution.progress.end("validation", execution.timing_s["validation"])
    summary = _summary(facts, execution, region, time.perf_counter() - started)
    files = write_report(
        result,
        summary,
        workspace.report(execution.run_id),
        workspace.tmp,
        region.rasters,
        settings.validation.worst_tiles,
    )
    mirror.put(workspace, files)
    if not region.failed and not region.skipped:
        verdict = verdict_standing(facts, region.builds)
        facts.ledger.write("validation", verdict_item(facts), verdict.recipe, files, {"run_id": execution.run_id})
    return read_report(workspace, execution.run_id)


def _record_verdicts(
    verdicts: Iterable[TileVerdict], changed: set[TileId], facts: RegionFacts, execution: Execution
) -> None:
    """A published tile that did not change stays published."""
    published = {tile.tile for tile in execution.catalog.tiles(state=TileState.PUBLISHED)}
    same = published - {str(tile) for tile in changed}
    updates = []
    for verdict in verdicts:
        state, error = TileState(verdict.state), "; ".join(verdict.reasons) or None
        if state is TileState.VALID and verdict.tile in same:
            continue
        updates.append(
            TileUpdate(verdict.tile, state, "validation" if error else None, error, recipe=facts.recipes.build)
        )
    execution.catalog.set_tiles(updates)


def _summary(facts: RegionFacts, execution: Execution, region: RegionResult, seconds: float) -> RunSummary:
    drives, notes = _drive_summaries(facts.workspace, region)
    points = sum(manifest.rows("lidar") for manifest in region.drives.values())
    drive_km = sum(drive.length_m for drive in drives) / 1000.0
    duration_s = sum(drive.duration_s for drive in drives)
    if region.skipped:
        notes.append(f"{len(region.skipped)} tiles were left to another run that is working on them")
    notes += [f"drive {drive} is unlike the fleet: {'; '.join(words)}" for drive, words in sorted(region.odd.items())]
    notes += [f"tile {tile} is parked: {why}" for tile, why in sorted(region.parked.items())]
    return RunSummary(
        run_id=execution.run_id,
        region=facts.settings.region.name,
        code_version=__version__,
        models=facts.recipes.model_ids,
        drives=tuple(drives),
        failed_tiles=tuple(FailedTile(str(tile), *why) for tile, why in sorted(region.failed.items())),
        timing_s={stage: round(value, 3) for stage, value in execution.timing_s.items()},
        throughput={
            "drive_km": round(drive_km, 4),
            "km_per_hour": round(drive_km / seconds * 3600.0, 3),
            "points_per_s": round(points / seconds, 1),
            "drive_s_per_s": round(duration_s / seconds, 3),
            "total_s": round(seconds, 3),
            "drives_mapped": min(execution.executed.get(stage, 0) for stage in ("rasterization", "vectorization")),
        },
        peak_memory_mb=round(execution.peak_memory_mb, 1),
        notes=tuple(notes),
        catalog=summarise(execution.catalog),
        trend=tuple(trend_of(facts.workspace, facts.settings.region.name, TREND_RUNS)),
    )


def _drive_summaries(workspace: Workspace, region: RegionResult) -> tuple[list[DriveSummary], list[str]]:
    drives, notes = [], []
    for drive_id, manifest in sorted(region.drives.items()):
        path = workspace.trajectory(drive_id)
        trajectory = read_trajectory(path, workspace.read_frame())
        info = read_trajectory_info(path)
        if not info.georeferenced:
            notes.append(f"drive {drive_id} knows no place on earth and was put at the configured origin")
        if workspace.trajectory_quality(drive_id).exists():
            notes.extend(f"drive {drive_id}: {flag}" for flag in read_quality(workspace, drive_id).flags)
        drives.append(
            DriveSummary(
                drive_id,
                round(trajectory.length_m, 3),
                round(manifest.duration_s, 3),
                sum(manifest.quarantined.values()),
                note=info.source,
            )
        )
    refused = [DriveSummary(name, 0.0, 0.0, 0, "refused", why) for name, why in sorted(region.refused.items())]
    return drives + refused, notes


def ingest_logs(settings: Settings, runner: Runner, progress: Progress, log_format: str) -> list[dict[str, Any]]:
    """Only the first stage: every log of the region into the drive store. One entry a log; its error, or None."""
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        execution = Execution(new_run_id(), runner, catalog, progress)
        facts = RegionFacts(settings, catalog, Recipes.of(settings))
        with open_run(settings, execution, f"ingest {settings.region.name}"):
            facts.read_manifests()
            tasks = [t for t in ingest_tasks(facts) if log_format in ("auto", str(format_of(Path(t.item))))]
            jobs = [ingest_job(task, facts) for task in tasks if task.action is Action.RUN]
            done = execution.do("ingest", jobs, len(tasks) - len(jobs))
            return [_ingested(task, done, facts) for task in tasks]


def _ingested(task: Task, done: StageResult, facts: RegionFacts) -> dict[str, Any]:
    """What became of a log."""
    entry: dict[str, Any] = {"source": task.item, "drive_id": None, "error": None}
    if task.action is Action.SKIP:
        return {**entry, "drive_id": task.drive, "error": "; ".join(task.reasons)}
    if task.item in done.errors:
        return {**entry, "error": done.errors[task.item].text}
    folder = done.outputs[task.item][0].parent if task.action is Action.RUN else facts.workspace.drive(str(task.drive))
    manifest = DriveReader(folder).manifest
    facts.catalog.record_drive(manifest)
    return {
        **entry,
        "drive_id": manifest.drive_id,
        "format": manifest.source_format,
        "duration_s": manifest.duration_s,
        "quarantined": manifest.quarantined,
        "warnings": list(manifest.warnings),
    }
