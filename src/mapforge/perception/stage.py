"""Perception of one (tile, drive): its raster, with a halo, through the BEV network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TILE_SIZE_M, TileId
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.rasters import write_raster
from mapforge.io.workspace import Workspace
from mapforge.models.bev_segmenter import REACH_CELLS, BevSegmenter, load_bev_segmenter, runs_bfloat16
from mapforge.models.device import resolve_device
from mapforge.models.normalisation import FINE_CELLS, FINE_INPUTS, features_of
from mapforge.perception.config import PerceptionConfig
from mapforge.perception.mosaic import Mosaic, assemble
from mapforge.perception.observation import blank_observation, encode
from mapforge.perception.windows import Window, windows_of
from mapforge.schemas.rasters import OBSERVATION_RESOLUTION_M, BevRaster


@dataclass(frozen=True)
class PerceptionInputs:
    """One tile as one drive saw it.

    weights: of the BEV network. device: torch device, or auto. fingerprint: goes into the observation's footer.
    """

    workspace: Workspace
    tile: TileId
    drive_id: str
    frame: MapFrame
    weights: Path
    device: str
    fingerprint: str


def run(inputs: PerceptionInputs, config: PerceptionConfig) -> None:
    """Writes the observation of the tile. Raises MissingInputError without raster or weights."""
    device = resolve_device(inputs.device)
    model = _cached_model(inputs.weights, device)
    settings = config.bev
    mosaic = assemble(inputs.workspace, inputs.tile, inputs.drive_id, settings.halo_m)
    grid = BevGrid.of_tile(inputs.tile, inputs.frame, OBSERVATION_RESOLUTION_M)
    hit, seen = (cells_near_returns(mosaic, within_m) for within_m in (0.0, settings.seen_within_m))
    channels = blank_observation(grid.rows, grid.columns)
    bf16 = settings.bf16 and runs_bfloat16(device)
    cells_per_tile = round(TILE_SIZE_M / OBSERVATION_RESOLUTION_M)
    first = (inputs.tile.row * cells_per_tile, inputs.tile.column * cells_per_tile)
    for window in windows_of(seen, *first):
        outputs = infer(model, *_cut(mosaic, window, settings.camera), device, bf16)
        _paste(channels, encode({name: value[..., _INNER, _INNER] for name, value in outputs.items()}), window, seen)
    channels["seen"], channels["hit"] = seen.astype(np.uint8), hit.astype(np.uint8)
    channels["ground_z_m"] = ground_of(mosaic)
    metadata = {"fingerprint": inputs.fingerprint, "drive_id": inputs.drive_id}
    target = inputs.workspace.observation(inputs.tile, inputs.drive_id)
    write_raster(BevRaster(grid, channels, metadata), target, inputs.workspace.tmp)


def infer(model: BevSegmenter, lidar: Tensor, camera: Tensor | None, device: str, bf16: bool) -> dict[str, Tensor]:
    """Outputs of the network for raster channels (C, 2H, 2W); see BevSegmenter.forward."""
    with torch.inference_mode():
        features = features_of(
            lidar[None].to(device, torch.float32), None if camera is None else camera[None].to(device, torch.float32)
        )
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=bf16):
            outputs: dict[str, Tensor] = model(features.contiguous(memory_format=torch.channels_last))
            return outputs


def cells_near_returns(mosaic: Mosaic, within_m: float) -> NDArray[np.bool_]:
    """(rows, columns) cells of the tile at 0.2 m that have a surface return within a box of this half edge."""
    hits = torch.from_numpy(mosaic.lidar[FINE_INPUTS.index("surface_hits")])
    reach = round(within_m / OBSERVATION_RESOLUTION_M)
    cells = torch.nn.functional.max_pool2d((hits > 0).float()[None, None], FINE_CELLS)
    near = torch.nn.functional.max_pool2d(cells, 2 * reach + 1, 1, reach)[0, 0] > 0
    halo = mosaic.halo // FINE_CELLS
    return near[halo:-halo, halo:-halo].numpy()


def ground_of(mosaic: Mosaic) -> NDArray[np.float32]:
    """(rows, columns) mean ground height of the tile at 0.2 m, NaN where unknown."""
    fine = mosaic.lidar[FINE_INPUTS.index("ground_z_m"), mosaic.halo : -mosaic.halo, mosaic.halo : -mosaic.halo]
    blocks = fine.reshape(fine.shape[0] // FINE_CELLS, FINE_CELLS, -1, FINE_CELLS).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)  # blocks of NaN alone stay NaN
        return np.nanmean(blocks, axis=(1, 3)).astype(np.float32)


_INNER = slice(REACH_CELLS, -REACH_CELLS)


def _cut(mosaic: Mosaic, window: Window, camera: bool) -> tuple[Tensor, Tensor | None]:
    """Raster channels of a window and its surroundings."""
    halo = mosaic.halo // FINE_CELLS
    rows = slice((window.row0 - REACH_CELLS + halo) * FINE_CELLS, (window.row1 + REACH_CELLS + halo) * FINE_CELLS)
    columns = slice(
        (window.column0 - REACH_CELLS + halo) * FINE_CELLS, (window.column1 + REACH_CELLS + halo) * FINE_CELLS
    )
    lidar = torch.from_numpy(np.ascontiguousarray(mosaic.lidar[:, rows, columns]))
    if mosaic.camera is None or not camera:
        return lidar, None
    return lidar, torch.from_numpy(np.ascontiguousarray(mosaic.camera[:, rows, columns]))


def _paste(channels: dict[str, NDArray], part: dict[str, NDArray], window: Window, seen: NDArray[np.bool_]) -> None:
    """Copies a window's channels into the tile's, seen cells only."""
    rows, columns = seen.shape
    r = slice(max(window.row0, 0), min(window.row1, rows))
    c = slice(max(window.column0, 0), min(window.column1, columns))
    inside = (
        slice(r.start - window.row0, r.stop - window.row0),
        slice(c.start - window.column0, c.stop - window.column0),
    )
    for name, values in part.items():
        channels[name][r, c] = np.where(seen[r, c], values[inside], channels[name][r, c])


def _cached_model(path: Path, device: str) -> BevSegmenter:
    if not path.exists():
        raise MissingInputError(f"model weights {path} are missing; restore them or run `mapforge train`")
    return _load(path, sha256_of_file(path), device)


@lru_cache(maxsize=2)
def _load(path: Path, sha256: str, device: str) -> BevSegmenter:
    del sha256  # part of the key: a replaced file is another model
    return load_bev_segmenter(path, device)
