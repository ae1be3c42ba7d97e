"""What would be published: where the newest good tiles differ from the release, and whether the gates let them pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState, TileState
from mapforge.geometry.tiles import TileId
from mapforge.io import mirror
from mapforge.io.workspace import Workspace
from mapforge.pipeline.stage_files import StageFiles, elements_of, path_of
from mapforge.pipeline.staging import fetch
from mapforge.releases.config import ReleasesConfig
from mapforge.releases.difference import difference
from mapforge.releases.difference_files import write_difference
from mapforge.releases.manifest import ReleasedTile, ReleaseManifest, current_release
from mapforge.validation.candidate import CandidateInputs, CandidateVerdict, judge
from mapforge.validation.config import ValidationConfig

GOOD = (TileState.VALID, TileState.PUBLISHED)


@dataclass(frozen=True)
class Candidate:
    """release: the current one, if any. builds: tile -> newest good build, where it is not the released one. rejected:

    tile -> newest build, which its own gates rejected. gone: released tiles the map has no longer.
    """

    release: ReleaseManifest | None
    builds: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """A new release would not be the old one."""
        return bool(self.builds or self.gone)


def candidate(workspace: Workspace, catalog: Catalog) -> Candidate:
    """Compares the catalog with the current release, whenever and by whatever run its tiles were built."""
    release = current_release(workspace)
    released = release.builds if release is not None else {}
    good = catalog.current_builds(GOOD)
    bad = catalog.current_builds([TileState.REJECTED])
    known = set(catalog.tile_names())
    return Candidate(
        release,
        {tile: build for tile, build in good.items() if released.get(tile) != build},
        {tile: build for tile, build in bad.items() if released.get(tile) != build},
        sorted(set(released) - known),
    )


def judge_candidate(
    found: Candidate, workspace: Workspace, catalog: Catalog, config: ValidationConfig
) -> CandidateVerdict:
    """Reads the gates over what differs. What drives saw is read for those that contributed to it."""
    new = {TileId.parse(tile): workspace.tile(TileId.parse(tile), build) for tile, build in found.builds.items()}
    released = found.release.files(workspace) if found.release is not None else {}
    mirror.fetch_immutable(workspace, [*new.values(), *released.values()])
    differing = {*new, *map(TileId.parse, found.gone)}
    drives = contributing_drives(new.values())
    fetch(StageFiles(tuple(of(d, workspace) for d in drives for of in (path_of, elements_of))), workspace)
    inputs = CandidateInputs(
        workspace.read_frame(),
        dict(sorted(new.items())),
        {tile: path for tile, path in sorted(released.items()) if tile in differing},
        {drive: path for drive in drives if (path := workspace.trajectory(drive)).exists()},
        {drive: path for drive in drives if (path := workspace.drive_elements(drive)).exists()},
        frozenset(drive.drive_id for drive in catalog.drives(state=DriveState.WITHDRAWN)),
        frozenset(map(TileId.parse, found.rejected)),
    )
    return judge(inputs, config)


def write_candidate_difference(
    found: Candidate, builds: Mapping[str, str], workspace: Workspace, folder: Path, config: ReleasesConfig
) -> list[Path]:
    """What a release with these builds would change, as GeoJSON, picture and text, whether it is published or not."""
    if found.release is None:
        return []
    kept = [own for own in found.release.tiles if own.tile not in {*builds, *found.gone}]
    fresh = [
        ReleasedTile(tile, build, f"tiles/{tile}/{build}.parquet", "", 0, None, {}, 0, 0, "", {}, "")
        for tile, build in builds.items()
    ]
    new = replace(found.release, name="candidate", tiles=tuple(sorted([*kept, *fresh], key=lambda own: own.tile_id)))
    changes = difference(workspace, found.release, new, config.moved_m)
    return write_difference(changes, folder, config.picture_px_per_m)


def contributing_drives(tiles: Iterable[Path]) -> list[str]:
    """Drives that some element of some tile file was made from, sorted."""
    drives: set[str] = set()
    for path in tiles:
        column = pq.read_table(path, columns=["sources"])["sources"]
        drives.update(pc.unique(pc.list_flatten(column)).to_pylist())
    return sorted(drives - {None})
