"""Which parts of a tile the network has to compute: rectangles around what was seen, few and tight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.models.bev_segmenter import REACH_CELLS, STRIDE_CELLS

_WORTH_SPLITTING = 0.9


@dataclass(frozen=True)
class Window:
    """Half-open ranges of cells (0.2 m) of the tile; may begin before it and end after it by less than a stride."""

    row0: int
    row1: int
    column0: int
    column1: int

    @property
    def cost(self) -> int:
        """Cells the network computes for it, surroundings included."""
        margin = 2 * REACH_CELLS
        return (self.row1 - self.row0 + margin) * (self.column1 - self.column0 + margin)


def windows_of(seen: NDArray[np.bool_], first_row: int, first_column: int) -> list[Window]:
    """Windows that cover all seen cells (rows, columns) of a tile.

    first_row, first_column: absolute index of the tile's first cell; windows start and end at whole strides of the
    absolute grid, so that the network's coarse cells lie alike in every tile.
    """
    lead_row, lead_column = first_row % STRIDE_CELLS, first_column % STRIDE_CELLS
    rows, columns = seen.shape
    padded = np.pad(
        seen,
        ((lead_row, -(lead_row + rows) % STRIDE_CELLS), (lead_column, -(lead_column + columns) % STRIDE_CELLS)),
    )
    squares = padded.reshape(padded.shape[0] // STRIDE_CELLS, STRIDE_CELLS, -1, STRIDE_CELLS)
    blocks = np.asarray(squares.any(axis=(1, 3)))
    return [
        Window(
            r0 * STRIDE_CELLS - lead_row,
            r1 * STRIDE_CELLS - lead_row,
            c0 * STRIDE_CELLS - lead_column,
            c1 * STRIDE_CELLS - lead_column,
        )
        for r0, r1, c0, c1 in _split(blocks, 0, 0)
    ]


_Box = tuple[int, int, int, int]


def _split(blocks: NDArray[np.bool_], row: int, column: int) -> list[_Box]:
    """Bounding boxes of the blocks, cut in two wherever that makes the sum of costs clearly smaller."""
    if not blocks.any():
        return []
    in_rows, in_columns = np.flatnonzero(blocks.any(1)), np.flatnonzero(blocks.any(0))
    r0, r1, c0, c1 = in_rows[0], in_rows[-1] + 1, in_columns[0], in_columns[-1] + 1
    inner = blocks[r0:r1, c0:c1]
    best, cut = _WORTH_SPLITTING * _cost(inner.shape), None
    for axis in (0, 1):
        for at in range(2, inner.shape[axis] - 1, 2):
            first, second = np.split(inner, [at], axis=axis)
            total = _tight_cost(first) + _tight_cost(second)
            if total < best:
                best, cut = total, (axis, at)
    row, column = row + int(r0), column + int(c0)
    if cut is None:
        return [(row, row + inner.shape[0], column, column + inner.shape[1])]
    axis, at = cut
    first, second = np.split(inner, [at], axis=axis)
    return _split(first, row, column) + _split(second, row + at * (axis == 0), column + at * (axis == 1))


def _tight_cost(blocks: NDArray[np.bool_]) -> int:
    in_rows, in_columns = np.flatnonzero(blocks.any(1)), np.flatnonzero(blocks.any(0))
    if not len(in_rows):
        return 0
    return _cost((int(in_rows[-1] - in_rows[0]) + 1, int(in_columns[-1] - in_columns[0]) + 1))


def _cost(shape: tuple[int, ...]) -> int:
    return (shape[0] * STRIDE_CELLS + 2 * REACH_CELLS) * (shape[1] * STRIDE_CELLS + 2 * REACH_CELLS)
