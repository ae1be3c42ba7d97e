"""One run: a region built, judged, reported, and entered in the catalog."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mapforge import __version__
from mapforge.catalog import Catalog
from mapforge.catalog.tables import RunState, TileState
from mapforge.config import EngineConfig, EngineKind, Settings, settings_to_dict
from mapforge.geometry.tiles import TileId
from mapforge.io.trajectories import read_trajectory, read_trajectory_info
from mapforge.io.workspace import Workspace
from mapforge.pipeline.execution import Execution, NoProgress, Progress
from mapforge.pipeline.fingerprints import Fingerprints
from mapforge.pipeline.region import RegionResult, build_region
from mapforge.pipeline.runners import InlineRunner, LocalRunner, Runner
from mapforge.schemas.report import DriveSummary, FailedTile, RunSummary


def run_region(
    settings: Settings, runner: Runner, progress: Progress | None = None, only: set[TileId] | None = None
) -> dict[str, Any]:
    """Builds the region of the settings; returns the content of report.json, and where `map` and `report` lie.

    only: build just these tiles. Raises NoUsableDriveError when there is nothing to map; whatever it raises, the run
    is closed in the catalog and its leases are given back.
    """
    workspace = Workspace(Path(settings.workspace).expanduser().resolve())
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        if not catalog.has_living_runs():
            shutil.rmtree(workspace.tmp, ignore_errors=True)
        execution = Execution(new_run_id(), runner, catalog, progress or NoProgress(), settings.engine.verify_fully)
        catalog.start_run(execution.run_id, settings.region.name, settings_to_dict(settings))
        try:
            report = _build_and_judge(settings, workspace, execution, only)
        except BaseException as error:
            catalog.end_run(execution.run_id, RunState.FAILED, f"{type(error).__name__}: {error}")
            raise
        finally:
            catalog.release_leases(execution.run_id)
        catalog.end_run(execution.run_id, RunState.DONE)
    return report


def make_runner(engine: EngineConfig) -> Runner:
    """The runner the engine settings ask for."""
    workers = engine.workers or os.cpu_count() or 1
    if engine.kind is EngineKind.dask:
        from mapforge.pipeline.dask_runner import DaskRunner

        return DaskRunner(engine.address, workers, engine.threads_a_worker)
    return InlineRunner() if engine.kind is EngineKind.inline else LocalRunner(workers, engine.threads_a_worker)


def new_run_id() -> str:
    """Sorts by time; two runs of one second differ."""
    return f"{datetime.now(tz=UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _build_and_judge(
    settings: Settings, workspace: Workspace, execution: Execution, only: set[TileId] | None
) -> dict[str, Any]:
    from mapforge.validation.report import write_report
    from mapforge.validation.stage import run as validate
    from mapforge.validation.stage import workspace_inputs

    started = time.perf_counter()
    fingerprints = Fingerprints.of(settings)
    region = build_region(settings, execution, fingerprints, only)
    execution.progress.begin("validation", len(region.builds), 0)
    judging = time.perf_counter()
    reference = Path(settings.region.reference).expanduser().resolve() if settings.region.reference else None
    inputs = workspace_inputs(workspace, region.builds, list(region.drives), reference, settings.region.city)
    result = validate(inputs, settings.validation)
    for verdict in result.tiles:
        error = "; ".join(verdict.reasons) or None
        execution.catalog.set_tile(verdict.tile, TileState(verdict.state), "validation" if error else None, error)
    execution.timing_s["validation"] = time.perf_counter() - judging
    execution.progress.end("validation", execution.timing_s["validation"])
    summary = _summary(settings, workspace, execution, fingerprints, region, time.perf_counter() - started)
    report_json, report_html = write_report(
        result,
        summary,
        workspace.report(execution.run_id),
        workspace.tmp,
        region.rasters,
        settings.validation.worst_tiles,
    )
    report: dict[str, Any] = json.loads(report_json.read_text(encoding="utf-8"))
    return {**report, "map": str(workspace.tiles), "report": str(report_html)}


def _summary(
    settings: Settings,
    workspace: Workspace,
    execution: Execution,
    fingerprints: Fingerprints,
    region: RegionResult,
    seconds: float,
) -> RunSummary:
    drives, notes = _drive_summaries(workspace, region)
    points = sum(manifest.rows("lidar") for manifest in region.drives.values())
    drive_km = sum(drive.length_m for drive in drives) / 1000.0
    duration_s = sum(drive.duration_s for drive in drives)
    if region.skipped:
        notes.append(f"{len(region.skipped)} tiles were left to another run that is working on them")
    return RunSummary(
        run_id=execution.run_id,
        region=settings.region.name,
        code_version=__version__,
        models=fingerprints.model_ids,
        drives=tuple(drives),
        failed_tiles=tuple(FailedTile(str(tile), *why) for tile, why in sorted(region.failed.items())),
        timing_s={stage: round(value, 3) for stage, value in execution.timing_s.items()},
        throughput={
            "drive_km": round(drive_km, 4),
            "km_per_hour": round(drive_km / seconds * 3600.0, 3),
            "points_per_s": round(points / seconds, 1),
            "drive_s_per_s": round(duration_s / seconds, 3),
            "total_s": round(seconds, 3),
        },
        peak_memory_mb=round(execution.peak_memory_mb, 1),
        notes=tuple(notes),
    )


def _drive_summaries(workspace: Workspace, region: RegionResult) -> tuple[list[DriveSummary], list[str]]:
    drives, notes = [], []
    for drive_id, manifest in sorted(region.drives.items()):
        path = workspace.trajectory(drive_id)
        trajectory = read_trajectory(path, workspace.read_frame())
        info = read_trajectory_info(path)
        if not info.georeferenced:
            notes.append(f"drive {drive_id} knows no place on earth and was put at the configured origin")
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
    from mapforge.ingest.discovery import find_logs
    from mapforge.ingest.stage import IngestInputs
    from mapforge.io.drive_store import DriveReader
    from mapforge.pipeline import stages
    from mapforge.pipeline.jobs import Job

    workspace = Workspace(Path(settings.workspace).expanduser().resolve())
    region = settings.region
    origin = None
    if region.origin_lon_deg is not None and region.origin_lat_deg is not None:
        origin = (region.origin_lon_deg, region.origin_lat_deg)
    logs = [log for source in region.logs for log in find_logs(Path(source).expanduser().resolve())]
    jobs = [
        Job(
            "ingest",
            str(log.path),
            stages.ingest,
            IngestInputs(log, workspace, region.city, origin),
            settings.ingest,
            None,
            workspace,
        )
        for log in logs
        if log_format in ("auto", str(log.format))
    ]
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        execution = Execution(new_run_id(), runner, catalog, progress)
        catalog.start_run(execution.run_id, f"ingest {region.name}", settings_to_dict(settings))
        done = execution.do("ingest", jobs)
        catalog.end_run(execution.run_id, RunState.DONE)
        entries = []
        for job in jobs:
            entry: dict[str, Any] = {"source": job.item, "drive_id": None, "error": done.errors.get(job.item)}
            if job.item in done.outputs:
                manifest = DriveReader(done.outputs[job.item][0].parent).manifest
                catalog.record_drive(manifest)
                entry |= {
                    "drive_id": manifest.drive_id,
                    "format": manifest.source_format,
                    "duration_s": manifest.duration_s,
                    "quarantined": manifest.quarantined,
                    "warnings": list(manifest.warnings),
                }
            entries.append(entry)
    return entries
