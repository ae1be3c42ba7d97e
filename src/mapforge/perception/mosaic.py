"""A tile's raster with a halo from its neighbours, as the network wants it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import ContractError
from mapforge.geometry.tiles import TileId
from mapforge.io.rasters import read_raster
from mapforge.io.workspace import Workspace
from mapforge.models.normalisation import CAMERA_INPUTS, FINE_INPUTS
from mapforge.schemas.rasters import BevRaster


@dataclass(frozen=True, eq=False)
class Mosaic:
    """lidar: (len(FINE_INPUTS), rows, columns) float32; ground NaN where unknown. camera: (len(CAMERA_INPUTS), rows,
    columns) float32, None when no raster has cameras. halo: raster cells around the tile. resolution_m: of a cell."""

    lidar: NDArray[np.float32]
    camera: NDArray[np.float32] | None
    halo: int
    resolution_m: float


def assemble(workspace: Workspace, tile: TileId, drive_id: str, halo_m: float) -> Mosaic:
    """Reads the tile and what lies within `halo_m` of it; neighbours without a raster stay unseen.

    Raises MissingInputError when the tile itself has no raster, ContractError when a neighbour's does not fit it.
    """
    centre = read_raster(workspace.raster(tile, drive_id))
    size, resolution_m = centre.grid.rows, centre.grid.resolution_m
    halo = round(halo_m / resolution_m)
    edge = size + 2 * halo
    lidar = np.zeros((len(FINE_INPUTS), edge, edge), dtype=np.float32)
    lidar[FINE_INPUTS.index("ground_z_m")] = np.nan
    camera = np.zeros((len(CAMERA_INPUTS), edge, edge), dtype=np.float32)
    coloured = _place(centre, lidar, camera, halo, halo)
    for neighbour in tile.neighbours():
        path = workspace.raster(neighbour, drive_id)
        if not path.exists():
            continue
        raster = read_raster(path)
        if raster.grid.shape != centre.grid.shape or raster.grid.resolution_m != resolution_m:
            raise ContractError(
                f"{path} is {raster.grid.shape} cells, tile {tile} is {centre.grid.shape}; rasterize anew"
            )
        row = halo + (neighbour.row - tile.row) * size
        column = halo + (neighbour.column - tile.column) * size
        coloured |= _place(raster, lidar, camera, row, column)
    return Mosaic(lidar, camera if coloured else None, halo, resolution_m)


def _place(raster: BevRaster, lidar: NDArray[np.float32], camera: NDArray[np.float32], row: int, column: int) -> bool:
    """Copies what falls inside; the raster's first cell goes to (row, column). True when it has cameras."""
    edge, size = lidar.shape[1], raster.grid.rows
    rows = slice(max(row, 0), min(row + size, edge))
    columns = slice(max(column, 0), min(column + size, edge))
    inside = (slice(rows.start - row, rows.stop - row), slice(columns.start - column, columns.stop - column))
    for index, name in enumerate(FINE_INPUTS):
        lidar[index, rows, columns] = raster.channels[name][inside]
    if "camera_hits" not in raster.channels:
        return False
    for index, name in enumerate(CAMERA_INPUTS):
        camera[index, rows, columns] = raster.channels[name][inside]
    return True
