"""Where traced lines begin and end."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import COLOURS, MARKING_TYPES, ElementClass
from mapforge.vectorization.config import VectorizationConfig
from mapforge.vectorization.line_nodes import LineNodes
from mapforge.vectorization.lines import TracedLine, traced_lines

STEP_M = 0.3


CONFIG = VectorizationConfig()
UNDECIDED = 0.5 * (CONFIG.p_low + CONFIG.p_high) - 0.05
"""Enough to follow a line, too little to be one."""


def straight(p: NDArray[np.float64]) -> list[TracedLine]:
    """Lines traced from nodes along x with these probabilities."""
    count, config = len(p), CONFIG
    marking, colour = np.zeros((count, len(MARKING_TYPES))), np.zeros((count, len(COLOURS)))
    marking[:, 1], colour[:, 1] = 1.0, 1.0
    nodes = LineNodes(
        xyz_map=np.column_stack([np.arange(count) * STEP_M, np.zeros((count, 2))]),
        direction=np.tile([1.0, 0.0], (count, 1)),
        p=p,
        scatter_m=np.full(count, 0.02),
        votes=np.full(count, 8.0),
        marking=marking,
        colour=colour,
        p_curb=np.zeros(count),
    )
    return traced_lines(
        nodes,
        ElementClass.LANE_DIVIDER,
        config.p_low,
        config.p_high,
        config.link_reach_m,
        config.bridge_m,
        config.dash_gap_m,
        config.gap_m,
        config.min_length_m,
        config.smoothing_m,
        config.attribute_stretch_m,
        config.simplify_m,
        config.max_vertex_spacing_m,
        config.line_sigma_m,
        shapely.Polygon(),
    )


def test_a_line_ends_where_it_is_no_longer_likely() -> None:
    """20 m of paint, then 3 m in which the network is undecided: no longer part of the line."""
    p = np.r_[np.full(67, 0.95), np.full(10, UNDECIDED)]
    (line,) = straight(p)
    assert abs(line.xyz_map[:, 0].max() - 66 * STEP_M) <= 2 * STEP_M
    assert abs(line.xyz_map[:, 0].min()) < 1e-9


def test_a_doubtful_stretch_within_a_line_does_not_cut_it() -> None:
    p = np.r_[np.full(40, 0.95), np.full(8, UNDECIDED), np.full(40, 0.95)]
    (line,) = straight(p)
    assert np.ptp(line.xyz_map[:, 0]) > 87 * STEP_M - 0.1


def test_a_line_that_nowhere_is_likely_is_dropped() -> None:
    assert straight(np.full(60, CONFIG.p_high - 0.06)) == []
