"""What a run tells its report: plain values, so that the report needs to know no stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DriveSummary:
    """One drive. quarantined: rows left out at ingest; state: used or refused; note: why, or how it was placed."""

    drive_id: str
    length_m: float
    duration_s: float
    quarantined: int = 0
    state: str = "used"
    note: str = ""


@dataclass(frozen=True)
class FailedTile:
    """A tile that was not built: in which stage, and why."""

    tile: str
    stage: str
    error: str


@dataclass(frozen=True)
class RunLine:
    """A run as the catalog remembers it. seconds: none while it goes on; failed_attempts: tasks that failed in it."""

    run_id: str
    region: str
    state: str
    seconds: float | None
    failed_attempts: int = 0
    error: str = ""


@dataclass(frozen=True)
class TroubledItem:
    """A tile or drive that failed, is parked or is out: why, and how often in a row."""

    kind: str
    name: str
    state: str
    stage: str
    reason: str
    failures: int = 0


@dataclass(frozen=True)
class CatalogSummary:
    """The state of the whole workspace at the end of a run.

    runs: newest first. drives, tiles: state -> number. more_troubled: items that `troubled` leaves out.
    """

    runs: tuple[RunLine, ...] = ()
    drives: dict[str, int] = field(default_factory=dict)
    tiles: dict[str, int] = field(default_factory=dict)
    troubled: tuple[TroubledItem, ...] = ()
    more_troubled: int = 0


@dataclass(frozen=True)
class TrendPoint:
    """One run among those before and after it.

    drives: used. tiles: state -> number. quality: mAP_easy and mAP_hard with a reference, else class -> share of what
    drives saw that agrees.
    """

    run_id: str
    seconds: float
    km_per_hour: float
    drives: int
    refused_drives: int
    quarantined_rows: int
    tiles: dict[str, int] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSummary:
    """A run, apart from what validation measured.

    models: role -> id of the weights. timing_s: stage -> seconds. throughput: drive_km, km_per_hour, points_per_s,
    drives_mapped (from their rasters on; of the others, some or all was done in earlier runs).
    notes: what a reader must know, e.g. that a drive was placed at a configured origin. catalog: of the workspace.
    trend: runs of the region before this one, oldest first.
    """

    run_id: str
    region: str
    code_version: str
    models: dict[str, str] = field(default_factory=dict)
    drives: tuple[DriveSummary, ...] = ()
    failed_tiles: tuple[FailedTile, ...] = ()
    timing_s: dict[str, float] = field(default_factory=dict)
    throughput: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    notes: tuple[str, ...] = ()
    catalog: CatalogSummary | None = None
    trend: tuple[TrendPoint, ...] = ()


def trend_point(report: dict[str, Any]) -> TrendPoint:
    """What of a report is followed over runs."""
    states = [str(tile["state"]) for tile in report["tiles"]]
    drives = report["drives"]
    return TrendPoint(
        run_id=str(report["run_id"]),
        seconds=float(report["throughput"].get("total_s", sum(report["timing_s"].values()))),
        km_per_hour=float(report["throughput"].get("km_per_hour", 0.0)),
        drives=sum(drive["state"] == "used" for drive in drives),
        refused_drives=sum(drive["state"] != "used" for drive in drives),
        quarantined_rows=sum(int(drive["quarantined"]) for drive in drives),
        tiles={state: states.count(state) for state in sorted(set(states))},
        quality=_quality(report),
    )


def _quality(report: dict[str, Any]) -> dict[str, float]:
    """Average precision where there was a reference, else how far the drives agree."""
    metrics = report["metrics"] or {}
    if report["judged"]["reference"]:
        overall = metrics.get("all", {})
        return {name: float(overall[name]) for name in ("mAP_easy", "mAP_hard") if overall.get(name) is not None}
    shares = {name: values.get("agreement_0.5m") for name, values in metrics.items() if isinstance(values, dict)}
    return {name: float(share) for name, share in sorted(shares.items()) if share is not None}
