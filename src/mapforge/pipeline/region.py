"""Builds one region: every stage once, in order, each over its drives or tiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mapforge import __version__
from mapforge.catalog.tables import TileState
from mapforge.config import Settings
from mapforge.errors import ConfigurationError, NoUsableDriveError
from mapforge.fusion.stage import FusionInputs
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId, tiles_near
from mapforge.ingest.discovery import LogSource, find_logs
from mapforge.ingest.stage import IngestInputs
from mapforge.io.drive_store import DriveReader
from mapforge.io.parquet import read_metadata
from mapforge.io.trajectories import path_sha256, read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.alignment import AlignmentInputs
from mapforge.localization.stage import LocalizationInputs
from mapforge.perception.signs import SignInputs
from mapforge.perception.stage import PerceptionInputs
from mapforge.pipeline import stages
from mapforge.pipeline.execution import Execution
from mapforge.pipeline.fingerprints import Fingerprints
from mapforge.pipeline.jobs import Job
from mapforge.rasterization.stage import RasterizationInputs
from mapforge.schemas.drive import DriveManifest
from mapforge.tiles.stage import TilesInputs
from mapforge.vectorization.stage import VectorizationInputs

TILE_REACH_M = 20.0
"""Tiles further than this from every driven path are not built: nothing in them is judged."""


@dataclass
class RegionResult:
    """What a run came to, before it is judged.

    drives: those of the region that were mapped. refused: drive or log -> why it was left out.
    failed: tile -> (stage, error).
    builds: tile -> build. skipped: tiles another run is working on.
    rasters: tile -> what each drive saw of it.
    """

    drives: dict[str, DriveManifest] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[TileId, tuple[str, str]] = field(default_factory=dict)
    builds: dict[TileId, str] = field(default_factory=dict)
    skipped: list[TileId] = field(default_factory=list)
    rasters: dict[TileId, list[Path]] = field(default_factory=dict)


def build_region(
    settings: Settings, execution: Execution, fingerprints: Fingerprints, only: set[TileId] | None = None
) -> RegionResult:
    """Logs to tiles. Drives that cannot be used and tiles that fail are named in the result, never raised.

    only: build just these tiles (a retry); everything they need is made or reused as always.

    Raises NoUsableDriveError when nothing is left to map.
    """
    build = _Build(settings, Workspace(Path(settings.workspace).expanduser().resolve()), execution, fingerprints)
    build.ingest()
    build.place()
    build.localize()
    build.align()
    build.rasterize()
    build.claim(only)
    build.perceive()
    build.detect()
    build.vectorize()
    build.fuse()
    build.cut()
    return build.result


class _Build:
    """The state of one region while it is built: for every drive and tile, the fingerprint of its newest product."""

    def __init__(
        self, settings: Settings, workspace: Workspace, execution: Execution, fingerprints: Fingerprints
    ) -> None:
        self.settings = settings
        self.workspace = workspace
        self.execution = execution
        self.fingerprints = fingerprints
        self.result = RegionResult()
        self.manifests: dict[str, DriveManifest] = {}
        self.region_drives: set[str] = set()
        self.drives: list[str] = []
        self.trajectories: dict[str, str] = {}
        self.rasters: dict[str, str] = {}
        self.drive_tiles: dict[str, list[TileId]] = {}
        self.observations: dict[str, dict[TileId, str]] = {}
        self.detections: dict[str, str] = {}
        self.elements: dict[str, str] = {}
        self.pieces: dict[TileId, str] = {}
        self.tiles: list[TileId] = []

    def ingest(self) -> None:
        """New logs into the store; then every drive of the workspace that may be used."""
        jobs = [
            self._job("ingest", str(log.path), stages.ingest, self._ingest_inputs(log), self.settings.ingest, None)
            for source in self.settings.region.logs
            for log in find_logs(Path(source).expanduser().resolve())
        ]
        done = self.execution.do("ingest", jobs)
        self.result.refused.update(done.errors)
        self.region_drives = {outputs[0].parent.name for outputs in done.outputs.values()}
        for folder in sorted(path.parent for path in self.workspace.drives.glob("*/manifest.json")):
            manifest = DriveReader(folder).manifest
            self.manifests[manifest.drive_id] = manifest
            self.execution.catalog.record_drive(manifest)
        if not self.settings.region.logs:
            self.region_drives = set(self.manifests)
        since_ns = _since_ns(self.settings.region.since)
        self.region_drives = {d for d in self.region_drives if self.manifests[d].start_ns >= since_ns}
        if not self.region_drives:
            reasons = "; ".join(f"{name}: {why}" for name, why in sorted(self.result.refused.items()))
            raise NoUsableDriveError(f"no usable drive: {reasons or 'the workspace is empty, set region.logs=[PATH]'}")

    def place(self) -> None:
        """The map's frame: the workspace's own, or the UTM zone of its first drive (by name)."""
        if not self.workspace.has_frame():
            references = [self.manifests[drive].reference_lon_lat_deg for drive in sorted(self.region_drives)]
            known = [place for place in (*references, self._origin()) if place is not None]
            if not known:
                raise NoUsableDriveError(
                    "no drive knows where on earth it was: set region.origin_lat_deg and region.origin_lon_deg "
                    "(for AV2 logs without map files: region.city)"
                )
            lon_deg, lat_deg = known[0]
            self.workspace.write_frame(MapFrame.at(lon_deg, lat_deg, self.settings.map.epsg, self.settings.map.epoch))
        self.frame = self.workspace.read_frame()

    def localize(self) -> None:
        """Each drive by itself."""
        jobs = []
        for drive in sorted(self.manifests):
            manifest_path = self.workspace.drive(drive) / "manifest.json"
            fingerprint = self.fingerprints.unaligned(manifest_path, self.frame, self._origin())
            inputs = LocalizationInputs(
                self.workspace, drive, self.frame, self._origin(), fingerprint, aligned_later=True
            )
            jobs.append(
                self._job("localization", drive, stages.localize, inputs, self.settings.localization, fingerprint)
            )
            self.trajectories[drive] = fingerprint
        self._drop_failed_drives(self.execution.do("localization", jobs).errors)

    def align(self) -> None:
        """All drives to each other. What follows depends on the paths themselves: one that did not move is done."""
        drives = tuple(sorted(self.trajectories))
        fingerprint = self.fingerprints.alignment(self.trajectories)
        inputs = AlignmentInputs(self.workspace, drives, self.frame, dict.fromkeys(drives, fingerprint))
        job = self._job("alignment", "map", stages.align, inputs, self.settings.localization, fingerprint)
        done = self.execution.do("alignment", [job])
        self._drop_failed_drives({drive: error for error in done.errors.values() for drive in drives})
        for drive in drives:
            self.trajectories[drive] = path_sha256(self.workspace.trajectory(drive))

    def rasterize(self) -> None:
        jobs = []
        for drive, trajectory in sorted(self.trajectories.items()):
            fingerprint = self.fingerprints.rasters(trajectory)
            inputs = RasterizationInputs(self.workspace, drive, self.frame, None, fingerprint, self.fingerprints.device)
            jobs.append(
                self._job("rasterization", drive, stages.rasterize, inputs, self.settings.rasterization, fingerprint)
            )
            self.rasters[drive] = fingerprint
        done = self.execution.do("rasterization", jobs)
        self._drop_failed_drives(done.errors)
        for drive, outputs in done.outputs.items():
            self.drive_tiles[drive] = sorted(_tile_of_raster(path) for path in outputs)
            for path in sorted(outputs):
                self.result.rasters.setdefault(_tile_of_raster(path), []).append(path)

    def claim(self, only: set[TileId] | None) -> None:
        """The region's tiles, less those another living run works on."""
        wanted = {
            tile
            for drive in self.region_drives & set(self.drive_tiles)
            for tile in set(tiles_near(self._path(drive), self.frame, TILE_REACH_M)) & set(self.drive_tiles[drive])
        }
        if self.settings.region.bounds is not None:
            wanted &= _tiles_in(self.settings.region.bounds, self.frame)
        if only is not None:
            wanted &= only
        taken = self.execution.catalog.claim(map(str, wanted), self.execution.run_id)
        self.tiles = sorted(TileId.parse(tile) for tile in taken)
        self.result.skipped = sorted(wanted - set(self.tiles))
        near = {tile for own in self.tiles for tile in (own, *own.neighbours())}
        self.drives = sorted(drive for drive, tiles in self.drive_tiles.items() if near & set(tiles))

    def perceive(self) -> None:
        jobs = []
        for drive in self.drives:
            fingerprint = self.fingerprints.observation(self.rasters[drive])
            for tile in self.drive_tiles[drive]:
                inputs = PerceptionInputs(
                    self.workspace,
                    tile,
                    drive,
                    self.frame,
                    self.fingerprints.bev_weights,
                    self.fingerprints.device,
                    fingerprint,
                )
                item = f"{tile}@{drive}"
                jobs.append(
                    self._job("perception", item, stages.perceive, inputs, self.settings.perception, fingerprint)
                )
        done = self.execution.do("perception", jobs)
        for item in done.outputs:
            name, _, drive = item.rpartition("@")
            fingerprint = self.fingerprints.observation(self.rasters[drive])
            self.observations.setdefault(drive, {})[TileId.parse(name)] = fingerprint
        for item, error in sorted(done.errors.items()):
            self._fail_tile(TileId.parse(item.rpartition("@")[0]), "perception", error)

    def detect(self) -> None:
        jobs = []
        for drive in self.drives:
            fingerprint = self.fingerprints.detections(self.trajectories[drive])
            inputs = SignInputs(
                self.workspace,
                drive,
                self.frame,
                self.fingerprints.sign_weights,
                self.fingerprints.device,
                fingerprint,
            )
            jobs.append(self._job("detection", drive, stages.detect, inputs, self.settings.perception, fingerprint))
            self.detections[drive] = fingerprint
        self._drop_failed_drives(self.execution.do("detection", jobs).errors)

    def vectorize(self) -> None:
        jobs = []
        for drive in self.drives:
            observed = self.observations.get(drive, {})
            fingerprint = self.fingerprints.elements(self.trajectories[drive], observed)
            inputs = VectorizationInputs(self.workspace, drive, self.frame, sorted(observed), fingerprint)
            jobs.append(
                self._job("vectorization", drive, stages.vectorize, inputs, self.settings.vectorization, fingerprint)
            )
            self.elements[drive] = fingerprint
        self._drop_failed_drives(self.execution.do("vectorization", jobs).errors)

    def fuse(self) -> None:
        """Tiles whose observations failed are not fused: a map with a hole in it would look whole."""
        jobs = []
        for tile in self.tiles:
            if tile in self.result.failed:
                continue
            near = {tile, *tile.neighbours()}
            drives = [drive for drive in self.drives if near & set(self.drive_tiles[drive])]
            products = {drive: [self.elements[drive], self.detections[drive]] for drive in drives}
            fingerprint = self.fingerprints.map_elements(tile, products)
            inputs = FusionInputs(self.workspace, tile, self.frame, drives, fingerprint)
            jobs.append(self._job("fusion", str(tile), stages.fuse, inputs, self.settings.fusion, fingerprint))
            self.pieces[tile] = fingerprint
        done = self.execution.do("fusion", jobs)
        for item, error in sorted(done.errors.items()):
            self._fail_tile(TileId.parse(item), "fusion", error)
            del self.pieces[TileId.parse(item)]

    def cut(self) -> None:
        """The whole map at once, so that an element keeps one id over all tiles it crosses; what is made stays."""
        pieces = {**self._known_pieces(), **self.pieces}
        if not pieces:
            return
        metadata = {"code_version": __version__, "models": json.dumps(self.fingerprints.model_ids, sort_keys=True)}
        inputs = TilesInputs(self.workspace, sorted(pieces), self.frame, metadata, pieces)
        fingerprint = self.fingerprints.tiles(pieces, metadata)
        done = self.execution.do(
            "tiles", [self._job("tiles", "map", stages.cut, inputs, self.settings.tiles, fingerprint)]
        )
        for error in done.errors.values():
            for tile in list(self.pieces):
                self._fail_tile(tile, "tiles", error)
        for path in done.outputs.get("map", ()):
            self._record_build(TileId.parse("/".join(path.parent.parts[-3:])), path.stem, fingerprint)

    def _known_pieces(self) -> dict[TileId, str]:
        """Map elements that other runs made, with their fingerprints."""
        known = {}
        for path in self.workspace.map_elements_files():
            tile = TileId.parse("/".join([*path.parent.parts[-2:], path.stem]))
            known[tile] = read_metadata(path)["fingerprint"]
        return known

    def _record_build(self, tile: TileId, build: str, fingerprint: str) -> None:
        """A tile of another run gets a new build too, when the name of an element that crosses into it changed."""
        catalog = self.execution.catalog
        catalog.record_build(str(tile), build, fingerprint, self.execution.run_id)
        if tile in self.pieces:
            self.result.builds[tile] = build
            catalog.set_tile(str(tile), TileState.BUILT, build=build)
        else:
            catalog.replace_build(str(tile), build)

    def _job(
        self,
        stage: str,
        item: str,
        run: Callable[[Any, Any], list[Path]],
        inputs: Any,
        config: Any,
        fingerprint: str | None,
    ) -> Job:
        return Job(stage, item, run, inputs, config, fingerprint, self.workspace)

    def _ingest_inputs(self, log: LogSource) -> IngestInputs:
        return IngestInputs(log, self.workspace, self.settings.region.city, self._origin())

    def _origin(self) -> tuple[float, float] | None:
        region = self.settings.region
        if region.origin_lon_deg is None or region.origin_lat_deg is None:
            return None
        return region.origin_lon_deg, region.origin_lat_deg

    def _path(self, drive: str) -> np.ndarray:
        return read_trajectory(self.workspace.trajectory(drive), self.frame).translation_m

    def _drop_failed_drives(self, errors: dict[str, str]) -> None:
        """A drive that failed takes no further part; the region is told when it was one of its own."""
        for drive, error in sorted(errors.items()):
            self.execution.catalog.record_drive(self.manifests[drive], error)
            self.trajectories.pop(drive, None)
            self.drive_tiles.pop(drive, None)
            self.drives = [other for other in self.drives if other != drive]
            if drive in self.region_drives:
                self.result.refused[drive] = error
        left = self.region_drives & set(self.trajectories)
        if not left:
            reasons = "; ".join(f"{name}: {why}" for name, why in sorted(self.result.refused.items()))
            raise NoUsableDriveError(f"no usable drive is left: {reasons}")
        self.result.drives = {drive: self.manifests[drive] for drive in sorted(left)}

    def _fail_tile(self, tile: TileId, stage: str, error: str) -> None:
        if tile in self.tiles and tile not in self.result.failed:
            self.result.failed[tile] = (stage, error)
            self.execution.catalog.set_tile(str(tile), TileState.FAILED, stage, error)


def _tile_of_raster(path: Path) -> TileId:
    return TileId.parse("/".join(path.parent.parts[-3:]))


def _since_ns(since: str | None) -> int:
    if since is None:
        return 0
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise ConfigurationError(f"region.since={since} is no ISO time, for example 2026-11-01T00:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)


def _tiles_in(bounds_deg: list[float], frame: MapFrame) -> set[TileId]:
    west, south, east, north = bounds_deg
    corners = np.array([[x, y, 0.0] for x in np.linspace(west, east, 20) for y in np.linspace(south, north, 20)])
    xy = frame.from_wgs84(corners)
    low, high = TileId.at(frame, *xy[:, :2].min(axis=0)), TileId.at(frame, *xy[:, :2].max(axis=0))
    return {
        TileId(frame.epsg, column, row)
        for column in range(low.column, high.column + 1)
        for row in range(low.row, high.row + 1)
    }
