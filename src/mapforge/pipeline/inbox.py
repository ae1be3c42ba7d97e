"""The inbox: which logs are new and whole, and which were looked at before.

Half-copied logs are left for the next night: those written to a moment ago, those that change while they are looked
at, and names that copying tools give to what they have not finished. What became of every log is remembered, so that a
refused one is named once and tried again only when it, or the code that reads it, has changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from mapforge.config import Settings
from mapforge.errors import UnknownFormatError
from mapforge.ingest.discovery import LogSource, find_logs
from mapforge.io.atomic import write_text
from mapforge.io.fingerprint import code_version, fingerprint_of
from mapforge.io.workspace import Workspace
from mapforge.pipeline.frame_privacy import filter_fingerprint

UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp")


class LogState(StrEnum):
    """`waiting`: not settled; `taken`: a drive was made of it; `refused`: will not do, whatever we do; `failing`: the
    machine failed it, not the log; `given_up`: so often that somebody must look."""

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"
    FAILING = "failing"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class LogRecord:
    """What is remembered of a log. stamp: of its files, their sizes and times; recipe: of what read it."""

    stamp: str
    state: LogState
    recipe: str = ""
    drive_id: str | None = None
    error: str | None = None
    tries: int = 0


@dataclass
class Inbox:
    """What lies there tonight. fresh: to take in. waiting: path -> why not yet. known_bad: refused or given up before,

    and unchanged. missing: inbox folders that are not there.
    """

    fresh: list[LogSource] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    known_bad: dict[str, LogRecord] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    stamps: dict[str, str] = field(default_factory=dict)


class InboxLedger:
    """Path -> what became of the log there. Losing it costs one look at every log."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        try:
            raw = json.loads(workspace.inbox_ledger.read_text(encoding="utf-8"))
            self.records = {path: _record(entry) for path, entry in raw.items()}
        except (FileNotFoundError, TypeError, KeyError, ValueError, AttributeError, RecursionError):
            self.records = {}

    def save(self, present: Iterable[str]) -> None:
        """Forgets logs that are no longer there."""
        kept = {path: asdict(self.records[path]) for path in sorted(set(present) & set(self.records))}
        text = json.dumps(kept, indent=0, sort_keys=True) + "\n"
        write_text(self._workspace.inbox_ledger, text, self._workspace.tmp)


def _record(entry: dict[str, Any]) -> LogRecord:
    return LogRecord(**{**entry, "state": LogState(entry["state"])})


def ingest_recipe(settings: Settings) -> str:
    """Changes when the same log could be read differently."""
    return fingerprint_of(
        config=settings.ingest,
        frame_filter=filter_fingerprint(settings),
        code=code_version("mapforge.ingest", "mapforge.io", "mapforge.schemas"),
    )


def look_into(
    folders: Sequence[str],
    ledger: InboxLedger,
    recipe: str,
    known_drives: Collection[str],
    min_age_s: float,
    settle_s: float,
) -> Inbox:
    """Sorts the logs of the inbox folders. known_drives: in the store, or withdrawn from it."""
    inbox = Inbox()
    candidates = []
    for log in _logs(folders, inbox):
        path = str(log.path)
        stamp, newest_s = _stamp(log)
        inbox.stamps[path] = stamp
        known = ledger.records.get(path)
        if known is not None and (known.stamp, known.recipe) == (stamp, recipe) and _is_done_with(known, known_drives):
            if known.state is not LogState.TAKEN:
                inbox.known_bad[path] = known
        elif not _is_old_enough(newest_s, known, stamp, min_age_s):
            _leave(log, stamp, f"written to less than {min_age_s:g} s ago", inbox, ledger)
        else:
            candidates.append(log)
    if candidates and settle_s:
        time.sleep(settle_s)
    for log in candidates:
        stamp, _ = _stamp(log)
        if stamp == inbox.stamps[str(log.path)]:
            inbox.fresh.append(log)
        else:
            _leave(log, stamp, "still growing", inbox, ledger)
    return inbox


def remember(
    ledger: InboxLedger,
    path: str,
    stamp: str,
    recipe: str,
    drive_id: str | None,
    error: str | None,
    of_the_machine: bool,
    max_tries: int,
) -> LogRecord:
    """Notes what became of a log that was tried."""
    before = ledger.records.get(path)
    tries = 1 + (before.tries if before is not None and before.stamp == stamp and before.recipe == recipe else 0)
    if error is None:
        state = LogState.TAKEN
    elif of_the_machine:
        state = LogState.FAILING if tries < max_tries else LogState.GIVEN_UP
    else:
        state = LogState.REFUSED
    ledger.records[path] = LogRecord(stamp, state, recipe, drive_id, error, tries)
    return ledger.records[path]


def _logs(folders: Sequence[str], inbox: Inbox) -> list[LogSource]:
    """Every log, once, sorted by path."""
    found: dict[Path, LogSource] = {}
    for folder in folders:
        root = Path(folder).expanduser().resolve()
        if not root.exists():
            inbox.missing.append(str(root))
            continue
        try:
            logs = [log for log in find_logs(root) if not log.path.name.endswith(UNFINISHED)]
        except UnknownFormatError:
            continue  # empty, or nothing that is a log: that is an inbox on a quiet day
        outside = {log.path for log in logs if _leads_out(log, root)}
        inbox.waiting.update(dict.fromkeys(map(str, outside), "it is, or holds, a link that leads out of the inbox"))
        found.update({log.path: log for log in logs if log.path not in outside})
    return [found[path] for path in sorted(found)]


def _leads_out(log: LogSource, root: Path) -> bool:
    """Whether a link in it would have a file read that nobody put into the inbox."""
    real = [(path, path.resolve()) for path in (log.path, *(path for _, path in log.files()))]
    return any(path != target and not target.is_relative_to(root) for path, target in real)


def _is_done_with(known: LogRecord, known_drives: Collection[str]) -> bool:
    if known.state is LogState.TAKEN:
        return known.drive_id in known_drives
    return known.state in (LogState.REFUSED, LogState.GIVEN_UP)


def _is_old_enough(newest_s: float, known: LogRecord | None, stamp: str, min_age_s: float) -> bool:
    """By its times; or, should a clock be wrong, because it looks as it did on an earlier night."""
    return time.time() - newest_s >= min_age_s or (known is not None and known.stamp == stamp)


def _leave(log: LogSource, stamp: str, why: str, inbox: Inbox, ledger: InboxLedger) -> None:
    inbox.waiting[str(log.path)] = why
    ledger.records[str(log.path)] = LogRecord(stamp, LogState.WAITING)


def _stamp(log: LogSource) -> tuple[str, float]:
    """Hash of names, sizes and times of the log's files, and the newest of the times (Unix)."""
    try:
        files = [(name, path.stat()) for name, path in log.files()]
    except FileNotFoundError:
        return "a file went while it was looked at", time.time()
    text = json.dumps([(name, status.st_size, status.st_mtime_ns) for name, status in files])
    return hashlib.sha256(text.encode()).hexdigest()[:32], max((status.st_mtime for _, status in files), default=0.0)
