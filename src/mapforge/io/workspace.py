"""Where everything of a workspace lies. The only place that spells its folder names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapforge.errors import ConfigurationError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.atomic import write_text
from mapforge.io.json_text import read_object
from mapforge.io.object_store import ObjectStore, is_store, store_at

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}")


@dataclass(frozen=True)
class Workspace:
    """A workspace folder. Its paths are derived, never stored.

    store: where the workspace lies when it is a remote one; the folder then holds this machine's copies.
    """

    root: Path
    store: ObjectStore | None = None

    @classmethod
    def at(cls, place: str) -> Workspace:
        """The workspace in a folder, or at a URL. Raises ConfigurationError on a URL that is none of a store."""
        if is_store(place):
            store = store_at(place)
            return cls(store.cache_folder, store)
        return cls(Path(place).expanduser().resolve())

    def __reduce__(self) -> tuple[Any, ...]:
        """A remote workspace that goes to another machine uses the copies there."""
        return (Workspace, (self.root,)) if self.store is None else (Workspace.at, (self.store.url,))

    def name_of(self, path: Path) -> str:
        """A file's name in the workspace, wherever that lies."""
        return path.relative_to(self.root).as_posix()

    @property
    def place(self) -> str:
        """Where the workspace lies, as `workspace=` takes it: a folder or a URL."""
        return str(self.root) if self.store is None else self.store.url

    def place_of(self, path: Path) -> str:
        """Where a file of the workspace is found from any machine that reaches the workspace."""
        return str(path) if self.store is None else f"{self.store.url}/{self.name_of(path)}"

    def holds(self, path: Path) -> bool:
        """Whether the workspace has this file; a remote one need not have a copy here."""
        return path.exists() if self.store is None else self.store.holds(self.name_of(path))

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def tiles(self) -> Path:
        return self.root / "tiles"

    @property
    def drives(self) -> Path:
        return self.root / "drives"

    def drive(self, drive_id: str) -> Path:
        return self.drives / _checked(drive_id)

    def trajectory(self, drive_id: str) -> Path:
        return self.root / "trajectories" / f"{_checked(drive_id)}.parquet"

    def unaligned_trajectory(self, drive_id: str) -> Path:
        """What a drive alone says of its path, before the drives of a region were brought to agree."""
        return self.root / "trajectories" / "unaligned" / f"{_checked(drive_id)}.parquet"

    @property
    def settled(self) -> Path:
        """The ledger of drives whose trajectory is fixed."""
        return self.root / "trajectories" / "settled.json"

    def trajectory_quality(self, drive_id: str) -> Path:
        """Rates, gaps, residuals and calibration findings of the drive alone."""
        return self.root / "trajectories" / "quality" / f"{_checked(drive_id)}.json"

    def raster(self, tile: TileId, drive_id: str) -> Path:
        return self.root / "rasters" / str(tile) / f"{_checked(drive_id)}.parquet"

    def observation(self, tile: TileId, drive_id: str) -> Path:
        return self.root / "observations" / str(tile) / f"{_checked(drive_id)}.parquet"

    def detections(self, drive_id: str) -> Path:
        return self.root / "observations" / "detections" / f"{_checked(drive_id)}.parquet"

    def traffic(self, drive_id: str) -> Path:
        """Where a drive saw others drive, and which way."""
        return self.root / "observations" / "traffic" / f"{_checked(drive_id)}.parquet"

    def drive_elements(self, drive_id: str) -> Path:
        return self.root / "drive_elements" / f"{_checked(drive_id)}.parquet"

    def map_elements(self, tile: TileId) -> Path:
        return self.root / "map_elements" / f"{tile}.parquet"

    def map_elements_files(self) -> list[Path]:
        """Every tile's map elements that are there, sorted."""
        return sorted((self.root / "map_elements").glob("*/*/*.parquet"))

    def lane_graph(self, tile: TileId) -> Path:
        """The lanes of a tile, before elements are named."""
        return self.root / "lane_graph" / f"{tile}.parquet"

    def tile(self, tile: TileId, build: str) -> Path:
        return self.tiles / str(tile) / f"{build}.parquet"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    def release(self, name: str) -> Path:
        return self.releases / _checked(name)

    def drive_vitals(self, drive_id: str) -> Path:
        """What was measured of a drive to tell it from the fleet."""
        return self.root / "stamps" / "vitals" / f"{_checked(drive_id)}.json"

    @property
    def fleet_vitals(self) -> Path:
        """A summary of what was measured of all drives."""
        return self.root / "fleet.json"

    def run_log(self, run_id: str) -> Path:
        """What happened in a run, one JSON object a line."""
        return self.root / "logs" / f"{_checked(run_id)}.jsonl"

    @property
    def metrics(self) -> Path:
        """Metrics of the newest run, for Prometheus."""
        return self.root / "metrics.prom"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    def report(self, run_id: str) -> Path:
        return self.reports / _checked(run_id)

    @property
    def nights(self) -> Path:
        return self.root / "nights"

    def night(self, night_id: str) -> Path:
        """Summary of one night."""
        return self.nights / _checked(night_id)

    @property
    def inbox_ledger(self) -> Path:
        """What became of every log that was ever seen in an inbox."""
        return self.root / "inbox.json"

    def stamp(self, stage: str, item: str) -> Path:
        """Proof that a stage is done with an item (a drive, a tile or tile@drive)."""
        tile, _, drive = item.rpartition("@")
        parts = [*(part for part in tile.split("/") if part), *drive.split("/")]
        folder = self.root.joinpath("stamps", _checked(stage), *(_checked(part) for part in parts[:-1]))
        return folder / f"{_checked(parts[-1])}.json"

    @property
    def withdrawn(self) -> Path:
        """The logs that were withdrawn, by content: they are not taken in again."""
        return self.root / "withdrawn.json"

    def tile_names(self, tile: TileId) -> Path:
        """Where the pieces of a tile touch its borders, and the names its elements have."""
        return self.root / "tile_names" / f"{tile}.json"

    def read_frame(self) -> MapFrame:
        """The map's frame. Raises MissingInputError before the first run has chosen it."""
        path = self.root / "map.json"
        if not path.exists():
            raise MissingInputError(f"{path} is missing: the workspace has no map yet; run a region first")
        return MapFrame.from_dict(read_object(path, "restore it: every product of the workspace lies in its frame"))

    def has_frame(self) -> bool:
        return (self.root / "map.json").exists()

    def write_frame(self, frame: MapFrame) -> None:
        """Fixes the workspace's frame; raises ConfigurationError when it already has another."""
        if self.has_frame() and self.read_frame() != frame:
            raise ConfigurationError(
                f"workspace {self.root} holds a map in {self.read_frame()}, not {frame}; use another workspace"
            )
        write_text(self.root / "map.json", json.dumps(frame.as_dict()), self.tmp)


def _checked(identifier: str) -> str:
    if not _SAFE_ID.fullmatch(identifier):
        raise ConfigurationError(f"'{identifier}' cannot name a file of the workspace: use letters, digits, _ . + -")
    return identifier
