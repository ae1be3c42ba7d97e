"""What is known of a region before, and while, it is built: its drives, where each stands, and the tiles they touch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from mapforge.catalog import Catalog
from mapforge.catalog.tables import FINAL_STATES, DriveState, TileState
from mapforge.config import Settings
from mapforge.errors import ConfigurationError, ContractError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.staging import open_workspace
from mapforge.pipeline.stamps import Ledger, Recipe, Stamp
from mapforge.pipeline.standing import Standing, standing, verified
from mapforge.pipeline.withdrawn_logs import withdrawn_logs
from mapforge.schemas.drive import DriveManifest

TILE_REACH_M = 20.0
"""Tiles further than this from every driven path are not built: nothing in them is judged."""


@dataclass
class DriveFacts:
    """Where one drive stands. What depends on a product that must be made first is None.

    refusal: why alignment left it out. path_tiles: those near its path. tiles: those it has a raster of; old_tiles: as
    far as an earlier run knew.
    missing: tiles of it whose observation failed.
    """

    drive_id: str
    manifest: DriveManifest
    manifest_sha256: str
    localization: Standing
    alignment: Standing
    old_tiles: frozenset[TileId] = frozenset()
    refusal: str | None = None
    path_sha256: str | None = None
    path_tiles: frozenset[TileId] = frozenset()
    rasters: Standing | None = None
    tiles: tuple[TileId, ...] | None = None
    missing: frozenset[TileId] = frozenset()
    detections: Standing | None = None
    elements: Standing | None = None

    @property
    def ways(self) -> str:
        """Hash of what the lane graph reads of this drive: its path, and where it saw others drive."""
        seen = "" if self.detections is None else self.detections.recipe.fingerprint[:24]
        return f"{self.path_sha256}{seen}"

    @property
    def product(self) -> str | None:
        """Hash of what fusion reads of this drive."""
        if self.elements is None or self.detections is None:
            return None
        return self.elements.recipe.fingerprint[:24] + self.detections.recipe.fingerprint[:24]


@dataclass
class RegionFacts:
    """A region and the drives of its workspace.

    only: build just these tiles. unreadable: drives of the store whose manifest is damaged -> how.
    """

    settings: Settings
    catalog: Catalog
    recipes: Recipes
    only: set[TileId] | None = None
    manifests: dict[str, DriveManifest] = field(default_factory=dict)
    drives: dict[str, DriveFacts] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    region_drives: set[str] = field(default_factory=set)

    @cached_property
    def workspace(self) -> Workspace:
        return open_workspace(self.settings.workspace)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.workspace)

    @cached_property
    def frame(self) -> MapFrame:
        return self.workspace.read_frame()

    @cached_property
    def withdrawn_logs(self) -> dict[str, dict[str, str]]:
        return withdrawn_logs(self.workspace)

    @cached_property
    def parked_tiles(self) -> dict[TileId, str]:
        """Tile -> why nobody builds it."""
        return {TileId.parse(tile.tile): tile.error or "" for tile in self.catalog.tiles(state=TileState.PARKED)}

    @cached_property
    def drives_left_out(self) -> dict[str, tuple[str, str]]:
        """Drive -> (parked or withdrawn, why)."""
        states = (DriveState.PARKED, DriveState.WITHDRAWN)
        return {d.drive_id: (str(state), d.error or "") for state in states for d in self.catalog.drives(state=state)}

    @property
    def verify_fully(self) -> bool:
        return self.settings.engine.verify_fully

    @property
    def origin(self) -> tuple[float, float] | None:
        region = self.settings.region
        if region.origin_lon_deg is None or region.origin_lat_deg is None:
            return None
        return region.origin_lon_deg, region.origin_lat_deg

    def read_manifests(self) -> None:
        """Every drive of the store that is neither parked nor withdrawn; one that cannot be read is left out."""
        folders = sorted(path.parent for path in self.workspace.drives.glob("*/manifest.json"))
        self.manifests, self.unreadable = {}, {}
        for folder in folders:
            if folder.name in self.drives_left_out:
                continue
            try:
                self.manifests[folder.name] = DriveReader(folder).manifest
            except ContractError as error:
                self.unreadable[folder.name] = str(error)

    def is_log_of(self, sha256: str | None, drive: str) -> bool:
        """Whether a drive that is left out was made from the log with this content."""
        path = self.workspace.drive(drive) / "manifest.json"
        return sha256 is not None and path.exists() and DriveReader(path.parent).manifest.source_sha256 == sha256

    def choose_region_drives(self, from_logs: Iterable[str]) -> None:
        """The drives whose tiles are wanted: those of the region's logs, or all; begun at or after region.since."""
        chosen = set(from_logs) if self.settings.region.logs else set(self.manifests)
        since_ns = _since_ns(self.settings.region.since)
        self.region_drives = {d for d in chosen & set(self.manifests) if self.manifests[d].start_ns >= since_ns}

    def look_at_drives(self) -> None:
        for drive in sorted(self.manifests):
            self.look_at(drive)

    def look_at(self, drive: str) -> DriveFacts:
        """Where the drive stands now, by its stamps; follows its products as far as they are known."""
        path = self.workspace.drive(drive) / "manifest.json"
        manifest_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        recipe = self.recipes.trajectory(drive, manifest_sha256, self.frame, self.origin)
        localization = standing(self.ledger, "localization", drive, recipe)
        alignment = standing(self.ledger, "alignment", drive, self.recipes.aligned(recipe.fingerprint))
        together = self.ledger.kept_together("alignment").get(drive) if not alignment.fits else None
        if together is not None and dict(together.parts) == dict(alignment.recipe.parts):
            alignment = Standing(alignment.recipe, together)
        alignment = verified(alignment, self.ledger, self.verify_fully)
        facts = DriveFacts(drive, self.manifests[drive], manifest_sha256, localization, alignment)
        facts.old_tiles = frozenset(_tiles_of(self.ledger.stamp("rasterization", drive)))
        if alignment.stamp is not None and not alignment.is_due:
            facts.refusal = alignment.stamp.notes.get("refusal")
            if facts.refusal is None:
                self._follow(facts, alignment.stamp)
        self.drives[drive] = facts
        return facts

    def _follow(self, facts: DriveFacts, trajectory: Stamp) -> None:
        """From a settled trajectory on."""
        drive, path_sha256 = facts.drive_id, str(trajectory.notes["path"])
        facts.path_sha256 = path_sha256
        facts.path_tiles = frozenset(TileId.parse(tile) for tile in trajectory.notes["tiles"])
        facts.rasters = standing(self.ledger, "rasterization", drive, self.recipes.rasters(path_sha256))
        facts.detections = standing(self.ledger, "detection", drive, self.recipes.detections(path_sha256))
        if facts.rasters.stamp is not None:
            facts.tiles = tuple(_tiles_of(facts.rasters.stamp))
            self.look_at_elements(facts, self._missing_before(facts))

    def look_at_elements(self, facts: DriveFacts, missing: Iterable[TileId]) -> None:
        """missing: tiles of the drive whose observation cannot be made."""
        assert facts.rasters is not None and facts.path_sha256 is not None
        facts.missing = frozenset(missing)
        observations = self.observations_recipe(facts).fingerprint
        recipe = self.recipes.elements(facts.path_sha256, observations, facts.missing)
        facts.elements = standing(self.ledger, "vectorization", facts.drive_id, recipe)

    def observations_recipe(self, facts: DriveFacts) -> Recipe:
        """One for all tiles of a drive: each sees only that drive's rasters."""
        assert facts.rasters is not None
        return self.recipes.observations(facts.rasters.recipe.fingerprint)

    def _missing_before(self, facts: DriveFacts) -> list[TileId]:
        """Tiles that the newest elements had to do without, when they were made of these very rasters."""
        stamp = self.ledger.stamp("vectorization", facts.drive_id)
        if stamp is None or stamp.parts.get("the observations") != self.observations_recipe(facts).fingerprint:
            return []
        return [TileId.parse(tile) for tile in stamp.parts["tiles without observation"].split(",") if tile]

    def wanted_tiles(self) -> list[TileId]:
        """Tiles of the region, as far as its drives' paths and rasters are known; parked ones are left out."""
        wanted: set[TileId] = set()
        for drive in self.region_drives & set(self.drives):
            facts = self.drives[drive]
            wanted |= facts.path_tiles & set(facts.tiles if facts.tiles is not None else facts.path_tiles)
        if self.settings.region.bounds is not None:
            wanted &= tiles_in(self.settings.region.bounds, self.frame)
        if self.only is not None:
            wanted &= self.only
        return sorted(wanted - set(self.parked_tiles))

    def drives_by_tile(self) -> dict[TileId, list[str]]:
        """Tile -> drives that touch it or one of its neighbours, sorted; of drives whose tiles are known."""
        near: dict[TileId, set[str]] = {}
        for drive, facts in self.drives.items():
            for tile in facts.tiles or ():
                for own in (tile, *tile.neighbours()):
                    near.setdefault(own, set()).add(drive)
        return {tile: sorted(drives) for tile, drives in near.items()}

    def build_of(self, tile: TileId) -> str | None:
        """The newest build of a tile."""
        stamp = self.ledger.stamp("tiles", str(tile))
        return (
            None
            if stamp is None
            else next(path.stem for path in stamp.paths(self.workspace) if path.suffix == ".parquet")
        )

    def basis(self) -> dict[str, str]:
        """Drive of the region -> hash of what validation reads of it: its path and its elements."""
        own = {d: self.drives[d] for d in sorted(self.region_drives & set(self.drives))}
        return {drive: f"{facts.path_sha256}{facts.product}" for drive, facts in own.items()}

    def parked_of_region(self) -> dict[TileId, str]:
        """Parked tiles that this run would build otherwise."""
        reach = {tile for drive in self.region_drives & set(self.drives) for tile in self.drives[drive].path_tiles}
        asked = reach if self.only is None else reach & self.only
        return {tile: why for tile, why in self.parked_tiles.items() if tile in asked}

    @cached_property
    def judged_tiles(self) -> set[TileId]:
        """Tiles with a verdict on their current build."""
        return {TileId.parse(tile) for tile in self.catalog.current_builds(FINAL_STATES)}

    def drop(self, drive: str) -> None:
        """The drive takes no further part in this run."""
        self.drives.pop(drive, None)


