"""Locks by name: what only one process of all machines may do at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, update

from mapforge.catalog.database import Database
from mapforge.catalog.owner import LEASE_NS, Fate, fate, this_process
from mapforge.catalog.tables import Lock
from mapforge.errors import LeaseHeldError

POLL_S = 0.5
EXPIRES_S = LEASE_NS / 1e9


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. name: what it calls itself; owner: its process, see catalog.owner; since_ns: Unix time."""

    name: str
    owner: str
    since_ns: int

    def is_gone(self, expires_s: float, now_ns: int) -> bool:
        """Its process is known to be dead, or runs where nobody can look and has been at it for too long."""
        known = fate(self.owner)
        return known is Fate.DEAD or (known is Fate.UNKNOWN and abs(now_ns - self.since_ns) > expires_s * 1e9)


@dataclass(frozen=True)
class Turn:
    """A lock that was taken. waited_s: for another to end; took_over: one whose process died before its end."""

    waited_s: float
    took_over: Holder | None


class Locks(Database):
    """Who does what only one may do. A lock ends with its block, or with its process on this machine."""

    @contextmanager
    def locked(
        self,
        lock: str,
        name: str,
        wait_s: float = 0.0,
        expires_s: float = EXPIRES_S,
        advice: str = "try again later",
    ) -> Iterator[Turn]:
        """Holds a lock. name: what the holder calls itself. expires_s: after which one elsewhere is taken for dead.

        Raises LeaseHeldError, with the advice, when another has not given it back within `wait_s`.
        """
        began = time.monotonic()
        while True:
            held, gone = self._take_lock(lock, name, expires_s)
            waited_s = time.monotonic() - began
            if held is None:
                break
            if waited_s >= wait_s:
                since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(held.since_ns / 1e9))
                waited = f" after waiting {waited_s:.0f} s" if wait_s else ""
                raise LeaseHeldError(
                    f"{lock} {held.name} is still running{waited}: process {held.owner}, since {since}; {advice}"
                )
            time.sleep(min(POLL_S, max(wait_s - waited_s, 0.01)))
        try:
            yield Turn(waited_s, gone)
        finally:
            self._give_back(lock, name)

    def _take_lock(self, lock: str, name: str, expires_s: float) -> tuple[Holder | None, Holder | None]:
        """(who holds it, None) or, when it was taken, (None, the dead holder if there was one)."""
        with self.writing() as session:
            now = self.now_ns(session)
            session.execute(self.insert(Lock).values(lock=lock).on_conflict_do_nothing())
            row = session.scalars(select(Lock).where(Lock.lock == lock).with_for_update()).one()
            before = None
            if row.holder is not None and row.owner is not None and row.since_ns is not None:
                before = Holder(row.holder, row.owner, row.since_ns)
                if not before.is_gone(expires_s, now):
                    return before, None
            row.holder, row.owner, row.since_ns = name, this_process(), now
            return None, before

    def _give_back(self, lock: str, name: str) -> None:
        mine = (Lock.lock == lock, Lock.holder == name, Lock.owner == this_process())
        with self.writing() as session:
            session.execute(update(Lock).where(*mine).values(holder=None, owner=None, since_ns=None))
