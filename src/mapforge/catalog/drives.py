"""Drives: which may be used, and which tiles each of them touches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from mapforge.catalog.database import Database
from mapforge.catalog.tables import Drive, DriveState, DriveTile, Tile
from mapforge.errors import UnknownRunError

if TYPE_CHECKING:  # only a name here: what asks for a catalog's state need not load pyarrow
    from mapforge.schemas.drive import DriveManifest

OUT = (DriveState.PARKED, DriveState.WITHDRAWN)


class Drives(Database):
    """The drive store as the catalog knows it."""

    def record_drive(self, manifest: DriveManifest, error: str | None = None) -> int:
        """A drive is `usable`, or `refused` with the reason; a parked or withdrawn one stays so.

        The tiles that a refused drive touched are to be built anew without it. Returns how often in a row it was
        refused; `record_touched` says that it came through, and ends the row.
        """
        state = DriveState.USABLE if error is None else DriveState.REFUSED
        about = {
            "source_format": manifest.source_format,
            "start_ns": manifest.start_ns,
            "end_ns": manifest.end_ns,
            "quarantined_rows": sum(manifest.quarantined.values()),
        }
        new = self.insert(Drive).values(
            drive_id=manifest.drive_id, state=state, error=error, failures=int(error is not None), **about
        )
        stays = Drive.state.in_(OUT)
        known = new.on_conflict_do_update(
            index_elements=[Drive.drive_id],
            set_={
                "state": case((stays, Drive.state), else_=state),
                "error": case((stays, Drive.error), else_=error),
                "failures": Drive.failures + int(error is not None),
                **about,
            },
        )
        with self.writing() as session:
            failures = session.scalar(known.returning(Drive.failures))
            if error is not None:
                self._leave_tiles(session, manifest.drive_id)
        return int(failures or 0)

    def drives(self, state: str | None = None, tile: str | None = None, limit: int | None = None) -> list[Drive]:
        """Sorted by name; filtered by state and by a tile that they touch."""
        query = select(Drive).order_by(Drive.drive_id).limit(limit)
        if state is not None:
            query = query.where(Drive.state == state)
        if tile is not None:
            query = query.where(Drive.drive_id.in_(select(DriveTile.drive_id).where(DriveTile.tile == tile)))
        with self.reading() as session:
            return list(session.scalars(query))

    def count_drives(self) -> dict[str, int]:
        """Number of drives by state."""
        query = select(Drive.state, func.count()).group_by(Drive.state).order_by(Drive.state)
        with self.reading() as session:
            return dict(session.execute(query).tuples().all())

    def drive(self, drive_id: str) -> Drive:
        """Raises UnknownRunError when it was never ingested."""
        with self.reading() as session:
            found = session.get(Drive, drive_id)
        if found is None:
            raise UnknownRunError(f"no drive '{drive_id}' in the catalog; `mapforge status` lists them")
        return found

    def record_touched(self, drive_id: str, tiles: Iterable[str], fingerprint: str | None = None) -> list[str]:
        """A drive came through up to its drive elements: it touches these tiles, and no others any more.

        fingerprint: of those elements and detections. Where it differs from the one before, or is not given, every
        tile that the drive touches or touched must be built anew, and the catalog remembers that until it is; their
        names are returned, sorted.
        """
        wanted = set(tiles)
        with self.writing() as session:
            before = session.scalar(select(Drive.fingerprint).where(Drive.drive_id == drive_id))
            touched = set(session.scalars(select(DriveTile.tile).where(DriveTile.drive_id == drive_id)))
            same = fingerprint is not None and fingerprint == before
            stale = sorted(touched ^ wanted if same else touched | wanted)
            if touched - wanted:
                session.execute(
                    delete(DriveTile).where(
                        DriveTile.drive_id == drive_id, DriveTile.tile.in_(self.listed(touched - wanted))
                    )
                )
            if wanted - touched:
                rows = [{"drive_id": drive_id, "tile": tile} for tile in sorted(wanted - touched)]
                session.execute(self.insert(DriveTile).on_conflict_do_nothing(), rows)
            session.execute(update(Drive).where(Drive.drive_id == drive_id).values(fingerprint=fingerprint, failures=0))
            if stale:
                session.execute(update(Tile).where(Tile.tile.in_(self.listed(stale))).values(recipe=None))
        return stale

    def tiles_touched(self, drives: Iterable[str]) -> list[str]:
        """The tiles that any of these drives touches, sorted."""
        query = select(DriveTile.tile).where(DriveTile.drive_id.in_(self.listed(drives))).distinct()
        with self.reading() as session:
            return sorted(session.scalars(query))

    def park_drive(self, drive_id: str, reason: str) -> None:
        """No run uses the drive before it is unparked. Raises UnknownRunError."""
        self._take_out(drive_id, DriveState.PARKED, reason)

    def withdraw_drive(self, drive_id: str, reason: str | None = None) -> list[str]:
        """The drive takes no part any more; returns the tiles it touched, which are to be built anew without it.

        The catalog remembers them as such until they are. Raises UnknownRunError.
        """
        return self._take_out(drive_id, DriveState.WITHDRAWN, reason)

    def _take_out(self, drive_id: str, state: DriveState, reason: str | None) -> list[str]:
        self.drive(drive_id)
        with self.writing() as session:
            session.execute(update(Drive).where(Drive.drive_id == drive_id).values(state=state, error=reason))
            return self._leave_tiles(session, drive_id)

    def _leave_tiles(self, session: Session, drive_id: str) -> list[str]:
        """The drive is in no tile any more; those it was in are to be built anew."""
        session.execute(update(Drive).where(Drive.drive_id == drive_id).values(fingerprint=None))
        gone = delete(DriveTile).where(DriveTile.drive_id == drive_id).returning(DriveTile.tile)
        touched = sorted(session.scalars(gone))
        if touched:
            session.execute(update(Tile).where(Tile.tile.in_(self.listed(touched))).values(recipe=None))
        return touched
