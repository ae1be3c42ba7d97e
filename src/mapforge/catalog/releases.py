"""Releases in the catalog: which there are, which is current, and which tiles are published by it.

The truth is on disk (`releases/`); what is kept here can be made again from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from mapforge.catalog.store import Catalog
from mapforge.catalog.tables import Build, Release, Tile, TileState

_CHUNK = 500
_Item = TypeVar("_Item")
_AT_REST = (TileState.VALID, TileState.PUBLISHED)


class TileStanding(NamedTuple):
    """Where a tile stands: its state, the build that is current, and why it failed if it did."""

    state: str
    build: str | None
    error: str | None


class ReleaseRecords:
    """The releases of one catalog. Every method is one transaction."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def all(self) -> list[Release]:
        """Oldest first."""
        with self._catalog.reading() as session:
            return list(session.scalars(select(Release).order_by(Release.created_ns, Release.name)))

    def record(self, name: str, run_id: str, manifest_sha256: str, created_ns: int) -> None:
        """A release that lies on disk whole; not current yet. One that is known keeps its time."""
        with self._catalog.writing() as session:
            known = session.get(Release, name) or Release(name=name, created_ns=created_ns, current=False)
            known.run_id, known.manifest_sha256 = run_id, manifest_sha256
            session.add(known)

    def forget(self, names: Iterable[str]) -> None:
        with self._catalog.writing() as session:
            session.execute(delete(Release).where(Release.name.in_(list(names))))

    def make_current(self, name: str | None, builds: Mapping[str, str]) -> None:
        """One release is current; tiles whose current build it holds are published, other good ones valid.

        builds: tile -> build of the release. Nothing is written where it is so already.
        """
        with self._catalog.reading() as session:
            current = set(session.scalars(select(Release.name).where(Release.current)))
            wrong = _wrong_states(session, builds)
        if current == ({name} - {None}) and not any(wrong.values()):
            return
        with self._catalog.writing() as session:
            session.execute(update(Release).values(current=Release.name == name))
            for right, tiles in wrong.items():
                for some in _chunks(tiles):
                    own = (Tile.tile.in_(some), Tile.state.in_(_AT_REST))
                    session.execute(update(Tile).where(*own).values(state=right))

    def standings(self) -> dict[str, TileStanding]:
        """Every tile the catalog knows."""
        with self._catalog.reading() as session:
            rows = session.execute(select(Tile.tile, Tile.state, Tile.build, Tile.error))
            return {tile: TileStanding(state, build, error) for tile, state, build, error in rows}

    def known_builds(self, builds: Mapping[str, str]) -> dict[str, Build]:
        """Tile -> what is recorded of the build given for it; those not recorded are left out."""
        found: dict[str, Build] = {}
        with self._catalog.reading() as session:
            for some in _chunks(sorted(builds.items())):
                query = select(Build).where(tuple_(Build.tile, Build.build).in_(some))
                found.update({build.tile: build for build in session.scalars(query)})
        return found

    def forget_builds(self, builds: Iterable[tuple[str, str]]) -> None:
        """builds: (tile, build) whose files are gone."""
        with self._catalog.writing() as session:
            for some in _chunks(list(builds)):
                session.execute(delete(Build).where(tuple_(Build.tile, Build.build).in_(some)))


def _wrong_states(session: Session, builds: Mapping[str, str]) -> dict[TileState, list[str]]:
    """State -> tiles that should be in it and are not."""
    rows = session.execute(select(Tile.tile, Tile.build, Tile.state).where(Tile.state.in_(_AT_REST)))
    wrong: dict[TileState, list[str]] = {state: [] for state in _AT_REST}
    for tile, build, state in rows:
        right = TileState.PUBLISHED if build is not None and builds.get(tile) == build else TileState.VALID
        if state != right:
            wrong[right].append(tile)
    return wrong


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Few enough for the variables of one statement."""
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
