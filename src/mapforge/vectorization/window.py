"""A tile's observation with a rim of its neighbours'."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TileId
from mapforge.io.rasters import read_raster
from mapforge.io.workspace import Workspace
from mapforge.schemas.rasters import OBSERVATION_CHANNELS, OBSERVATION_RESOLUTION_M, BevRaster

_KEPT = 12


class ObservationWindows:
    """Reads the observations of one drive, a tile and its rim at a time; keeps the last few tiles in memory."""

    def __init__(self, workspace: Workspace, drive_id: str, frame: MapFrame, halo_m: float) -> None:
        self._workspace = workspace
        self._drive_id = drive_id
        self._frame = frame
        self._halo_m = halo_m
        self._kept: OrderedDict[TileId, BevRaster | None] = OrderedDict()

    def has(self, tile: TileId) -> bool:
        return self._workspace.observation(tile, self._drive_id).exists()

    def read(self, tile: TileId) -> BevRaster:
        """The observation of a tile with its halo; cells of neighbours that were not observed hold 0 (NaN height)."""
        grid = BevGrid.of_tile(tile, self._frame, OBSERVATION_RESOLUTION_M, self._halo_m)
        core = self._core(tile)
        assert core is not None, tile
        channels = {name: np.zeros(grid.shape, dtype=core.channels[name].dtype) for name in OBSERVATION_CHANNELS}
        channels["ground_z_m"].fill(np.nan)
        for source in sorted([tile, *tile.neighbours()]):
            part = self._core(source)
            if part is None:
                continue
            target, cut = _overlap(grid, part.grid)
            for name in OBSERVATION_CHANNELS:
                channels[name][target] = part.channels[name][cut]
        return BevRaster(grid, channels, core.metadata)

    def _core(self, tile: TileId) -> BevRaster | None:
        if tile not in self._kept:
            path = self._workspace.observation(tile, self._drive_id)
            self._kept[tile] = read_raster(path) if path.exists() else None
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(tile)
        return self._kept[tile]


def _overlap(window: BevGrid, part: BevGrid) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the cells both grids share, in the window and in the part."""
    rows = round((part.y0_m - window.y0_m) / window.resolution_m)
    columns = round((part.x0_m - window.x0_m) / window.resolution_m)
    r0, r1 = max(rows, 0), min(rows + part.rows, window.rows)
    c0, c1 = max(columns, 0), min(columns + part.columns, window.columns)
    return (slice(r0, r1), slice(c0, c1)), (slice(r0 - rows, r1 - rows), slice(c0 - columns, c1 - columns))
