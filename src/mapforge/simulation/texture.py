"""Textures over the map plane: sparse rasters of polygons, and noise that repeats without a seam."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

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
    edge_m = cell_m * BLOCK_CELLS
    bounds = shapely.bounds(np.array([polygon for polygon, _ in polygons], dtype=object))
    low, high = np.floor(bounds[:, :2] / edge_m).astype(int), np.floor(bounds[:, 2:] / edge_m).astype(int)
    first, last = low.min(axis=0), high.max(axis=0)
    index = np.full((last - first + 1)[::-1], -1, dtype=np.int32)
    blocks: list[NDArray[np.uint8]] = []
    for (polygon, code), polygon_low, polygon_high in zip(polygons, low, high):
        segments = _segments(polygon) / cell_m
        for block in _touched_blocks(polygon, polygon_low, polygon_high, edge_m):
            mask = _inside(segments - np.tile(block * BLOCK_CELLS, 2))
            where = (block[1] - first[1], block[0] - first[0])
            if index[where] < 0:
                index[where] = len(blocks)
                blocks.append(np.zeros((BLOCK_CELLS, BLOCK_CELLS), dtype=np.uint8))
            blocks[index[where]][mask] = code
    return SparseTexture(float(first[0] * edge_m), float(first[1] * edge_m), cell_m, index, np.stack(blocks))


def _touched_blocks(
    polygon: shapely.Polygon, low: NDArray[np.int64], high: NDArray[np.int64], edge_m: float
) -> NDArray[np.int64]:
    """(K, 2) column and row of the blocks a polygon meets."""
    columns, rows = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    blocks = np.stack([columns.ravel(), rows.ravel()], axis=1)
    if len(blocks) == 1:
        return blocks
    corners = blocks * edge_m
    boxes = shapely.box(*corners.T, *(corners + edge_m).T)
    shapely.prepare(polygon)
    return np.asarray(blocks[shapely.intersects(polygon, boxes)])


def _segments(polygon: shapely.Polygon) -> NDArray[np.float64]:
    """(E, 4) edges x0, y0, x1, y1 of all rings."""
    rings = [shapely.get_coordinates(ring) for ring in (polygon.exterior, *polygon.interiors)]
    return np.concatenate([np.concatenate([ring[:-1], ring[1:]], axis=1) for ring in rings])


def _inside(segments: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(256, 256) cells whose centre an odd number of edges lies left of. segments: (E, 4) in cells of the block."""
    x0, y0, x1, y1 = segments.T
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, BLOCK_CELLS).astype(np.int64)
    end = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, BLOCK_CELLS).astype(np.int64)
    count = end - first
    edge = np.repeat(np.arange(len(segments)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    slope = (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
    crossing = x0[edge] + (row + 0.5 - y0[edge]) * slope
    column = np.clip(np.ceil(crossing - 0.5), 0, BLOCK_CELLS).astype(np.int64)
    crossings = np.bincount(row * (BLOCK_CELLS + 1) + column, minlength=BLOCK_CELLS * (BLOCK_CELLS + 1))
    toggles = (crossings & 1).astype(bool).reshape(BLOCK_CELLS, BLOCK_CELLS + 1)
    return np.asarray(np.logical_xor.accumulate(toggles[:, :-1], axis=1))


@dataclass(frozen=True, eq=False)
class TileNoise:
    """Noise uniform in 0..1, periodic over the map plane. values: (S, S) float32, S a power of two."""

    cell_m: float
    values: NDArray[np.float32]

    @classmethod
    @lru_cache(maxsize=16)
    def smooth(cls, seed: int, cell_m: float, scales_m: tuple[float, ...], size: int = 512) -> TileNoise:
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
