"""Samples of lines and nearest feet, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry import polylines
from mapforge.metrics.stations import SegmentIndex, resample_all, stations_along

BENT = np.array([[0.0, 0.0, 1.0], [10.0, 0.0, 2.0], [10.0, 5.0, 2.0]])


def random_lines(seed: int, count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.cumsum(rng.normal(0, 3, (rng.integers(2, 9), 3)), axis=0) + rng.normal(0, 20, 3) for _ in range(count)]


def test_stations_stand_in_the_middle_of_equal_pieces() -> None:
    stations = stations_along([BENT], 5.0, [np.array([0.0, 1.0, 1.0])])
    assert stations.xyz == pytest.approx(np.array([[2.5, 0.0, 1.25], [7.5, 0.0, 1.75], [10.0, 2.5, 2.0]]))
    assert stations.tangent == pytest.approx(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert stations.length_m.sum() == pytest.approx(15.0)
    assert stations.value == pytest.approx([0.25, 0.75, 1.0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_resampling_equals_shapely_line_by_line(seed: int) -> None:
    lines = random_lines(seed)
    points = resample_all(lines, 17)
    for line, sampled in zip(lines, points):
        flat = shapely.LineString(line[:, :2])
        expected = [flat.interpolate(s, normalized=True).coords[0] for s in np.linspace(0, 1, 17)]
        assert sampled == pytest.approx(np.array(expected), abs=1e-9)


def test_repeated_vertices_do_no_harm() -> None:
    doubled = np.array([[0.0, 0.0], [0.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    assert resample_all([doubled, BENT], 3)[0] == pytest.approx(np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_feet_equal_projection_onto_every_line(seed: int) -> None:
    lines = random_lines(seed)
    points = np.random.default_rng(seed + 1).normal(0, 25, (40, 2))
    feet = SegmentIndex(lines).nearest(points, 10.0)
    distances = np.stack([np.abs(polylines.project(points, line)[1]) for line in lines])
    assert set(feet.query) == set(np.flatnonzero(distances.min(axis=0) <= 10.0))
    assert feet.distance_m == pytest.approx(distances.min(axis=0)[feet.query])
    for query, line, offset in zip(feet.query, feet.line, feet.offset_m):
        assert abs(offset) == pytest.approx(abs(polylines.project(points[query : query + 1], lines[line])[1][0]))


def test_feet_know_side_height_value_and_ends() -> None:
    index = SegmentIndex([BENT], [np.array([0.1, 0.3, 0.3])])
    feet = index.nearest(np.array([[5.0, 0.4], [5.0, -0.4], [-0.5, 0.0], [10.3, -0.3]]), 1.0)
    assert feet.offset_m == pytest.approx([0.4, -0.4, 0.5, -np.hypot(0.3, 0.3)])
    assert feet.xyz[0] == pytest.approx([5.0, 0.0, 1.5])
    assert feet.value[0] == pytest.approx(0.2)
    assert feet.beyond_end.tolist() == [False, False, True, False]


def test_a_ring_has_no_end() -> None:
    ring = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]])
    assert not SegmentIndex([ring]).nearest(np.array([[-0.3, -0.3]]), 1.0).beyond_end.any()


def test_nothing_indexed_or_asked_finds_nothing() -> None:
    assert len(SegmentIndex([]).nearest(np.zeros((3, 2)), 5.0).query) == 0
    assert len(SegmentIndex([BENT]).nearest(np.zeros((0, 2)), 5.0).query) == 0
    assert len(stations_along([], 1.0)) == 0
