"""Tiles under way: sums of every cell, kept in memory while near the car, on disk while away."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapforge.geometry.tiles import TileId
from mapforge.rasterization.accumulate import SurfaceSums


@dataclass(eq=False)
class TileSums:
    """All that is summed over the C cells of a tile (flat, row 0 southernmost).

    sweeps, obstacle_sweeps: int32 distinct sweeps with any return, with an obstacle. colour_sum: (3, C) int32 and
    colour_hits: (C,) int32 of camera views; empty (0 cells) in a drive without cameras.
    """

    surface: SurfaceSums
    sweeps: Tensor
    obstacle_sweeps: Tensor
    colour_sum: Tensor
    colour_hits: Tensor

    @classmethod
    def empty(cls, cells: int, with_colour: bool, device: torch.device) -> TileSums:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int32, device=device)

        coloured = cells if with_colour else 0
        surface = SurfaceSums.empty(cells, device)
        return cls(surface, zeros(cells), zeros(cells), zeros(3, coloured), zeros(coloured))

    def arrays(self) -> dict[str, NDArray]:
        """Every tensor by name, on the CPU."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "surface"}
        tensors = {**{f.name: getattr(self.surface, f.name) for f in fields(SurfaceSums)}, **own}
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray], device: torch.device) -> TileSums:
        tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        names = {f.name for f in fields(SurfaceSums)}
        surface = SurfaceSums(**{name: tensor for name, tensor in tensors.items() if name in names})
        return cls(surface, **{name: tensor for name, tensor in tensors.items() if name not in names})


class OpenTiles:
    """Sums by tile; at most `max_in_memory` of them in memory, the longest untouched go to `spill_folder`."""

    def __init__(
        self, cells: int, with_colour: bool, device: torch.device, max_in_memory: int, spill_folder: Path
    ) -> None:
        self._cells = cells
        self._with_colour = with_colour
        self._device = device
        self._max_in_memory = max_in_memory
        self._spill_folder = spill_folder
        self._in_memory: dict[TileId, TileSums] = {}

    def touch(self, tile: TileId) -> TileSums:
        """The sums of a tile, new or as they were left."""
        sums = self._take(tile)
        if sums is None:
            sums = TileSums.empty(self._cells, self._with_colour, self._device)
        self._in_memory[tile] = sums  # a dict keeps order: the last touched is last
        while len(self._in_memory) > self._max_in_memory:
            oldest = next(iter(self._in_memory))
            arrays: dict[str, Any] = self._in_memory.pop(oldest).arrays()
            np.savez(self._path(oldest), **arrays)
        return sums

    def pop(self, tile: TileId) -> TileSums | None:
        """The sums of a tile that will not be touched again; None when it never was."""
        return self._take(tile)

    def _take(self, tile: TileId) -> TileSums | None:
        if tile in self._in_memory:
            return self._in_memory.pop(tile)
        if not self._path(tile).exists():
            return None
        with np.load(self._path(tile)) as stored:
            sums = TileSums.of_arrays({name: stored[name] for name in stored.files}, self._device)
        self._path(tile).unlink()
        return sums

    def _path(self, tile: TileId) -> Path:
        return self._spill_folder / f"{tile.column}_{tile.row}.npz"
