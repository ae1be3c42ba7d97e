"""Leases: at most one run works on a tile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Text, literal, select, true, update
from sqlalchemy.orm import Session

from mapforge.catalog.database import Database
from mapforge.catalog.owner import LEASE_NS, is_over, this_process
from mapforge.catalog.tables import Run, RunState, Tile, TileState
from mapforge.errors import CatalogError, LeaseHeldError

RENEW_AFTER_S = 300.0
ROWS_AT_ONCE = 10_000
logger = logging.getLogger(__name__)


class Leases(Database):
    """Who works on which tile.

    On one machine a lease lasts exactly as long as its owner's process: no clock is asked. Elsewhere it lasts
    until it expires, an hour after it was taken or renewed; one that would last longer than that comes from a
    clock that was wrong, and holds nothing.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._renewed_s: dict[str, float] = {}

    def claim(self, tiles: Iterable[str], run_id: str) -> list[str]:
        """Takes the lease of every tile not held by a living owner; returns those taken, sorted.

        Parked tiles are nobody's to take. Raises LeaseHeldError when every tile is held by others.
        """
        wanted = sorted(set(tiles))
        with self.writing() as session:
            now = self.now_ns(session)
            self._insert_missing(session, wanted, now)
            rows = session.execute(
                select(Tile.tile, Tile.state, Tile.run_id, Tile.lease_owner, Tile.lease_expires_ns)
                .where(Tile.tile.in_(self.listed(wanted)))
                .order_by(Tile.tile)
                .with_for_update()
                .execution_options(yield_per=ROWS_AT_ONCE)
            )
            held, free, asked = {}, [], _Holders(session, run_id, now)
            for tile, state, holder, owner, expires_ns in rows:
                if asked.holds(owner, holder, expires_ns):
                    held[tile] = owner
                elif state != TileState.PARKED:
                    free.append(tile)
            self._take(session, free, run_id, now)
        if held and not free:
            tile, holder = next(iter(held.items()))
            raise LeaseHeldError(f"all {len(held)} tiles are being built by another run (tile {tile}: {holder}); wait")
        return free

    def renew_leases(self, run_id: str) -> None:
        """Says that a run lives, and keeps what it holds for another hour.

        Call it as often as you like: it acts every five minutes.
        """
        if time.monotonic() - self._renewed_s.get(run_id, float("-inf")) < RENEW_AFTER_S:
            return
        with self.writing() as session:
            mine = (Tile.run_id == run_id, Tile.lease_owner == this_process())
            now = self.now_ns(session)
            session.execute(update(Tile).where(*mine).values(lease_expires_ns=now + LEASE_NS))
            session.execute(update(Run).where(Run.run_id == run_id).values(renewed_ns=now))
        self._renewed_s[run_id] = time.monotonic()

    @contextmanager
    def keep_leases(self, run_id: str) -> Iterator[None]:
        """Renews a run's leases in the background for as long as the block lasts, however long one task takes."""
        over = threading.Event()
        beat = threading.Thread(target=self._renew_until, args=(over, run_id), name="leases", daemon=True)
        beat.start()
        try:
            yield
        finally:
            over.set()
            beat.join()

    def _renew_until(self, over: threading.Event, run_id: str) -> None:
        while not over.wait(RENEW_AFTER_S / 2):
            try:
                self.renew_leases(run_id)
            except CatalogError as error:  # there is time for eleven more tries before a lease is lost
                logger.warning("leases of run %s were not renewed: %s", run_id, error)

    def release_leases(self, run_id: str) -> None:
        """Gives back what a run still holds; tiles left in `building` become `pending`."""
        with self.writing() as session:
            mine = (Tile.run_id == run_id, Tile.lease_owner.is_not(None))
            session.execute(update(Tile).where(*mine, Tile.state == TileState.BUILDING).values(state=TileState.PENDING))
            session.execute(update(Tile).where(*mine).values(lease_owner=None, lease_expires_ns=None))

    def _take(self, session: Session, tiles: list[str], run_id: str, now: int) -> None:
        session.execute(
            update(Tile)
            .where(Tile.tile.in_(self.listed(tiles)))
            .values(
                state=TileState.BUILDING,
                run_id=run_id,
                lease_owner=this_process(),
                lease_expires_ns=now + LEASE_NS,
                attempts=Tile.attempts + 1,
                error=None,
                stage=None,
                updated_ns=now,
            )
        )

    def _insert_missing(self, session: Session, tiles: list[str], now: int) -> None:
        named = self.listed(tiles).where(true()).subquery()
        rows = select(named.c.value, literal(TileState.PENDING.value, Text), literal(now), literal(0), literal(0))
        columns = ["tile", "state", "updated_ns", "attempts", "failures"]
        new = self.insert(Tile).from_select(columns, rows.order_by(named.c.value).where(true()))
        session.execute(new.on_conflict_do_nothing())


class _Holders:
    """Tells whether a lease is in force; asks about each owner once."""

    def __init__(self, session: Session, run_id: str, now: int) -> None:
        self._run_id, self._now = run_id, now
        self._running = set(session.scalars(select(Run.run_id).where(Run.state == RunState.RUNNING)))
        self._me = this_process()
        self._over: dict[tuple[str, int], bool] = {}

    def holds(self, owner: str | None, run_id: str | None, expires_ns: int | None) -> bool:
        if owner is None or run_id == self._run_id:
            return False
        if owner == self._me:
            return run_id in self._running
        asked = (owner, (expires_ns or 0) - LEASE_NS)
        if asked not in self._over:
            self._over[asked] = is_over(*asked, self._now)
        return not self._over[asked]
