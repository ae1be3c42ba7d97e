"""Runs and what they tried."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update

from mapforge.catalog.database import Database
from mapforge.catalog.owner import is_over, this_process
from mapforge.catalog.tables import FINAL_STATES, Attempt, Release, Run, RunState, Tile
from mapforge.errors import UnknownRunError


class Runs(Database):
    """Calls of the pipeline, newest first, and every attempt at a task."""

    def start_run(self, run_id: str, region: str, settings: dict[str, Any]) -> None:
        """Opens a run, after marking those as interrupted that are over without having said so."""
        with self.writing() as session:
            now = self.now_ns(session)
            for run in session.scalars(select(Run).where(Run.state == RunState.RUNNING)):
                if _is_over(run, now):
                    run.state, run.ended_ns = RunState.INTERRUPTED, now
            session.add(
                Run(
                    run_id=run_id,
                    region=region,
                    state=RunState.RUNNING,
                    started_ns=now,
                    renewed_ns=now,
                    settings_json=json.dumps(settings, sort_keys=True),
                    owner=this_process(),
                )
            )

    def has_living_runs(self, besides: str | None = None) -> bool:
        """True while the process of some run, other than the one given, may still be at work."""
        with self.reading() as session:
            now = self.now_ns(session)
            running = session.scalars(select(Run).where(Run.state == RunState.RUNNING))
            return any(run.run_id != besides and not _is_over(run, now) for run in running)

    def end_run(self, run_id: str, state: RunState, error: str | None = None) -> None:
        with self.writing() as session:
            session.execute(
                update(Run).where(Run.run_id == run_id).values(state=state, ended_ns=time.time_ns(), error=error)
            )

    def run(self, run_id: str) -> Run:
        """A run by its id, or the newest with `latest`. Raises UnknownRunError."""
        with self.reading() as session:
            query = select(Run).order_by(Run.started_ns.desc(), Run.run_id.desc()).limit(1)
            found = session.scalar(query if run_id == "latest" else query.where(Run.run_id == run_id))
        if found is None:
            known = ", ".join(run.run_id for run in self.runs(limit=5)) or "none yet"
            raise UnknownRunError(f"no run '{run_id}' in the catalog; newest runs: {known}")
        return found

    def runs(self, region: str | None = None, state: str | None = None, limit: int | None = None) -> list[Run]:
        """Newest first."""
        query = _of(select(Run), region, state).order_by(Run.started_ns.desc(), Run.run_id.desc())
        with self.reading() as session:
            return list(session.scalars(query.limit(limit)))

    def count_runs(self, region: str | None = None, state: str | None = None) -> int:
        """Number of what `runs` with the same filters lists."""
        with self.reading() as session:
            return session.scalar(_of(select(func.count()).select_from(Run), region, state)) or 0

    def forget_runs(self, keep: int) -> list[str]:
        """Deletes runs that are over, all but the newest `keep`, with their attempts; returns their names, sorted.

        A run stays while a release was made by it, or a tile that is not in a final state was last touched by it: its
        attempts say why.
        """
        newest = select(Run.run_id).order_by(Run.started_ns.desc(), Run.run_id.desc()).limit(keep)
        asked_about = select(Tile.run_id).where(Tile.state.not_in(FINAL_STATES), Tile.run_id.is_not(None))
        old = select(Run.run_id).where(
            Run.state != RunState.RUNNING,
            Run.run_id.not_in(newest),
            Run.run_id.not_in(asked_about),
            Run.run_id.not_in(select(Release.run_id)),
        )
        with self.writing() as session:
            names = sorted(session.scalars(old))
            session.execute(delete(Attempt).where(Attempt.run_id.in_(self.listed(names))))
            session.execute(delete(Run).where(Run.run_id.in_(self.listed(names))))
        return names

    def record_attempt(
        self, run_id: str, stage: str, item: str, seconds: float, error: str | None = None, traceback: str | None = None
    ) -> None:
        """One try at one task has ended."""
        with self.writing() as session:
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

    def attempts(
        self,
        run_id: str | None = None,
        item: str | None = None,
        stage: str | None = None,
        failed: bool = False,
        limit: int | None = None,
    ) -> list[Attempt]:
        """What was tried, in order; the last `limit` of it. item: a drive, or a tile with all its drives."""
        query = self._tried(select(Attempt), run_id, item, stage, failed).order_by(Attempt.attempt_id.desc())
        with self.reading() as session:
            return list(session.scalars(query.limit(limit)))[::-1]

    def count_attempts(
        self, run_id: str | None = None, item: str | None = None, stage: str | None = None, failed: bool = False
    ) -> int:
        """Number of what `attempts` with the same filters lists."""
        query = self._tried(select(func.count()).select_from(Attempt), run_id, item, stage, failed)
        with self.reading() as session:
            return session.scalar(query) or 0

    def _tried(self, query: Select, run_id: str | None, item: str | None, stage: str | None, failed: bool) -> Select:
        if run_id is not None:
            query = query.where(Attempt.run_id == run_id)
        if item is not None:
            query = query.where(or_(Attempt.item == item, self.begins(Attempt.item, f"{item}@")))
        if stage is not None:
            query = query.where(Attempt.stage == stage)
        if failed:
            query = query.where(Attempt.error.is_not(None))
        return query


def _is_over(run: Run, now: int) -> bool:
    return is_over(run.owner, run.renewed_ns or run.started_ns, now)


def _of(query: Select, region: str | None, state: str | None) -> Select:
    if region is not None:
        query = query.where(Run.region == region)
    if state is not None:
        query = query.where(Run.state == state)
    return query
