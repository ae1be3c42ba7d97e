"""The kernel: sums, extremes and counts of points a cell, mergeable, the same on every device and thread count.

Sums are fixed-point int64 and extremes float32, so no order of addition changes a bit. The channels are independent
scatters, shared out over threads whole. On CPU a plain scatter runs at the speed of memory; sorting points by cell
first costs more than it saves (benchmarks/rasterizer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

REFLECTIVITY_STEPS = 2**16
HEIGHT_STEPS = 2**20


@dataclass(eq=False)
class SurfaceSums:
    """Over the surface returns of each of C cells (flat).

    hits: int32. reflectivity_sum, reflectivity_square_sum, height_sum, height_square_sum: int64 fixed-point.
    reflectivity_max, height_min, height_max: float32 (-inf, +inf, -inf where nothing was hit).
    """

    hits: Tensor
    reflectivity_sum: Tensor
    reflectivity_square_sum: Tensor
    reflectivity_max: Tensor
    height_sum: Tensor
    height_square_sum: Tensor
    height_min: Tensor
    height_max: Tensor

    @classmethod
    def empty(cls, cells: int, device: torch.device | str = "cpu") -> SurfaceSums:
        def whole(kind: torch.dtype) -> Tensor:
            return torch.zeros(cells, dtype=kind, device=device)

        def constant(value: float) -> Tensor:
            return torch.full((cells,), value, dtype=torch.float32, device=device)

        return cls(
            whole(torch.int32),
            whole(torch.int64),
            whole(torch.int64),
            constant(-torch.inf),
            whole(torch.int64),
            whole(torch.int64),
            constant(torch.inf),
            constant(-torch.inf),
        )


def accumulate(sums: SurfaceSums, cell: Tensor, reflectivity: Tensor, height_m: Tensor, threads: int = 1) -> None:
    """Adds points to `sums` in place.

    cell: (N,) int64, flat index. reflectivity: (N,) float32, 0 or more. height_m: (N,) float32, near 0.
    """

    def reflectivity_moments() -> None:
        sums.reflectivity_sum.scatter_add_(0, cell, _fixed(reflectivity, REFLECTIVITY_STEPS))
        sums.reflectivity_square_sum.scatter_add_(0, cell, _fixed(reflectivity.square(), REFLECTIVITY_STEPS))

    def height_moments() -> None:
        sums.height_sum.scatter_add_(0, cell, _fixed(height_m, HEIGHT_STEPS))
        sums.height_square_sum.scatter_add_(0, cell, _fixed(height_m.square(), HEIGHT_STEPS))

    def reflectivity_extremes() -> None:
        sums.hits.scatter_add_(0, cell, torch.ones_like(cell, dtype=torch.int32))
        sums.reflectivity_max.scatter_reduce_(0, cell, reflectivity, "amax")

    def height_extremes() -> None:
        sums.height_min.scatter_reduce_(0, cell, height_m, "amin")
        sums.height_max.scatter_reduce_(0, cell, height_m, "amax")

    work = [reflectivity_moments, height_moments, reflectivity_extremes, height_extremes]
    _share_out(work, 1 if cell.is_cuda else threads)


def count_sweeps(counts: Tensor, cell: Tensor, sweep_ends: Sequence[int]) -> None:
    """Adds 1 to `counts` (C,) for every sweep that has a point in the cell.

    cell: (N,) int64, points in order of sweep; sweep_ends: index one past the last point of each sweep.
    """
    met = torch.zeros(counts.shape[0], dtype=torch.uint8, device=counts.device)
    start = 0
    for end in sweep_ends:
        if end > start:
            met.zero_()
            met[cell[start:end]] = 1
            counts += met
        start = end


def _fixed(values: Tensor, steps: int) -> Tensor:
    return (values * steps).round_().to(torch.int64)


def _share_out(work: list[Callable[[], None]], threads: int) -> None:
    if threads == 1:
        for job in work:
            job()
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(job) for job in work]:
            done.result()
