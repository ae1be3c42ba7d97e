"""Tiles: 100 m squares of the map's projected CRS, named EPSG/floor(easting/100)/floor(northing/100)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import ConfigurationError
from mapforge.geometry.crs import MapFrame

TILE_SIZE_M = 100.0
HALO_M = 20.0

_PATTERN = re.compile(r"(\d{4,6})/(-?\d+)/(-?\d+)")


@dataclass(frozen=True, order=True)
class TileId:
    """Name of one tile; `str()` gives `32617/5864/44752`, which is also its path."""

    epsg: int
    column: int
    row: int

    def __str__(self) -> str:
        return f"{self.epsg}/{self.column}/{self.row}"

    @classmethod
    def parse(cls, text: str) -> TileId:
        """Raises ConfigurationError when `text` is not `EPSG/column/row`."""
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ConfigurationError(f"'{text}' is no tile: write EPSG/column/row, for example 32617/5864/44752")
        return cls(*(int(part) for part in match.groups()))

    @classmethod
    def at(cls, frame: MapFrame, x_m: float, y_m: float) -> TileId:
        """The tile that holds a point of the map frame."""
        x0, y0 = frame.origin_m
        return cls(frame.epsg, int((x_m + x0) // TILE_SIZE_M), int((y_m + y0) // TILE_SIZE_M))

    def neighbours(self) -> list[TileId]:
        """The eight tiles around this one."""
        return [
            TileId(self.epsg, self.column + dx, self.row + dy)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if (dx, dy) != (0, 0)
        ]

    def bounds_projected(self, halo_m: float = 0.0) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax), absolute metres of the CRS."""
        x, y = self.column * TILE_SIZE_M, self.row * TILE_SIZE_M
        return x - halo_m, y - halo_m, x + TILE_SIZE_M + halo_m, y + TILE_SIZE_M + halo_m

    def bounds_map(self, frame: MapFrame, halo_m: float = 0.0) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax), map frame. Raises CrsMismatchError when the frame is in another CRS."""
        frame.require_same_crs(self.epsg, f"tile {self}")
        xmin, ymin, xmax, ymax = self.bounds_projected(halo_m)
        x0, y0 = frame.origin_m
        return xmin - x0, ymin - y0, xmax - x0, ymax - y0


def tiles_near(xy_map: NDArray[np.float64], frame: MapFrame, reach_m: float) -> list[TileId]:
    """Sorted tiles of which some point lies within `reach_m` (box distance) of some point of xy_map (N, >=2)."""
    xy = np.asarray(xy_map, dtype=np.float64)[:, :2] + np.array(frame.origin_m)
    low = np.floor((xy - reach_m) / TILE_SIZE_M).astype(np.int64)
    high = np.floor((xy + reach_m) / TILE_SIZE_M).astype(np.int64)
    spans = np.unique(np.hstack([low, high]), axis=0)
    return sorted(
        {
            TileId(frame.epsg, int(column), int(row))
            for x0, y0, x1, y1 in spans
            for column in range(x0, x1 + 1)
            for row in range(y0, y1 + 1)
        }
    )
