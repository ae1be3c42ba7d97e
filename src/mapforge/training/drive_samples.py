"""Training samples from drives: their rasters, and the truth map rendered on the same grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from mapforge.errors import ConfigurationError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TileId
from mapforge.io.rasters import read_raster
from mapforge.io.workspace import Workspace
from mapforge.models.normalisation import CAMERA_INPUTS, FINE_CELLS, FINE_INPUTS
from mapforge.schemas.elements import MapElement
from mapforge.schemas.rasters import OBSERVATION_RESOLUTION_M, BevRaster
from mapforge.training.dataset import ShardSet, write_manifest, write_shard
from mapforge.training.generator import SEEN_REACH_CELLS, Sample
from mapforge.training.labels import render_labels

CROP_CELLS = 256
"""Edge of a sample, 0.2 m cells: as the generator's."""

MIN_SEEN = 0.15
"""Crops of which less was seen teach nothing."""


def drive_samples(
    workspace: Workspace, drive_id: str, frame: MapFrame, truth: list[MapElement], rng: np.random.Generator
) -> list[Sample]:
    """Crops of a drive's rasters with labels, four a tile, placed at random within it.

    The drive's trajectory must be true: labels are where the truth map says.
    """
    samples = []
    folder = workspace.root / "rasters"
    for path in sorted(folder.rglob(f"{drive_id}.parquet")):
        tile = TileId.parse(str(path.parent.relative_to(folder)))
        raster = read_raster(path)
        spare = raster.grid.rows // FINE_CELLS - CROP_CELLS
        if spare < 0:
            raise ConfigurationError(f"{path} is {raster.grid.shape} cells: too small for crops of {CROP_CELLS * 2}")
        for quadrant in range(4):
            low = np.array([quadrant // 2, quadrant % 2]) * spare // 2
            row, column = (int(v) for v in low + rng.integers(0, spare // 2 + 1, 2))
            sample = _crop(raster, tile, frame, truth, row, column)
            if sample is not None:
                samples.append(sample)
    return samples


def write_drive_shards(
    samples: list[Sample], place: str, folder: Path, name: str, samples_per_shard: int
) -> ShardSet | None:
    """Writes whole shards of samples of one place and their manifest; None when there are too few for one."""
    shards = []
    for index in range(len(samples) // samples_per_shard):
        path = folder / f"{name}-{index}.safetensors"
        write_shard(samples[index * samples_per_shard : (index + 1) * samples_per_shard], path, folder / "tmp")
        shards.append(path)
    if not shards:
        return None
    write_manifest(folder, name, shards, [place], samples_per_shard)
    return ShardSet(folder, tuple(shards), frozenset([place]), samples_per_shard)


def _crop(
    raster: BevRaster, tile: TileId, frame: MapFrame, truth: list[MapElement], row: int, column: int
) -> Sample | None:
    """A crop whose first cell (0.2 m) of the tile is (row, column); None when hardly anything was seen."""
    rows = slice(row * FINE_CELLS, (row + CROP_CELLS) * FINE_CELLS)
    columns = slice(column * FINE_CELLS, (column + CROP_CELLS) * FINE_CELLS)
    lidar = np.stack([raster.channels[name][rows, columns].astype(np.float32) for name in FINE_INPUTS])
    ignored = _unseen(lidar[0])
    if 1 - ignored.mean() < MIN_SEEN:
        return None
    ground = lidar[FINE_INPUTS.index("ground_z_m")]
    if np.isfinite(ground).any():
        ground -= np.nanmedian(ground)
    whole = BevGrid.of_tile(tile, frame, OBSERVATION_RESOLUTION_M)
    step = OBSERVATION_RESOLUTION_M
    grid = BevGrid(whole.x0_m + column * step, whole.y0_m + row * step, step, CROP_CELLS, CROP_CELLS)
    return Sample(lidar, _camera(raster, rows, columns), render_labels(truth, grid, ignored))


def _camera(raster: BevRaster, rows: slice, columns: slice) -> NDArray[np.uint8]:
    """Colour at 0.2 m: the mean of the cells a camera saw."""
    if "camera_hits" not in raster.channels:
        return np.zeros((len(CAMERA_INPUTS), CROP_CELLS, CROP_CELLS), dtype=np.uint8)
    fine = np.stack([raster.channels[name][rows, columns] for name in CAMERA_INPUTS]).astype(np.float32)
    seen = (fine[3] > 0).astype(np.float32)
    sums = functional.avg_pool2d(torch.from_numpy(np.stack([*(fine[:3] * seen), seen]))[None], FINE_CELLS)[0].numpy()
    colour = sums[:3] / np.maximum(sums[3], 1e-6)
    hits = fine[3].reshape(CROP_CELLS, FINE_CELLS, CROP_CELLS, FINE_CELLS).max(axis=(1, 3))
    return np.concatenate([colour, hits[None]]).round().astype(np.uint8)


def _unseen(hits: NDArray[np.float32]) -> NDArray[np.bool_]:
    cells = functional.max_pool2d(torch.from_numpy((hits > 0).astype(np.float32))[None, None], FINE_CELLS)
    near = functional.max_pool2d(cells, 2 * SEEN_REACH_CELLS + 1, 1, SEEN_REACH_CELLS)
    return np.asarray(near[0, 0].numpy() == 0)
