"""The kernel: sums, extremes and counts of points a cell, mergeable, the same for every thread count.

A scatter on CPU adds one point after another, so float32 sums have one order: that of the log. On CUDA, where the
order is anyone's, sums are int64 fixed point, which no order changes. Channels are independent scatters, shared out
over threads whole. A plain scatter runs at the speed of memory; sorting points by cell first costs more than it saves
(benchmarks/rasterizer.py).
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

    hits: int32. reflectivity_sum, reflectivity_square_sum, height_sum, height_square_sum: float32, or int64 in units
    of 1 / REFLECTIVITY_STEPS and 1 / HEIGHT_STEPS. reflectivity_max, height_min, height_max: float32 (-inf, +inf,
    -inf where nothing was hit).
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
    def empty(cls, cells: int, device: torch.device | str = "cpu", fixed_point: bool | None = None) -> SurfaceSums:
        """fixed_point: None = where the device needs it."""
        needed = torch.device(device).type != "cpu" if fixed_point is None else fixed_point
        sums = torch.int64 if needed else torch.float32

        def zero(kind: torch.dtype) -> Tensor:
            return torch.zeros(cells, dtype=kind, device=device)

        def constant(value: float) -> Tensor:
            return torch.full((cells,), value, dtype=torch.float32, device=device)

        return cls(
            zero(torch.int32),
            zero(sums),
            zero(sums),
            constant(-torch.inf),
            zero(sums),
            zero(sums),
            constant(torch.inf),
            constant(-torch.inf),
        )


def accumulate(sums: SurfaceSums, cell: Tensor, reflectivity: Tensor, height_m: Tensor, threads: int = 1) -> None:
    """Adds points to `sums` in place.

    cell: (N,) int64, flat index. reflectivity: (N,) float32, 0 or more. height_m: (N,) float32, near 0.
    """

    def reflectivity_moments() -> None:
        _add(sums.reflectivity_sum, cell, reflectivity, REFLECTIVITY_STEPS)
        _add(sums.reflectivity_square_sum, cell, reflectivity.square(), REFLECTIVITY_STEPS)

    def height_moments() -> None:
        _add(sums.height_sum, cell, height_m, HEIGHT_STEPS)
        _add(sums.height_square_sum, cell, height_m.square(), HEIGHT_STEPS)

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


def _add(total: Tensor, cell: Tensor, values: Tensor, steps: int) -> None:
    if total.dtype == torch.int64:
        values = (values * steps).round_().to(torch.int64)
    total.scatter_add_(0, cell, values)


def _share_out(work: list[Callable[[], None]], threads: int) -> None:
    if threads == 1:
        for job in work:
            job()
        return
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for done in [pool.submit(job) for job in work]:
            done.result()
