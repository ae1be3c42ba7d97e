"""Tiles: their states, what is current of them, and which must be built anew."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from mapforge.catalog.database import Database
from mapforge.catalog.tables import FINAL_STATES, Build, Drive, DriveState, DriveTile, Run, Tile, TileState
from mapforge.errors import UnknownRunError

ENDS_LEASE = (*FINAL_STATES, TileState.FAILED, TileState.PARKED)
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class TileUpdate:
    """What a tile becomes. build, recipe and fingerprint stay as they are where none is given.

    stage, error: where and why it failed or was rejected.
    """

    tile: str
    state: TileState
    stage: str | None = None
    error: str | None = None
    build: str | None = None
    recipe: str | None = None
    fingerprint: str | None = None


class Tiles(Database):
    """The tiles of a map."""

    def set_tile(
        self,
        tile: str,
        state: TileState,
        stage: str | None = None,
        error: str | None = None,
        build: str | None = None,
        recipe: str | None = None,
        fingerprint: str | None = None,
    ) -> None:
        """Moves a tile on; final states give its lease back."""
        self.set_tiles([TileUpdate(tile, state, stage, error, build, recipe, fingerprint)])

    def set_tiles(self, updates: Iterable[TileUpdate], run_id: str | None = None) -> list[str]:
        """Moves many tiles on, all or none; final states give leases back. `failed` adds to the failures in a row.

        run_id: only tiles that this run took last are changed. Returns the names of the others, sorted: a run that
        slept past its leases learns so that it lost them.
        """
        updates = sorted(updates, key=lambda item: item.tile)
        now = time.time_ns()
        with self.engine.begin() as connection:
            lost = set() if run_id is None else self._not_of(connection, run_id, [item.tile for item in updates])
            rows = (_row(item, now) for item in updates if item.tile not in lost)
            while some := list(islice(rows, ROWS_AT_ONCE)):
                connection.execute(_SET_TILE, some)
        return sorted(lost)

    def replace_build(self, tile: str, build: str) -> None:
        """Another build becomes current; the tile's state stays."""
        with self.writing() as session:
            session.execute(update(Tile).where(Tile.tile == tile).values(build=build))

    def record_build(self, tile: str, build: str, fingerprint: str, run_id: str) -> None:
        """A tile file was written, by this run or, where it is known already, again."""
        self.record_builds([(tile, build, fingerprint)], run_id)

    def record_builds(
        self, builds: Iterable[tuple[str, str, str]], run_id: str, sha256: Mapping[str, str] | None = None
    ) -> None:
        """Many at once: (tile, build, fingerprint). sha256: tile -> hash of its file, which publishing checks."""
        now, hashes = time.time_ns(), sha256 or {}
        rows = [
            {
                "tile": tile,
                "build": build,
                "fingerprint": fingerprint,
                "run_id": run_id,
                "created_ns": now,
                "sha256": hashes.get(tile),
            }
            for tile, build, fingerprint in sorted(builds)
        ]
        new = self.insert(Build)
        known = new.on_conflict_do_update(
            index_elements=[Build.tile, Build.build],
            set_={
                **{name: new.excluded[name] for name in ("fingerprint", "run_id", "created_ns")},
                "sha256": func.coalesce(new.excluded["sha256"], Build.sha256),
            },
        )
        if rows:
            with self.writing() as session:
                session.connection().execute(known, rows)

    # --- looking

    def tiles(
        self,
        state: str | None = None,
        run_id: str | None = None,
        stage: str | None = None,
        region: str | None = None,
        drive: str | None = None,
        limit: int | None = None,
    ) -> list[Tile]:
        """Sorted by name; filtered by state, the run or region that touched them last, the stage they failed in, and a
        drive that touches them."""
        query = _filtered(select(Tile), state, run_id, stage, region, drive).order_by(Tile.tile).limit(limit)
        with self.reading() as session:
            return list(session.scalars(query))

    def tile_names(self, state: str | None = None, run_id: str | None = None) -> list[str]:
        """The names alone, sorted: of a million tiles they fit into memory, the tiles do not."""
        query = _filtered(select(Tile.tile), state, run_id, None, None, None).order_by(Tile.tile)
        with self.reading() as session:
            return list(session.scalars(query.execution_options(yield_per=ROWS_AT_ONCE)))

    def tile(self, tile: str) -> Tile:
        """Raises UnknownRunError when the tile was never planned."""
        with self.reading() as session:
            found = session.get(Tile, tile)
        if found is None:
            raise UnknownRunError(f"no tile '{tile}' in the catalog; `mapforge status` lists them")
        return found

    def count_tiles(
        self,
        state: str | None = None,
        run_id: str | None = None,
        stage: str | None = None,
        region: str | None = None,
        drive: str | None = None,
    ) -> dict[str, int]:
        """Number of tiles by state, of those that `tiles` with the same filters lists."""
        query = _filtered(select(Tile.state, func.count()), state, run_id, stage, region, drive)
        with self.reading() as session:
            rows = session.execute(query.group_by(Tile.state).order_by(Tile.state))
            return dict(rows.tuples().all())

    def builds(self, tile: str) -> list[Build]:
        """All builds of a tile that were ever made, oldest first."""
        with self.reading() as session:
            return list(
                session.scalars(select(Build).where(Build.tile == tile).order_by(Build.created_ns, Build.build))
            )

    def current_builds(self, states: Sequence[TileState] | None = None) -> dict[str, str]:
        """Tile -> current build, of all tiles that have one, or of those in some states."""
        query = select(Tile.tile, Tile.build).where(Tile.build.is_not(None)).order_by(Tile.tile)
        if states is not None:
            query = query.where(Tile.state.in_(states))
        with self.reading() as session:
            rows = session.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).tuples()
            return {tile: str(build) for tile, build in rows}

    # --- planning

    def stale_tiles(self, recipe: str, changed_drives: Iterable[str] = ()) -> list[str]:
        """Tiles to build: of another recipe, touched by a changed drive, or not in a final state. Sorted.

        Parked tiles are left out. Rejected ones are in a final state: nothing changed, nothing would come out
        differently.
        """
        return list(self.iter_stale_tiles(recipe, changed_drives))

    def iter_stale_tiles(self, recipe: str, changed_drives: Iterable[str] = ()) -> Iterator[str]:
        """The same one by one, for a plan that does not fit into memory."""
        drives = sorted(set(changed_drives))
        reasons = [Tile.recipe.is_(None), Tile.recipe != recipe, Tile.state.not_in(FINAL_STATES)]
        if drives:
            touched = select(DriveTile.tile).where(DriveTile.drive_id.in_(self.listed(drives)))
            reasons.append(Tile.tile.in_(touched))
        query = select(Tile.tile).where(Tile.state != TileState.PARKED, or_(*reasons)).order_by(Tile.tile)
        with self.reading() as session:
            yield from session.scalars(query.execution_options(yield_per=ROWS_AT_ONCE))

    # --- parking

    def park_tile(self, tile: str, reason: str) -> None:
        """No run takes the tile before it is unparked; what was published of it stays. Raises UnknownRunError."""
        stage = self.tile(tile).stage
        self.set_tiles([TileUpdate(tile, TileState.PARKED, stage, reason)])

    def unpark(self, tiles: Iterable[str] = (), drives: Iterable[str] = ()) -> list[str]:
        """Parked tiles become `pending`, parked drives `usable`, with no failures; returns those that were parked."""
        with self.writing() as session:
            parked = (Tile.state == TileState.PARKED, Tile.tile.in_(self.listed(tiles)))
            fresh = {"failures": 0, "error": None}
            freed = session.scalars(
                update(Tile)
                .where(*parked)
                .values(state=TileState.PENDING, stage=None, recipe=None, **fresh)
                .returning(Tile.tile)
            )
            names = sorted(freed)
            waiting = (Drive.state == DriveState.PARKED, Drive.drive_id.in_(self.listed(drives)))
            usable = update(Drive).where(*waiting).values(state=DriveState.USABLE, **fresh).returning(Drive.drive_id)
            return names + sorted(session.scalars(usable))

    def _not_of(self, connection: Connection, run_id: str, tiles: list[str]) -> set[str]:
        mine = select(Tile.tile).where(Tile.run_id == run_id, Tile.tile.in_(self.listed(tiles))).with_for_update()
        return set(tiles) - set(connection.scalars(mine.order_by(Tile.tile)))


