"""Windows follow the path, once a street, and cut lines, rings and areas."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.metrics.windows import anchors_along, clip_to_windows, window_polygons, windows_along, windows_on_grid

STRAIGHT = np.array([[0.0, 0.0], [100.0, 0.0], [150.0, 0.0]])


def test_one_window_every_15_m_along_the_path() -> None:
    windows = windows_along([STRAIGHT])
    assert windows[:, 0] == pytest.approx(np.arange(7.5, 150.0, 15.0))
    assert windows[:, 2] == pytest.approx(0.0)


def test_a_second_drive_of_the_same_street_adds_nothing_a_crossing_street_does() -> None:
    back = STRAIGHT[::-1] + (0.0, 3.0)
    crossing = np.array([[50.0, -50.0], [50.0, 50.0]])
    once = windows_along([STRAIGHT])
    assert len(windows_along([STRAIGHT, back])) == len(once)
    assert len(windows_along([STRAIGHT, crossing])) == len(once) + 7


def test_a_car_that_stands_still_has_one_window() -> None:
    assert len(windows_along([np.zeros((5, 3))])) == 1


def test_window_polygons_are_60_by_30_m_and_turned() -> None:
    lying, standing = window_polygons(np.array([[10.0, 20.0, 0.0], [10.0, 20.0, np.pi / 2]]))
    assert shapely.bounds(lying) == pytest.approx([-20.0, 5.0, 40.0, 35.0])
    assert shapely.bounds(standing) == pytest.approx([-5.0, -10.0, 25.0, 50.0])


def test_a_ring_is_not_cut_where_it_happens_to_close() -> None:
    ring = shapely.LineString([(0, 0), (100, 0), (100, 10), (-100, 10), (-100, 0), (0, 0)])
    lines, shape, window = clip_to_windows([ring], window_polygons(np.array([[0.0, 0.0, 0.0]])))
    assert sorted(line.length for line in lines) == pytest.approx([60.0, 60.0])
    assert shape.tolist() == window.tolist() == [0, 0]


def test_a_cut_area_is_closed_by_the_edge_of_the_window() -> None:
    lines, _, _ = clip_to_windows([shapely.box(20.0, -1.0, 50.0, 1.0)], window_polygons(np.array([[0.0, 0.0, 0.0]])))
    assert lines[0].is_closed
    assert lines[0].length == pytest.approx(2 * (10.0 + 2.0))


def test_the_grid_covers_a_box() -> None:
    polygons = window_polygons(windows_on_grid((0.0, 0.0, 100.0, 40.0)))
    assert shapely.union_all(polygons).contains(shapely.box(0.0, 0.0, 100.0, 40.0))


def test_anchors_keep_their_distance() -> None:
    anchors = anchors_along([np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([[1000.0, 2.0], [0.0, 2.0]])], 200.0)
    gaps = np.linalg.norm(anchors[:, None] - anchors[None], axis=2) + 1e9 * np.eye(len(anchors))
    assert gaps.min() >= 150.0
    assert 5 <= len(anchors) <= 7
