"""The kernel against a slow, obvious loop."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.rasterization.accumulate import (
    HEIGHT_STEPS,
    REFLECTIVITY_STEPS,
    SurfaceSums,
    accumulate,
    count_sweeps,
)

CELLS = 12


def _points(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    cell = torch.from_numpy(rng.integers(0, CELLS - 1, count))
    reflectivity = torch.from_numpy(rng.uniform(0, 8, count).astype(np.float32))
    height = torch.from_numpy(rng.uniform(-0.3, 0.3, count).astype(np.float32))
    return cell, reflectivity, height


def _same(a: SurfaceSums, b: SurfaceSums) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(SurfaceSums))


@pytest.mark.parametrize("fixed_point", [False, True])
def test_equals_a_loop_over_points(fixed_point: bool) -> None:
    cell, reflectivity, height = _points(300, 1)
    sums = SurfaceSums.empty(CELLS, fixed_point=fixed_point)
    accumulate(sums, cell, reflectivity, height)
    reflectivity_unit, height_unit = (REFLECTIVITY_STEPS, HEIGHT_STEPS) if fixed_point else (1, 1)
    for c in range(CELLS):
        r = reflectivity[cell == c].double().numpy()
        h = height[cell == c].double().numpy()
        assert sums.hits[c] == len(r)
        if not len(r):
            assert sums.height_min[c] == np.inf and sums.height_max[c] == -np.inf
            continue
        assert abs(sums.reflectivity_sum[c] / reflectivity_unit - r.sum()) < 1e-3
        assert abs(sums.reflectivity_square_sum[c] / reflectivity_unit - (r * r).sum()) < 1e-2
        assert abs(sums.height_sum[c] / height_unit - h.sum()) < 1e-4
        assert abs(sums.height_square_sum[c] / height_unit - (h * h).sum()) < 1e-4
        assert (sums.reflectivity_max[c], sums.height_min[c], sums.height_max[c]) == (r.max(), h.min(), h.max())


@given(st.integers(0, 2**31), st.integers(1, 299))
@settings(max_examples=20, deadline=None)
def test_fixed_point_does_not_know_the_order(seed: int, cut: int) -> None:
    cell, reflectivity, height = _points(300, 2)
    whole, pieces = (SurfaceSums.empty(CELLS, fixed_point=True) for _ in range(2))
    accumulate(whole, cell, reflectivity, height)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(300))
    for part in (order[:cut], order[cut:]):
        accumulate(pieces, cell[part], reflectivity[part], height[part], threads=2)
    assert _same(whole, pieces)


@given(st.integers(1, 299), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_pieces_and_threads_change_no_bit(cut: int, threads: int) -> None:
    cell, reflectivity, height = _points(300, 2)
    whole, pieces = SurfaceSums.empty(CELLS), SurfaceSums.empty(CELLS)
    accumulate(whole, cell, reflectivity, height)
    for part in (slice(0, cut), slice(cut, None)):
        accumulate(pieces, cell[part], reflectivity[part], height[part], threads)
    assert _same(whole, pieces)


def test_a_sweep_counts_once_in_a_cell() -> None:
    counts = torch.zeros(4, dtype=torch.int32)
    cell = torch.tensor([0, 0, 1, 0, 2, 2, 3])
    count_sweeps(counts, cell, [3, 3, 7])
    assert counts.tolist() == [2, 1, 1, 1]
    count_sweeps(counts, cell[:0], [0, 0])
    assert counts.tolist() == [2, 1, 1, 1]
