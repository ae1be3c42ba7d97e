"""One night at a time: the second waits, or goes home and says who is at work."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mapforge.catalog.owner import Fate, fate, this_process
from mapforge.errors import LeaseHeldError
from mapforge.io.atomic import write_text
from mapforge.io.workspace import Workspace

POLL_S = 0.5
LOCK, GUARD = "lock.json", ".lock"


@dataclass(frozen=True)
class Holder:
    """Who runs a night. owner: the process, see catalog.owner; since_s: Unix time."""

    night_id: str
    owner: str
    since_s: float

    def is_gone(self, expires_s: float) -> bool:
        """Its process is known to be dead, or runs where nobody can look and has been at it for too long."""
        known = fate(self.owner)
        return known is Fate.DEAD or (known is Fate.UNKNOWN and abs(time.time() - self.since_s) > expires_s)


@dataclass(frozen=True)
class Turn:
    """A night that may begin. waited_s: for another; took_over: a night whose process died before its end."""

    waited_s: float
    took_over: Holder | None


@contextmanager
def night_lock(workspace: Workspace, night_id: str, wait_s: float, expires_s: float) -> Iterator[Turn]:
    """Holds the workspace's night. Raises LeaseHeldError when another has not ended within `wait_s`."""
    began = time.monotonic()
    while True:
        held, gone = _take(workspace, night_id, expires_s)
        waited_s = time.monotonic() - began
        if held is None:
            break
        if waited_s >= wait_s:
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(held.since_s))
            waited = f" after waiting {waited_s:.0f} s" if wait_s else ""
            raise LeaseHeldError(
                f"night {held.night_id} is still running{waited}: process {held.owner}, since {since}; "
                "nightly.wait_s makes this one wait longer"
            )
        time.sleep(min(POLL_S, max(wait_s - waited_s, 0.01)))
    try:
        yield Turn(waited_s, gone)
    finally:
        with _guarded(workspace):
            mine = _holder(workspace)
            if mine is not None and mine.night_id == night_id:
                (workspace.nights / LOCK).unlink(missing_ok=True)


def _take(workspace: Workspace, night_id: str, expires_s: float) -> tuple[Holder | None, Holder | None]:
    """(who holds it, None) or, when it was taken, (None, the dead holder if there was one)."""
    with _guarded(workspace):
        holder = _holder(workspace)
        if holder is not None and not holder.is_gone(expires_s):
            return holder, None
        mine = Holder(night_id, this_process(), time.time())
        write_text(workspace.nights / LOCK, json.dumps(asdict(mine)), workspace.nights / ".unfinished")
        return None, holder


def _holder(workspace: Workspace) -> Holder | None:
    try:
        return Holder(**json.loads((workspace.nights / LOCK).read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None


@contextmanager
def _guarded(workspace: Workspace) -> Iterator[None]:
    """Looking at the lock and taking it is one step, among all processes that see the folder."""
    workspace.nights.mkdir(parents=True, exist_ok=True)
    with Path(workspace.nights / GUARD).open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
