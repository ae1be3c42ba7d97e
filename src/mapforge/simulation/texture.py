"""Textures over the map plane: sparse rasters of polygons, and noise that repeats without a seam."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.draw import polygon2mask

BLOCK_CELLS = 256


@dataclass(frozen=True, eq=False)
class SparseTexture:
    """A uint8 code a cell of the map plane, stored only in blocks where something was drawn.

    index: (R, C) int32 block number or -1; blocks: (B, 256, 256) uint8; 0 = nothing.
    """

    x0_m: float
    y0_m: float
    cell_m: float
    index: NDArray[np.int32]
    blocks: NDArray[np.uint8]

    def at(self, x_m: NDArray[np.floating], y_m: NDArray[np.floating]) -> NDArray[np.uint8]:
        """(N,) codes at points of the map plane."""
        column = np.floor((x_m - self.x0_m) / self.cell_m).astype(np.int32)
        row = np.floor((y_m - self.y0_m) / self.cell_m).astype(np.int32)
        block_row, block_column = row >> 8, column >> 8
        rows, columns = self.index.shape
        inside = (block_row >= 0) & (block_row < rows) & (block_column >= 0) & (block_column < columns)
        block = np.where(inside, self.index[block_row * inside, block_column * inside], -1)
        flat = (block.astype(np.int64) << 16) + ((row & 255) << 8) + (column & 255)
        drawn = block >= 0
        codes = np.zeros(len(x_m), dtype=np.uint8)
        codes[drawn] = self.blocks.reshape(-1)[flat[drawn]]
        return codes


def rasterize_polygons(shapes: Iterable[tuple[shapely.Polygon, int]], cell_m: float) -> SparseTexture:
    """Draws polygons with their codes (1..255), later ones over earlier ones; a cell is inside when its centre is."""
    polygons = [(polygon, code) for polygon, code in shapes if not polygon.is_empty]
    if not polygons:
        return SparseTexture(0.0, 0.0, cell_m, np.full((1, 1), -1, np.int32), np.zeros((1, 256, 256), np.uint8))
    edge = cell_m * BLOCK_CELLS
    bounds = shapely.bounds(np.array([polygon for polygon, _ in polygons], dtype=object))
    first = np.floor(bounds[:, :2].min(axis=0) / edge).astype(int)
    last = np.floor(bounds[:, 2:].max(axis=0) / edge).astype(int)
    index = np.full((last - first + 1)[::-1], -1, dtype=np.int32)
    blocks: list[NDArray[np.uint8]] = []
    low, high = np.floor(bounds[:, :2] / edge).astype(int), np.floor(bounds[:, 2:] / edge).astype(int)
    for (polygon, code), (column0, row0), (column1, row1) in zip(polygons, low.tolist(), high.tolist()):
        for row in range(row0, row1 + 1):
            for column in range(column0, column1 + 1):
                corner = np.array([column, row]) * edge
                mask = _mask(polygon, corner, edge, cell_m)
                if mask is None:
                    continue
                where = (row - first[1], column - first[0])
                if index[where] < 0:
                    index[where] = len(blocks)
                    blocks.append(np.zeros((BLOCK_CELLS, BLOCK_CELLS), dtype=np.uint8))
                blocks[index[where]][mask] = code
    stacked = np.stack(blocks) if blocks else np.zeros((1, BLOCK_CELLS, BLOCK_CELLS), np.uint8)
    return SparseTexture(float(first[0] * edge), float(first[1] * edge), cell_m, index, stacked)


def _mask(
    polygon: shapely.Polygon, corner_m: NDArray[np.float64], edge_m: float, cell_m: float
) -> NDArray[np.bool_] | None:
    """(256, 256) cells of one block whose centre lies in the polygon, None when there are none."""
    part = shapely.clip_by_rect(polygon, *corner_m, *(corner_m + edge_m))
    if part.is_empty:
        return None
    mask = np.zeros((BLOCK_CELLS, BLOCK_CELLS), dtype=bool)
    for piece in getattr(part, "geoms", [part]):
        if not isinstance(piece, shapely.Polygon):
            continue
        mask |= _ring_mask(piece.exterior, corner_m, cell_m)
        for hole in piece.interiors:
            mask &= ~_ring_mask(hole, corner_m, cell_m)
    return mask if mask.any() else None


def _ring_mask(ring: shapely.LinearRing, corner_m: NDArray[np.float64], cell_m: float) -> NDArray[np.bool_]:
    row_column = (shapely.get_coordinates(ring) - corner_m)[:, ::-1] / cell_m - 0.5
    return np.asarray(polygon2mask((BLOCK_CELLS, BLOCK_CELLS), row_column), dtype=bool)


@dataclass(frozen=True, eq=False)
class TileNoise:
    """Noise uniform in 0..1, periodic over the map plane. values: (S, S) float32, S a power of two."""

    cell_m: float
    values: NDArray[np.float32]

    @classmethod
    def smooth(cls, seed: int, cell_m: float, scales_m: list[float], size: int = 512) -> TileNoise:
        """Sum of smoothed white noise of the given correlation lengths, its values spread evenly over 0..1."""
        rng = np.random.default_rng(seed)
        total = np.zeros((size, size))
        for scale_m in scales_m:
            layer = gaussian_filter(rng.standard_normal((size, size)), scale_m / cell_m, mode="wrap")
            total += layer / layer.std()
        rank = np.empty(size * size, dtype=np.float32)
        rank[np.argsort(total, axis=None, kind="stable")] = np.linspace(0.0, 1.0, size * size, dtype=np.float32)
        return cls(cell_m, rank.reshape(size, size))

    def at(self, x_m: NDArray[np.floating], y_m: NDArray[np.floating]) -> NDArray[np.float32]:
        """(N,) value of the nearest cell."""
        wrap = len(self.values) - 1
        column = np.floor(x_m * (1.0 / self.cell_m)).astype(np.int32) & wrap
        row = np.floor(y_m * (1.0 / self.cell_m)).astype(np.int32) & wrap
        return np.asarray(self.values[row, column])
