"""A regular bird's-eye grid over the map plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId


@dataclass(frozen=True)
class BevGrid:
    """Square cells over the map frame; row 0 is the southernmost, column 0 the westernmost.

    x0_m, y0_m: map-frame corner of cell (0, 0). resolution_m: cell edge. Cell (r, c) is centred on
    (x0 + (c + 0.5) * resolution, y0 + (r + 0.5) * resolution).
    """

    x0_m: float
    y0_m: float
    resolution_m: float
    rows: int
    columns: int

    @classmethod
    def of_tile(cls, tile: TileId, frame: MapFrame, resolution_m: float, halo_m: float = 0.0) -> BevGrid:
        """The grid of a tile with a halo; the halo must be a whole number of cells."""
        xmin, ymin, xmax, ymax = tile.bounds_map(frame, halo_m)
        return cls(xmin, ymin, resolution_m, round((ymax - ymin) / resolution_m), round((xmax - xmin) / resolution_m))

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax), map frame."""
        return (
            self.x0_m,
            self.y0_m,
            self.x0_m + self.columns * self.resolution_m,
            self.y0_m + self.rows * self.resolution_m,
        )

    def cells_of(self, xy_map: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column (N,) of points (N, >=2); may lie outside the grid."""
        xy = np.asarray(xy_map, dtype=np.float64)
        columns = np.floor((xy[:, 0] - self.x0_m) / self.resolution_m).astype(np.int64)
        rows = np.floor((xy[:, 1] - self.y0_m) / self.resolution_m).astype(np.int64)
        return rows, columns

    def contains(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (rows >= 0) & (rows < self.rows) & (columns >= 0) & (columns < self.columns)

    def centres_of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N, 2) map-frame centres of cells."""
        return np.stack(
            [
                self.x0_m + (np.asarray(columns) + 0.5) * self.resolution_m,
                self.y0_m + (np.asarray(rows) + 0.5) * self.resolution_m,
            ],
            axis=-1,
        )

    def as_dict(self) -> dict[str, float]:
        return {
            "x0_m": self.x0_m,
            "y0_m": self.y0_m,
            "resolution_m": self.resolution_m,
            "rows": self.rows,
            "columns": self.columns,
        }
