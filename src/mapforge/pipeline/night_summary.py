"""What a night came to: plain values, for programs as JSON and for people as a page (see night_page)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class NightOutcome(StrEnum):
    """`published`: a new release; `unchanged`: nothing to publish; `held`: gates (or nightly.publish=never) kept the

    old release; `skipped`: another night was still running; `failed`: could not run.
    """

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    HELD = "held"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Problem:
    """Something a person should know. what: which log, drive, tile or gate; why; todo: the command that comes next.

    once: nothing will change by itself, so that saying it once is enough.
    """

    what: str
    why: str
    todo: str = ""
    once: bool = False


@dataclass(frozen=True)
class TakenLog:
    """A log that became a drive tonight."""

    log: str
    drive_id: str
    duration_s: float
    quarantined: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChangedTile:
    """A tile that changed against the release. length_m: all that moved, came or went."""

    tile: str
    length_m: float
    held: tuple[str, ...] = ()


@dataclass
class NightSummary:
    """One night. changes: class -> old_m, kept_m, moved_m, removed_m, added_m against the release before, or for points

    old, removed, added. gates: every gate that was read. tasks: stage -> jobs that ran. links: name -> path or URL.
    read_again: logs taken before, read anew because the code or the settings of ingest changed.
    problems: new ones; known: those named on an earlier night already, still there.
    """

    night_id: str
    workspace: str
    region: str
    started: str
    outcome: NightOutcome = NightOutcome.FAILED
    reason: str = ""
    seconds: float = 0.0
    run_id: str | None = None
    release: str | None = None
    previous_release: str | None = None
    taken: list[TakenLog] = field(default_factory=list)
    read_again: int = 0
    waiting: dict[str, str] = field(default_factory=dict)
    tiles: dict[str, int] = field(default_factory=dict)
    built_tiles: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    timing_s: dict[str, float] = field(default_factory=dict)
    changes: dict[str, dict[str, float]] = field(default_factory=dict)
    changed_tiles: list[ChangedTile] = field(default_factory=list)
    new_tiles: int = 0
    gone_tiles: list[str] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    known: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pruned: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0: all good; 1: something needs a look; 3: could not run."""
        if self.outcome in (NightOutcome.FAILED, NightOutcome.SKIPPED):
            return 3
        return 1 if self.problems or self.outcome is NightOutcome.HELD else 0

    def as_dict(self) -> dict[str, Any]:
        """JSON values only; NaN becomes null."""
        return dict(_plain({**asdict(self), "exit_code": self.exit_code}))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
