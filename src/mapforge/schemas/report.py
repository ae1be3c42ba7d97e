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
class RunSummary:
    """A run, apart from what validation measured.

    models: role -> id of the weights. timing_s: stage -> seconds. throughput: drive_km, km_per_hour, points_per_s.
    notes: what a reader must know, e.g. that a drive was placed at a configured origin. catalog: of the workspace.
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
