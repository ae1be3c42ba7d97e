"""What each stage reads of a workspace, and what it leaves without a stamp: the one place that lists it.

The stages themselves read by path and take what is there, so this must name all they may look for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace

THE_LOG = "the log"
"""Part of the recipe of an ingest: where the log lies, how long it is and when it was written."""


@dataclass(frozen=True)
class Product:
    """Files that the stamp of one item proves. paths: those of them that are read."""

    stage: str
    item: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class StageFiles:
    """What is read. drives: their folders in the store. records: small files as they are now. immutable: by name alone.

    every: stages of which every product of the workspace is read.
    """

    products: tuple[Product, ...] = ()
    drives: tuple[str, ...] = ()
    records: tuple[Path, ...] = ()
    record_patterns: tuple[str, ...] = ()
    immutable: tuple[Path, ...] = ()
    every: tuple[str, ...] = ()


def read_by(stage: str, inputs: Any, workspace: Workspace) -> StageFiles:
    """What a job of a stage reads. Nothing for a stage that is not of the pipeline."""
    match stage:
        case "ingest":
            return StageFiles(records=(workspace.root / "sources.json",), record_patterns=("drives/*/manifest.json",))
        case "localization":
            return StageFiles(drives=(inputs.drive_id,))
        case "alignment":
            return _read_by_alignment(inputs, workspace)
        case "rasterization" | "detection":
            return StageFiles((path_of(inputs.drive_id, workspace),), drives=(inputs.drive_id,))
        case "perception":
            near = (inputs.tile, *inputs.tile.neighbours())
            rasters = tuple(workspace.raster(tile, inputs.drive_id) for tile in near)
            return StageFiles((Product("rasterization", inputs.drive_id, rasters),))
        case "vectorization":
            return _read_by_vectorization(inputs, workspace)
        case "fusion":
            return StageFiles(tuple(product for drive in inputs.drives for product in seen_by(drive, workspace)))
        case "lane_graph":
            around = sorted({inputs.tile, *inputs.tile.neighbours()})
            fused = tuple(Product("fusion", str(tile), (workspace.map_elements(tile),)) for tile in around)
            ways = [path_of(drive, workspace) for drive in inputs.drives]
            traffic = [traffic_of(drive, workspace) for drive in inputs.drives]
            return StageFiles((*fused, *ways, *traffic))
        case "tiles":
            previous = (workspace.tile(tile, build) for tile, build in sorted(inputs.previous.items()))
            return StageFiles(immutable=tuple(previous), every=("fusion", "lane_graph", "tiles"))
    return StageFiles()


def left_by(stage: str, inputs: Any, outputs: Sequence[Path], workspace: Workspace) -> list[Path]:
    """What a job without a stamp of its own left, in the order in which others may see it."""
    if stage == "alignment":
        return [*outputs, workspace.settled]
    if stage == "tiles":
        named = {*inputs.tiles, *(tile_of(path) for path in outputs)}
        return [*outputs, *(workspace.tile_names(tile) for tile in sorted(named))]
    return list(outputs)


def removed_by(stage: str, inputs: Any, workspace: Workspace) -> list[Path]:
    """Files of the workspace that a job may have removed."""
    if stage == "alignment":
        return [path for drive in inputs.moving if not (path := workspace.trajectory(drive)).exists()]
    if stage == "tiles":
        return [workspace.tile_names(tile) for tile in inputs.removed]
    return []


def read_by_validation(workspace: Workspace, builds: Mapping[TileId, str], drives: Iterable[str]) -> StageFiles:
    """What the verdict on a region is made of."""
    own = []
    for drive in sorted(drives):
        own += [path_of(drive, workspace), elements_of(drive, workspace)]
        own.append(Product("localization", drive, (workspace.trajectory_quality(drive),)))
    return StageFiles(
        tuple(own), immutable=tuple(workspace.tile(tile, build) for tile, build in sorted(builds.items()))
    )


def path_of(drive: str, workspace: Workspace) -> Product:
    return Product("alignment", drive, (workspace.trajectory(drive),))


def elements_of(drive: str, workspace: Workspace) -> Product:
    return Product("vectorization", drive, (workspace.drive_elements(drive),))


def traffic_of(drive: str, workspace: Workspace) -> Product:
    return Product("detection", drive, (workspace.traffic(drive),))


def seen_by(drive: str, workspace: Workspace) -> Iterator[Product]:
    """What fusion reads of a drive."""
    yield path_of(drive, workspace)
    yield elements_of(drive, workspace)
    yield Product("detection", drive, (workspace.detections(drive),))


def products_of_tile(stage: str, tile: TileId, workspace: Workspace) -> tuple[Path, ...]:
    """The products of a stage that the cutting of tiles looks for."""
    found = {"fusion": workspace.map_elements, "lane_graph": workspace.lane_graph, "tiles": workspace.tile_names}
    return (found[stage](tile),)


def tile_of(path: Path) -> TileId:
    """The tile of `tiles/<epsg>/<column>/<row>/<build>.parquet`."""
    return TileId.parse("/".join(path.parent.parts[-3:]))


def _read_by_alignment(inputs: Any, workspace: Workspace) -> StageFiles:
    drives = (*inputs.moving, *inputs.frozen)
    own = (Product("localization", drive, (workspace.unaligned_trajectory(drive),)) for drive in drives)
    settled = (path_of(drive, workspace) for drive in inputs.frozen)
    return StageFiles((*own, *settled), drives, (workspace.settled,))


def _read_by_vectorization(inputs: Any, workspace: Workspace) -> StageFiles:
    drive = inputs.drive_id
    around = sorted({near for tile in inputs.tiles for near in (tile, *tile.neighbours())})
    observations = tuple(workspace.observation(tile, drive) for tile in around)
    return StageFiles((path_of(drive, workspace), Product("perception", drive, observations)))
