"""Ground of the whole drive so far: the surfaces of its windows, merged node by node."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mapforge.geometry.tiles import TILE_SIZE_M
from mapforge.rasterization.ground import Lattice, Surface

MAX_WEIGHT = 50.0

Block = tuple[int, int]


class GroundMap:
    """Nodes by blocks of the tile size, so that those far behind can be forgotten.

    Node (column, row) of the map stands at (column, row) * cell_m, map frame.
    """

    def __init__(self, cell_m: float) -> None:
        self.cell_m = cell_m
        self._side = round(TILE_SIZE_M / cell_m)
        self._blocks: dict[Block, NDArray[np.float32]] = {}

    def merge(self, surface: Surface, origin_m: NDArray[np.float64]) -> Surface:
        """Adds a window's surface; returns the merged surface on the same lattice, relative to the same origin.

        origin_m: (3,) of the window; x, y a multiple of the block size.
        """
        lattice = surface.lattice
        z_new = surface.z_m.cpu().numpy().astype(np.float64) + origin_m[2]
        weight = np.where(np.isnan(z_new), 0.0, surface.support.cpu().numpy())
        z_old, weight_old = self._gather(self._first_node(lattice, origin_m), lattice.rows, lattice.columns)
        total = weight + weight_old
        mixed = np.nan_to_num(z_new) * weight + np.nan_to_num(z_old) * weight_old
        z_m = np.where(total > 0, mixed / np.maximum(total, 1e-9), np.nan)
        self._scatter(self._first_node(lattice, origin_m), z_m, np.minimum(total, MAX_WEIGHT))
        device = surface.z_m.device
        merged = torch.from_numpy((z_m - origin_m[2]).astype(np.float32)).to(device)
        return Surface(lattice, merged, torch.from_numpy(total.astype(np.float32)).to(device))

    def heights(self, x0_m: float, y0_m: float, rows: int, columns: int, step_m: float) -> NDArray[np.float32]:
        """(rows, columns) bilinear ground height, map frame, at cell centres of a grid whose corner is (x0, y0)."""
        u = (x0_m + (np.arange(columns) + 0.5) * step_m) / self.cell_m
        v = (y0_m + (np.arange(rows) + 0.5) * step_m) / self.cell_m
        column0, row0 = int(np.floor(u[0])), int(np.floor(v[0]))
        nodes, _ = self._gather((column0, row0), int(v[-1]) - row0 + 2, int(u[-1]) - column0 + 2)
        c, r = np.floor(u).astype(np.int64) - column0, np.floor(v).astype(np.int64) - row0
        fu, fv = u - np.floor(u), v - np.floor(v)
        along_x = nodes[:, c] * (1.0 - fu) + nodes[:, c + 1] * fu
        return np.asarray(along_x[r] * (1.0 - fv)[:, None] + along_x[r + 1] * fv[:, None], dtype=np.float32)

    def heights_at(self, xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) bilinear ground height, map frame, at points (N, 2) of the map frame."""
        uv = xy_m / self.cell_m
        low, high = np.floor(uv.min(axis=0)).astype(np.int64), np.floor(uv.max(axis=0)).astype(np.int64)
        nodes, _ = self._gather((int(low[0]), int(low[1])), int(high[1] - low[1]) + 2, int(high[0] - low[0]) + 2)
        c, r = (np.floor(uv).astype(np.int64) - low).T
        fu, fv = (uv - np.floor(uv)).T
        south = nodes[r, c] * (1.0 - fu) + nodes[r, c + 1] * fu
        north = nodes[r + 1, c] * (1.0 - fu) + nodes[r + 1, c + 1] * fu
        return np.asarray(south * (1.0 - fv) + north * fv)

    def forget(self, block: Block) -> None:
        self._blocks.pop(block, None)

    def _first_node(self, lattice: Lattice, origin_m: NDArray[np.float64]) -> tuple[int, int]:
        column, row = (round(v / self.cell_m) for v in origin_m[:2])
        return column + lattice.column0, row + lattice.row0

    def _gather(self, first: tuple[int, int], rows: int, columns: int) -> tuple[NDArray, NDArray]:
        """Heights and weights (rows, columns) float64; NaN and 0 where nothing is known."""
        out = np.zeros((2, rows, columns))
        out[0] = np.nan
        for block, inside, outside in self._pieces(first, rows, columns):
            if block in self._blocks:
                out[:, outside[0], outside[1]] = self._blocks[block][:, inside[0], inside[1]]
        return out[0], out[1]

    def _scatter(self, first: tuple[int, int], z_m: NDArray, weight: NDArray) -> None:
        for block, inside, outside in self._pieces(first, *z_m.shape):
            if block not in self._blocks:
                self._blocks[block] = np.zeros((2, self._side, self._side), dtype=np.float32)
                self._blocks[block][0] = np.nan
            self._blocks[block][0, inside[0], inside[1]] = z_m[outside[0], outside[1]]
            self._blocks[block][1, inside[0], inside[1]] = weight[outside[0], outside[1]]

    def _pieces(
        self, first: tuple[int, int], rows: int, columns: int
    ) -> list[tuple[Block, tuple[slice, slice], tuple[slice, slice]]]:
        """Block by block: its key, the (row, column) slices inside it, and those of the array."""
        pieces = []
        for block_row, inside_row, outside_row in _runs(first[1], rows, self._side):
            for block_column, inside_column, outside_column in _runs(first[0], columns, self._side):
                pieces.append(((block_column, block_row), (inside_row, inside_column), (outside_row, outside_column)))
        return pieces


def _runs(start: int, count: int, side: int) -> list[tuple[int, slice, slice]]:
    """Cuts start..start+count at multiples of `side`: (block, slice in the block, slice in the run)."""
    runs = []
    at = start
    while at < start + count:
        block = at // side
        stop = min((block + 1) * side, start + count)
        runs.append((block, slice(at - block * side, stop - block * side), slice(at - start, stop - start)))
        at = stop
    return runs
