"""Crossings on normals against geometry done by hand, and gates."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.fusion.consensus import _weighted_median, agree, crossings, pair_gates, side_gates
from mapforge.fusion.samples import LineSamples, sampled
from mapforge.schemas.elements import ElementClass, MapElement

BOUNDS = (-50.0, -50.0, 50.0, 50.0)


def line(*xy: tuple[float, float], sigma_m: float = 0.05) -> MapElement:
    return MapElement(
        "x", ElementClass.LANE_DIVIDER, shapely.LineString([(x, y, 0.0) for x, y in xy]), sigma_m=(sigma_m,) * len(xy)
    )


def consensus_of(lines: list[list[MapElement]]) -> tuple[LineSamples, np.ndarray, np.ndarray]:
    samples = sampled(lines, BOUNDS, 0.5)
    found = crossings(samples, 1.8, 0.5, np.radians(30))
    left, right = side_gates(samples, found, 0.9, 0.25)
    fused = agree(samples, found, pair_gates(samples, found, left, right, 0.9), len(lines), 3, 0.15, 5.0, 2.0, 0.01)
    return samples, fused.xyz_map, fused.sigma_m


def test_offsets_are_along_the_normal() -> None:
    samples = sampled([[line((-10, 0), (10, 0))], [line((10, 0.4), (-10, 0.4))]], BOUNDS, 0.5)
    found = crossings(samples, 1.0, 0.5, np.radians(30))
    other = samples.line[found.i] != samples.line[found.j]
    from_below = samples.line[found.i] == np.flatnonzero(samples.drive == 0)[0]
    assert found.offset_m[other & from_below] == pytest.approx(0.4)
    # the upper line runs the other way: the lower one is on its left
    assert found.offset_m[other & ~from_below] == pytest.approx(0.4)
    assert set(samples.station[found.i[other & from_below]]) == set(range(41))


def test_two_lines_meet_by_their_weights() -> None:
    _, fused, sigma = consensus_of(
        [[line((-20, 0), (20, 0), sigma_m=0.05)], [line((-20, 0.1), (20, 0.1), sigma_m=0.1)]]
    )
    inner = np.abs(fused[:, 0]) < 15
    assert fused[inner, 1] == pytest.approx(0.02, abs=0.012)
    assert sigma[inner] == pytest.approx(np.hypot(1 / np.sqrt(1 / 0.05**2 + 1 / 0.1**2), 0.01), rel=0.4)


def test_close_lines_of_one_drive_keep_others_apart() -> None:
    near = [line((-20, 0), (20, 0)), line((-20, 0.4), (20, 0.4))]
    shifted = [line((-20, 0.1), (20, 0.1)), line((-20, 0.5), (20, 0.5))]
    _, fused, _ = consensus_of([near, shifted])
    assert set(np.round(fused[np.abs(fused[:, 0]) < 10, 1], 2)) == {0.05, 0.45}


def test_majority_beats_the_outlier() -> None:
    drives = [[line((-20, y), (20, y))] for y in (0.0, 0.02, -0.02, 0.7)]
    _, fused, _ = consensus_of(drives)
    assert np.abs(fused[np.abs(fused[:, 0]) < 10, 1]).max() < 0.05


def test_where_a_drive_ends_the_line_does_not_jump() -> None:
    _, fused, _ = consensus_of([[line((-30, 0), (30, 0))], [line((-30, 0.3), (0, 0.3))]])
    first = fused[: len(fused) // 2] if len(fused) % 2 == 0 else fused
    steps = np.abs(np.diff(first[np.argsort(first[:, 0])][:, 1]))
    assert steps.max() < 0.12


def test_weighted_median_against_a_slow_one() -> None:
    rng = np.random.default_rng(5)
    i = np.sort(rng.integers(0, 20, 200))
    values, weight = rng.normal(size=200), rng.uniform(0.5, 2.0, 200)
    fast = _weighted_median(i, values, weight, 21)
    for k in range(20):
        own = np.flatnonzero(i == k)
        order = own[np.argsort(values[own])]
        share = np.cumsum(weight[order]) / weight[order].sum()
        assert fast[k] == pytest.approx(values[order][np.searchsorted(share, 0.5)])
    assert fast[20] == 0.0