def _filtered(
    query: Select, state: str | None, run_id: str | None, stage: str | None, region: str | None, drive: str | None
) -> Select:
    if state is not None:
        query = query.where(Tile.state == state)
    if run_id is not None:
        query = query.where(Tile.run_id == run_id)
    if stage is not None:
        query = query.where(Tile.stage == stage)
    if region is not None:
        query = query.where(Tile.run_id.in_(select(Run.run_id).where(Run.region == region)))
    if drive is not None:
        query = query.where(Tile.tile.in_(select(DriveTile.tile).where(DriveTile.drive_id == drive)))
    return query


def _row(item: TileUpdate, now: int) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in vars(item).items()} | {
        "ended": item.state in ENDS_LEASE,
        "final": item.state in FINAL_STATES,
        "failed": int(item.state == TileState.FAILED),
        "now": now,
    }


def _new(name: str) -> BindParameter[str]:
    return bindparam(f"new_{name}", type_=Text())


def _or_as_before(name: str) -> ColumnElement[str]:
    return func.coalesce(_new(name), Tile.__table__.c[name])


_ENDED = bindparam("ended", type_=Boolean())
_SET_TILE = (
    update(Tile.__table__)  # type: ignore[arg-type]
    .where(Tile.tile == _new("tile"))
    .values(
        state=_new("state"),
        stage=_new("stage"),
        error=_new("error"),
        build=_or_as_before("build"),
        recipe=_or_as_before("recipe"),
        fingerprint=_or_as_before("fingerprint"),
        failures=case((bindparam("final", type_=Boolean()), 0), else_=Tile.failures + bindparam("failed")),
        lease_owner=case((_ENDED, None), else_=Tile.lease_owner),
        lease_expires_ns=case((_ENDED, None), else_=Tile.lease_expires_ns),
        updated_ns=bindparam("now"),
    )
)
