"""Guides lie beside every line, and hardly more often than once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from test_consensus import BOUNDS, GATES, line

from mapforge.fusion.association import side_gates
from mapforge.fusion.guides import guides_of
from mapforge.fusion.samples import LineSamples, sampled


def guided(lines: list[list]) -> tuple[LineSamples, np.ndarray]:
    samples = sampled(lines, BOUNDS, 0.5)
    return samples, guides_of(samples, side_gates(samples, GATES), GATES, 4.0)


@pytest.mark.parametrize("drives", [2, 8, 20])
def test_their_number_does_not_grow_with_the_drives(drives: int) -> None:
    rng = np.random.default_rng(drives)
    lines = [
        [line((-40, y), (40, y)) for y in rng.normal(0.0, 0.03) + np.array([0.0, 3.5, 7.0])] for _ in range(drives)
    ]
    _, chosen = guided(lines)
    assert chosen.sum() == 3 * 161


def test_every_line_has_a_guide_close_by() -> None:
    rng = np.random.default_rng(7)
    lines = []
    for _ in range(6):
        cut = rng.uniform(-30, 30)
        aside = rng.normal(0.0, 0.05)
        lines.append([line((-40, aside), (cut, aside)), line((cut + 3, aside), (40, aside))])
    samples, chosen = guided(lines)
    distance = cKDTree(samples.xyz_map[chosen, :2]).query(samples.xyz_map[:, :2])[0]
    assert distance.max() < 0.6


def test_both_of_a_close_pair_are_guided_though_others_saw_one() -> None:
    samples, chosen = guided(
        [[line((-20, 0), (20, 0))], [line((-20, 0.05), (20, 0.05)), line((-20, 0.45), (20, 0.45))]]
    )
    y = samples.xyz_map[chosen, 1]
    assert (np.abs(y - 0.45) < 0.01).sum() == 81


def test_a_guide_goes_on_a_little_under_the_one_before() -> None:
    samples, chosen = guided([[line((-40, 0), (0, 0))], [line((-10, 0.02), (30, 0.02))]])
    later = samples.xyz_map[chosen & (samples.drive_of == 1), 0]
    assert later.max() == 30.0
    assert -4.0 <= later.min() <= -3.0
