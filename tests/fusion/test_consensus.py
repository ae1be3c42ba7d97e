"""Crossings on normals against geometry done by hand, and gates."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.fusion.association import Gates, crossings, side_gates
from mapforge.fusion.consensus import observed, placed, weighted_median
from mapforge.fusion.samples import LineSamples, sampled
from mapforge.fusion.uncertainty import relative_sigma
from mapforge.schemas.elements import ElementClass, MapElement

BOUNDS = (-50.0, -50.0, 50.0, 50.0)
GATES = Gates(across_m=0.9, spacing_m=0.25, level_m=2.0, station_m=0.5, turn_rad=np.radians(30))


def line(*xy: tuple[float, float], sigma_m: float = 0.05, z_m: float = 0.0) -> MapElement:
    return MapElement(
        "x", ElementClass.LANE_DIVIDER, shapely.LineString([(x, y, z_m) for x, y in xy]), sigma_m=(sigma_m,) * len(xy)
    )


def consensus_of(lines: list[list[MapElement]]) -> tuple[LineSamples, np.ndarray, np.ndarray]:
    """Every sample asked, as if all were guides: samples, fused places, sigmas."""
    samples = sampled(lines, BOUNDS, 0.5)
    sides = side_gates(samples, GATES)
    seen = observed(samples, samples, sides, sides, GATES, len(lines), 3, 0.15, 5.0, 0.01)
    place = placed(samples, seen, seen.there, 0.15, 2.0)
    return samples, place.xyz_map, relative_sigma(samples, seen, place, 5.0, 0.5, 1.0)


def test_offsets_are_along_the_normal() -> None:
    samples = sampled([[line((-10, 0), (10, 0))], [line((10, 0.4), (-10, 0.4))]], BOUNDS, 0.5)
    found = crossings(samples, samples, GATES, 1.0)
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
    values, weight = rng.normal(size=(20, 7)), rng.uniform(0.5, 2.0, (20, 7))
    weight[rng.random((20, 7)) < 0.3] = 0.0
    weight[3] = 0.0
    fast = weighted_median(values, weight)
    for row in range(20):
        own = np.flatnonzero(weight[row])
        order = own[np.argsort(values[row, own])]
        share = np.cumsum(weight[row, order]) / max(weight[row].sum(), 1e-9)
        assert fast[row] == (pytest.approx(values[row, order][np.searchsorted(share, 0.5)]) if len(own) else 0.0)


def test_the_level_decides_too() -> None:
    bridge = [line((-20, 0.1), (20, 0.1), z_m=6.0)]
    _, fused, _ = consensus_of([[line((-20, 0), (20, 0))], bridge])
    assert set(np.round(fused[:, 1], 6)) == {0.0, 0.1}
    assert set(np.round(fused[:, 2], 6)) == {0.0, 6.0}
