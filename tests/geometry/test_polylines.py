"""Polylines: lengths, resampling, offsets and projections, against plain computations and shapely."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mapforge.geometry import polylines

coordinate = st.integers(-1000, 1000).map(lambda i: i / 10)


@st.composite
def lines(draw: st.DrawFn, dimensions: int = 3) -> np.ndarray:
    line = draw(arrays(np.float64, st.tuples(st.integers(2, 8), st.just(dimensions)), elements=coordinate))
    assume(np.all(np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1) > 0.5))
    return line


@given(lines())
def test_length_is_shapelys(line: np.ndarray) -> None:
    assert polylines.length(line) == pytest.approx(shapely.LineString(line[:, :2]).length)
    along = polylines.arc_length(line)
    assert along[0] == 0 and along[-1] == pytest.approx(polylines.length(line)) and np.all(np.diff(along) > 0)


@given(lines(), st.floats(0.3, 20.0))
def test_resampling_keeps_ends_spacing_and_the_line(line: np.ndarray, spacing_m: float) -> None:
    fine = polylines.resample(line, spacing_m)
    np.testing.assert_allclose(fine[[0, -1]], line[[0, -1]], atol=1e-9)
    along = polylines.arc_length(fine)
    assert np.all(np.diff(along) <= spacing_m + 1e-6)
    original = shapely.LineString(line[:, :2])
    assert shapely.distance(original, shapely.points(fine[:, :2])).max() < 1e-6
    count = polylines.resample_count(line, len(fine))
    np.testing.assert_allclose(count, fine, atol=1e-9)


@given(lines(), st.floats(-10, 400))
def test_a_station_is_where_shapely_interpolates(line: np.ndarray, station_m: float) -> None:
    station_m = float(np.clip(station_m, 0.0, polylines.length(line)))
    point = polylines.at_stations(line, np.array([station_m]))[0]
    expected = shapely.LineString(line[:, :2]).interpolate(station_m)
    np.testing.assert_allclose(point[:2], (expected.x, expected.y), atol=1e-6)


@given(lines(2), st.tuples(coordinate, coordinate))
def test_projection_is_shapelys(line: np.ndarray, point: tuple[float, float]) -> None:
    (station,), (distance,) = polylines.project(np.array([point]), line)
    path = shapely.LineString(line)
    assert abs(distance) == pytest.approx(path.distance(shapely.Point(point)), abs=1e-9)
    nearest = polylines.at_stations(line, np.array([station]))[0]
    assert np.hypot(*(nearest - point)) == pytest.approx(abs(distance), abs=1e-6)


@given(st.floats(0.1, 50), st.floats(-np.pi, np.pi), st.floats(-20, 20))
def test_left_is_positive_and_offsets_come_back(length_m: float, yaw: float, offset_m: float) -> None:
    assume(abs(offset_m) > 1e-3)
    heading = np.array([np.cos(yaw), np.sin(yaw)])
    line = np.linspace(0.0, length_m, 5)[:, None] * np.array([*heading, 0.1])
    moved = polylines.offset_left(line, offset_m)
    np.testing.assert_array_equal(moved[:, 2], line[:, 2])
    station, distance = polylines.project(moved, line)
    np.testing.assert_allclose(distance, offset_m, atol=1e-6)
    np.testing.assert_allclose(station, polylines.arc_length(line), atol=1e-6)
    np.testing.assert_allclose(polylines.offset_left(moved, -offset_m), line, atol=1e-9)


@given(lines())
def test_tangents_and_normals_are_a_right_handed_pair(line: np.ndarray) -> None:
    tangent, normal = polylines.tangents(line), polylines.normals_left(line)
    cross = tangent[:, 0] * normal[:, 1] - tangent[:, 1] * normal[:, 0]
    norm = np.linalg.norm(tangent, axis=1)
    np.testing.assert_allclose(cross, norm**2, atol=1e-9)
    np.testing.assert_allclose(norm[[0, -1]], 1.0, atol=1e-9)


def test_hand_computed() -> None:
    line = np.array([[0.0, 0, 0], [3, 4, 10], [3, 10, 10]])
    assert polylines.length(line) == 11.0
    np.testing.assert_allclose(polylines.at_stations(line, np.array([2.5, 8.0])), [[1.5, 2.0, 5.0], [3, 7, 10]])
    station, distance = polylines.project(np.array([[0.0, 8.0], [4.0, 7.0], [3.0, 12.0]]), line)
    np.testing.assert_allclose(station, [9.0, 8.0, 11.0])
    np.testing.assert_allclose(distance, [3.0, -1.0, 2.0])