def raster_tile(name: str) -> TileId:
    """The tile of `rasters/<epsg>/<column>/<row>/<drive>.parquet`."""
    return TileId.parse("/".join(name.split("/")[-4:-1]))


def tiles_in(bounds_deg: list[float], frame: MapFrame) -> set[TileId]:
    """Tiles that touch a box of west, south, east, north."""
    west, south, east, north = bounds_deg
    corners = np.array([[x, y, 0.0] for x in np.linspace(west, east, 20) for y in np.linspace(south, north, 20)])
    xy = frame.from_wgs84(corners)
    low, high = TileId.at(frame, *xy[:, :2].min(axis=0)), TileId.at(frame, *xy[:, :2].max(axis=0))
    return {
        TileId(frame.epsg, column, row)
        for column in range(low.column, high.column + 1)
        for row in range(low.row, high.row + 1)
    }


def grown(tiles: Iterable[TileId]) -> set[TileId]:
    """With all neighbours."""
    return {near for tile in tiles for near in (tile, *tile.neighbours())}


def _tiles_of(stamp: Stamp | None) -> list[TileId]:
    return sorted(raster_tile(output.name) for output in stamp.outputs) if stamp is not None else []


def _since_ns(since: str | None) -> int:
    if since is None:
        return 0
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise ConfigurationError(f"region.since={since} is no ISO time, for example 2026-11-01T00:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)
