"""Doubtful stretches between sure ones stay; others go."""

from __future__ import annotations

import numpy as np
import pytest
from test_consensus import BOUNDS, line

from mapforge.fusion.samples import sampled
from mapforge.fusion.survivors import bridged

MOST = 12


@pytest.mark.parametrize(
    ("doubtful", "stays"),
    [
        ((20, 28), True),
        ((20, 20 + MOST - 1), True),
        ((20, 20 + MOST + 1), False),  # too long
        ((0, 5), False),  # nothing before it
        ((75, 81), False),  # nothing after it
    ],
)
def test_a_doubtful_stretch_stays_between_sure_ones_when_it_is_short(doubtful: tuple[int, int], stays: bool) -> None:
    samples = sampled([[line((0, 0), (40, 0))]], BOUNDS, 0.5)
    assert len(samples) == 81
    order = np.arange(81)
    between = (order >= doubtful[0]) & (order < doubtful[1])
    kept = bridged(samples, ~between, np.ones(81, dtype=bool), MOST)
    assert kept[between].all() == stays
    assert kept[~between].all()


def test_what_is_not_likely_at_all_does_not() -> None:
    samples = sampled([[line((0, 0), (40, 0))]], BOUNDS, 0.5)
    sure = np.ones(81, dtype=bool)
    sure[20:25] = False
    likely = np.ones(81, dtype=bool)
    likely[22] = False
    assert not bridged(samples, sure, likely, MOST)[20:25].any()


def test_lines_do_not_bridge_each_other() -> None:
    samples = sampled([[line((0, 0), (10, 0)), line((0, 5), (10, 5))]], BOUNDS, 0.5)
    first_of_second = int(np.flatnonzero(np.diff(samples.line))[0]) + 1
    sure = np.ones(len(samples), dtype=bool)
    sure[first_of_second] = False
    assert not bridged(samples, sure, np.ones(len(samples), dtype=bool), MOST)[first_of_second]
