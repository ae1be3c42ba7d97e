"""Which build of which tile goes into a release."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from mapforge.catalog import Catalog
from mapforge.catalog.releases import ReleaseRecords, TileStanding
from mapforge.catalog.tables import TileState
from mapforge.errors import ReleaseError
from mapforge.io.workspace import Workspace
from mapforge.releases.manifest import CARRIED_OVER, VALID, ReleasedTile, ReleaseManifest
from mapforge.releases.tile_facts import check_file, new_tile

_GOOD = (TileState.VALID, TileState.PUBLISHED)
_BAD = (TileState.REJECTED, TileState.FAILED, TileState.PARKED)
_REASONS_SHOWN = 5


@dataclass(frozen=True)
class Selection:
    """tiles: in order. left_out: tile -> why no release has it yet. removed: of the release before, now gone."""

    tiles: tuple[ReleasedTile, ...]
    left_out: dict[str, str]
    removed: tuple[str, ...]


def select_tiles(
    workspace: Workspace,
    catalog: Catalog,
    builds: Mapping[str, str],
    previous: ReleaseManifest | None,
    removed: Collection[str],
    name: str,
    verify_kept: bool,
) -> Selection:
    """The tiles of the release `name` that follows `previous`, after a look at every file.

    builds: tile -> build; good ones are taken, for others the build of the previous release stays, if it has one.
    Tiles that are not named stay. verify_kept: hash the files that stay, too.
    Raises ReleaseError when no tile is left, or a file is not what was built.
    """
    before = {} if previous is None else {tile.tile: tile for tile in previous.tiles}
    kept = {tile: own for tile, own in before.items() if tile not in removed}
    standings = ReleaseRecords(catalog).standings()
    objections = {tile: _objection(build, standings.get(tile)) for tile, build in builds.items()}
    fresh = {
        tile: build
        for tile, build in builds.items()
        if objections[tile] is None and (tile not in kept or kept[tile].build != build)
    }
    for tile, own in kept.items():
        if tile not in fresh:
            check_file(workspace, own, verify_kept)
    recorded = ReleaseRecords(catalog).known_builds(fresh)
    tiles = {
        **{tile: _kept(own, tile in builds, objections.get(tile), standings.get(tile)) for tile, own in kept.items()},
        **{tile: new_tile(workspace, tile, build, recorded.get(tile), name) for tile, build in fresh.items()},
    }
    left_out = {tile: why for tile, why in sorted(objections.items()) if why is not None and tile not in tiles}
    if not tiles:
        shown = "; ".join(f"{tile}: {why}" for tile, why in list(left_out.items())[:_REASONS_SHOWN])
        raise ReleaseError(
            f"nothing to publish: {shown or 'no tile was given'}. `mapforge status` lists the tiles, "
            "`mapforge retry state=failed` builds them again"
        )
    order = sorted(tiles.values(), key=lambda tile: tile.tile_id)
    return Selection(tuple(order), left_out, tuple(sorted(set(before) & set(removed))))


def _objection(build: str, standing: TileStanding | None) -> str | None:
    """Why a build may not be published; None when it may."""
    if standing is None:
        return "the catalog does not know this tile"
    if standing.state not in _GOOD:
        return f"{standing.state}: {standing.error}" if standing.error else str(standing.state)
    return None if standing.build == build else f"its current build is {standing.build}, not {build}"


def _kept(own: ReleasedTile, named: bool, objection: str | None, standing: TileStanding | None) -> ReleasedTile:
    """A tile of the release before, as the next one holds it: asked for again, overruled, or not touched."""
    if named and objection is None:
        return replace(own, state=VALID, reason=None)
    if not named and (standing is None or standing.state not in _BAD):
        return own
    reason = objection or (None if standing is None else _objection(own.build, standing))
    return replace(own, state=CARRIED_OVER, reason=reason)
