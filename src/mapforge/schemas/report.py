"""What a run tells its report: plain values, so that the report needs to know no stage."""

from __future__ import annotations

from dataclasses import dataclass, field


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
class RunSummary:
    """A run, apart from what validation measured.

    models: role -> id of the weights. timing_s: stage -> seconds. throughput: drive_km, km_per_hour, points_per_s.
    notes: what a reader must know, e.g. that a drive was placed at a configured origin.
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
