from __future__ import annotations

import numpy as np
import pytest
import torch

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TileId
from mapforge.io.rasters import write_raster
from mapforge.io.workspace import Workspace
from mapforge.models.bev_segmenter import BevSegmenter
from mapforge.models.config import BevSegmenterConfig
from mapforge.models.weights import write_weights
from mapforge.schemas.rasters import CAMERA_CHANNELS, LIDAR_CHANNELS, BevRaster

FRAME = MapFrame(32632, (456000.0, 5427000.0))
WEST, EAST = TileId(32632, 4561, 54275), TileId(32632, 4562, 54275)
DRIVE = "drive-1"
_BAND_M = 25.0


def _kind(name: str) -> type:
    if name in ("surface_hits", "sweeps"):
        return np.uint16
    if name in CAMERA_CHANNELS:
        return np.uint8
    return np.float32 if name == "ground_z_m" else np.float16


def _raster(tile: TileId, cameras: bool) -> BevRaster:
    """A raster whose values depend on the place alone; seen is a square around the middle of the two tiles' border."""
    grid = BevGrid.of_tile(tile, FRAME, 0.1)
    rows, columns = np.indices(grid.shape)
    centres = grid.centres_of(rows.ravel(), columns.ravel())
    x, y = (centres[:, i].reshape(grid.shape) for i in (0, 1))
    border_x, _, _, _ = EAST.bounds_map(FRAME)
    middle_y = WEST.bounds_map(FRAME)[1] + 50.0
    hash_of_place = np.sin(x * 127.1 + y * 311.7) * 43758.5453 % 1.0
    hit = (np.abs(x - border_x) < _BAND_M) & (np.abs(y - middle_y) < _BAND_M) & (hash_of_place < 0.6)
    stripe = np.abs((x - border_x) * 0.2 + (y - middle_y)) % 3.5 < 0.15
    values = {
        "surface_hits": 1 + 20 * hash_of_place,
        "sweeps": 1 + 5 * hash_of_place,
        "intensity_mean": 1 + 1.5 * stripe + 0.1 * hash_of_place,
        "height_mean_m": 0.12 * (y > middle_y + 8) + 0.01 * hash_of_place,
        "height_std_m": 0.01 * hash_of_place,
        "obstacle_ratio": 0.2 * (hash_of_place > 0.5),
        "red": 90 + 80 * stripe,
        "green": 90 + 70 * stripe,
        "blue": 90 + 20 * stripe,
        "camera_hits": 3 + 0 * x,
    }
    names = [*LIDAR_CHANNELS, *(CAMERA_CHANNELS if cameras else ())]
    channels = {name: (values.get(name, 0 * x) * hit).astype(_kind(name)) for name in names}
    channels["ground_z_m"] = np.where(hit, 100.0 + 0.02 * (x - border_x), np.nan).astype(np.float32)
    return BevRaster(grid, channels, {"fingerprint": "raster"})


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A small network with random weights and statistics."""
    torch.manual_seed(5)
    model = BevSegmenter(BevSegmenterConfig([8, 8, 8, 8], 8))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.05, 0.3)
    torch.nn.init.constant_(model.heads.bias[:5], 0.0)
    folder = tmp_path_factory.mktemp("weights")
    write_weights(model.weights(), folder / "bev.safetensors", folder / "tmp")
    return folder / "bev.safetensors"


@pytest.fixture(scope="session")
def two_tiles(tmp_path_factory):
    """A workspace in which one drive with cameras saw the border of two tiles."""
    workspace = Workspace(tmp_path_factory.mktemp("two tiles"))
    for tile in (WEST, EAST):
        write_raster(_raster(tile, cameras=True), workspace.raster(tile, DRIVE), workspace.tmp)
    return workspace


@pytest.fixture(scope="session")
def lidar_only(tmp_path_factory):
    """A workspace in which one drive without cameras saw one tile."""
    workspace = Workspace(tmp_path_factory.mktemp("lidar only"))
    write_raster(_raster(WEST, cameras=False), workspace.raster(WEST, DRIVE), workspace.tmp)
    return workspace
