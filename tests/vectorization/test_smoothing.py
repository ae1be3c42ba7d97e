from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.vectorization.smoothing import smooth, vertices_kept


def test_a_straight_line_and_its_ends_stay() -> None:
    xyz = np.column_stack([np.linspace(0, 50, 101), np.linspace(5, 7, 101), np.full(101, 3.0)])
    assert np.abs(smooth(xyz, np.ones(101), 1.0) - xyz).max() < 1e-6


def test_noise_shrinks_and_heights_are_filled() -> None:
    rng = np.random.default_rng(3)
    x = np.linspace(0, 50, 126)
    xyz = np.column_stack([x, rng.normal(0, 0.05, 126), np.where(x < 20, np.nan, 7.0)])
    out = smooth(xyz, np.ones(126), 1.0)
    assert out[5:-5, 1].std() < 0.035
    assert np.allclose(out[:, 2], 7.0)


def test_a_sharp_corner_is_not_rounded() -> None:
    leg = np.arange(0, 10, 0.4)
    xy = np.vstack([np.column_stack([leg, 0 * leg]), np.column_stack([np.full(25, 10.0), leg])])
    out = smooth(np.column_stack([xy, np.zeros(len(xy))]), np.ones(len(xy)), 1.0)
    assert np.abs(out[:, :2] - xy).max() < 0.05


@settings(max_examples=25, deadline=None)
@given(radius_m=st.floats(4.0, 200.0), count=st.integers(10, 200))
def test_left_out_vertices_change_little(radius_m: float, count: int) -> None:
    angle = np.arange(count) * 0.3 / radius_m
    angle = angle[angle < 2 * np.pi - 0.5]
    xyz = radius_m * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    kept = vertices_kept(xyz, 0.01, 1.0)
    assert kept[0] == 0 and kept[-1] == len(xyz) - 1
    line = shapely.LineString(xyz[kept])
    assert shapely.distance(shapely.points(xyz), line).max() <= 0.0101
    assert np.linalg.norm(np.diff(xyz[kept], axis=0), axis=1).max() <= 1.0 + 0.31
