"""Reads and writes the catalog. Every method is one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from mapforge.catalog.owner import is_dead, this_process
from mapforge.catalog.tables import Attempt, Build, Drive, Run, RunState, Table, Tile, TileState
from mapforge.errors import LeaseHeldError, UnknownRunError
from mapforge.schemas.drive import DriveManifest

LEASE_NS = 3600 * 10**9


class Catalog:
    """The ledger of one workspace."""

    def __init__(self, url: str) -> None:
        """url: any SQLAlchemy URL; missing tables are created."""
        self._engine: Engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _tune_sqlite)
        Table.metadata.create_all(self._engine)

    @classmethod
    def of(cls, workspace: str, url: str | None) -> Catalog:
        """The catalog at `url`, or the SQLite file of a workspace (made when it is not there)."""
        if url is not None:
            return cls(url)
        root = Path(workspace).expanduser().resolve()
        root.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{root / 'catalog.db'}")

    def close(self) -> None:
        """Gives the database connections back."""
        self._engine.dispose()

    # --- runs

    def start_run(self, run_id: str, region: str, settings: dict[str, Any]) -> None:
        """Opens a run, after marking those whose process died as interrupted."""
        with Session(self._engine) as session, session.begin():
            for run in session.scalars(select(Run).where(Run.state == RunState.RUNNING)):
                if is_dead(run.owner):
                    run.state, run.ended_ns = RunState.INTERRUPTED, time.time_ns()
            session.add(
                Run(
                    run_id=run_id,
                    region=region,
                    state=RunState.RUNNING,
                    started_ns=time.time_ns(),
                    settings_json=json.dumps(settings, sort_keys=True),
                    owner=this_process(),
                )
            )

    def has_living_runs(self) -> bool:
        """True while some run's process may still be at work."""
        with Session(self._engine) as session:
            owners = session.scalars(select(Run.owner).where(Run.state == RunState.RUNNING))
            return any(not is_dead(owner) for owner in owners)

    def end_run(self, run_id: str, state: RunState, error: str | None = None) -> None:
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(Run).where(Run.run_id == run_id).values(state=state, ended_ns=time.time_ns(), error=error)
            )

    def run(self, run_id: str) -> Run:
        """A run by its id, or the newest with `latest`. Raises UnknownRunError."""
        with Session(self._engine, expire_on_commit=False) as session:
            query = select(Run).order_by(Run.started_ns.desc()).limit(1)
            found = session.scalar(query if run_id == "latest" else query.where(Run.run_id == run_id))
        if found is None:
            known = ", ".join(run.run_id for run in self.runs()[:5]) or "none yet"
            raise UnknownRunError(f"no run '{run_id}' in the catalog; newest runs: {known}")
        return found

    def runs(self, region: str | None = None) -> list[Run]:
        """Newest first."""
        with Session(self._engine, expire_on_commit=False) as session:
            query = select(Run).order_by(Run.started_ns.desc())
            return list(session.scalars(query if region is None else query.where(Run.region == region)))

    # --- drives

    def record_drive(self, manifest: DriveManifest, error: str | None = None) -> None:
        """A drive is `usable`, or `refused` with the reason."""
        with Session(self._engine) as session, session.begin():
            session.merge(
                Drive(
                    drive_id=manifest.drive_id,
                    state="usable" if error is None else "refused",
                    source_format=manifest.source_format,
                    start_ns=manifest.start_ns,
                    end_ns=manifest.end_ns,
                    quarantined_rows=sum(manifest.quarantined.values()),
                    error=error,
                )
            )

    def drives(self) -> list[Drive]:
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Drive).order_by(Drive.drive_id)))

    # --- tiles

    def claim(self, tiles: Iterable[str], run_id: str) -> list[str]:
        """Takes the lease of every tile not held by a living owner; returns those taken, sorted.

        Raises LeaseHeldError when every tile is held by others.
        """
        now, owner = time.time_ns(), this_process()
        wanted = sorted(tiles)
        with Session(self._engine) as session, session.begin():
            self._insert_missing(session, wanted, now)
            held = {
                tile.tile: tile.lease_owner
                for tile in session.scalars(select(Tile).where(Tile.tile.in_(wanted), Tile.lease_owner.is_not(None)))
                if tile.lease_owner not in (None, owner)
                and not is_dead(str(tile.lease_owner))
                and (tile.lease_expires_ns or 0) > now
            }
            free = [tile for tile in wanted if tile not in held]
            session.execute(
                update(Tile)
                .where(Tile.tile.in_(free))
                .values(
                    state=TileState.BUILDING,
                    run_id=run_id,
                    lease_owner=owner,
                    lease_expires_ns=now + LEASE_NS,
                    attempts=Tile.attempts + 1,
                    error=None,
                    stage=None,
                    updated_ns=now,
                )
            )
        if held and not free:
            tile, holder = next(iter(held.items()))
            raise LeaseHeldError(f"all {len(held)} tiles are being built by another run (tile {tile}: {holder}); wait")
        return free

    def set_tile(
        self, tile: str, state: TileState, stage: str | None = None, error: str | None = None, build: str | None = None
    ) -> None:
        """Moves a tile on; final states give its lease back."""
        values: dict[str, Any] = {"state": state, "stage": stage, "error": error, "updated_ns": time.time_ns()}
        if build is not None:
            values["build"] = build
        if state in (TileState.VALID, TileState.REJECTED, TileState.FAILED, TileState.PUBLISHED):
            values |= {"lease_owner": None, "lease_expires_ns": None}
        with Session(self._engine) as session, session.begin():
            session.execute(update(Tile).where(Tile.tile == tile).values(**values))

    def replace_build(self, tile: str, build: str) -> None:
        """Another build becomes current; the tile's state stays."""
        with Session(self._engine) as session, session.begin():
            session.execute(update(Tile).where(Tile.tile == tile).values(build=build))

    def release_leases(self, run_id: str) -> None:
        """Gives back what a run still holds; tiles left in `building` become `pending`."""
        with Session(self._engine) as session, session.begin():
            mine = (Tile.run_id == run_id, Tile.lease_owner.is_not(None))
            session.execute(update(Tile).where(*mine, Tile.state == TileState.BUILDING).values(state=TileState.PENDING))
            session.execute(update(Tile).where(*mine).values(lease_owner=None, lease_expires_ns=None))

    def tiles(self, state: str | None = None, run_id: str | None = None) -> list[Tile]:
        """Sorted by name, filtered by state and by the run that touched them last."""
        query = select(Tile).order_by(Tile.tile)
        if state is not None:
            query = query.where(Tile.state == state)
        if run_id is not None:
            query = query.where(Tile.run_id == run_id)
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def tile(self, tile: str) -> Tile:
        """Raises UnknownRunError when the tile was never planned."""
        with Session(self._engine, expire_on_commit=False) as session:
            found = session.get(Tile, tile)
        if found is None:
            raise UnknownRunError(f"no tile '{tile}' in the catalog; `mapforge status` lists them")
        return found

    def count_tiles(self) -> dict[str, int]:
        """Number of tiles by state."""
        with Session(self._engine) as session:
            rows = session.execute(select(Tile.state, func.count()).group_by(Tile.state).order_by(Tile.state))
            return dict(rows.tuples().all())

    def record_build(self, tile: str, build: str, fingerprint: str, run_id: str) -> None:
        with Session(self._engine) as session, session.begin():
            session.merge(
                Build(tile=tile, build=build, fingerprint=fingerprint, run_id=run_id, created_ns=time.time_ns())
            )

    # --- attempts

    def record_attempt(
        self, run_id: str, stage: str, item: str, seconds: float, error: str | None = None, traceback: str | None = None
    ) -> None:
        with Session(self._engine) as session, session.begin():
            session.add(
                Attempt(
                    run_id=run_id,
                    stage=stage,
                    item=item,
                    ended_ns=time.time_ns(),
                    seconds=seconds,
                    error=error,
                    traceback=traceback,
                )
            )

    def attempts(self, run_id: str) -> list[Attempt]:
        """What a run did, in order; failed ones carry their error."""
        query = select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.attempt_id)
        with Session(self._engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def _insert_missing(self, session: Session, tiles: list[str], now: int) -> None:
        rows = [{"tile": tile, "state": TileState.PENDING, "updated_ns": now, "attempts": 0} for tile in tiles]
        if not rows:
            return
        if self._engine.dialect.name == "sqlite":
            session.execute(insert(Tile).on_conflict_do_nothing(), rows)
        else:
            known = set(session.scalars(select(Tile.tile).where(Tile.tile.in_(tiles))))
            session.add_all(Tile(**row) for row in rows if row["tile"] not in known)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
