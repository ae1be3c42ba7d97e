from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.areas import intersection_over_union, mask_of, polygons_above, regularised, union
from mapforge.geometry.grid import BevGrid

GRID = BevGrid(10.0, 20.0, 0.5, 40, 60)


def centres() -> np.ndarray:
    rows, columns = np.indices(GRID.shape).reshape(2, -1)
    return GRID.centres_of(rows, columns)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_masks_equal_a_test_of_every_centre(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform((5, 15), (45, 45), (7, 2))
    polygon = shapely.convex_hull(shapely.MultiPoint(corners))
    inner = polygon.buffer(-3)
    shape = polygon.difference(inner) if not inner.is_empty else polygon
    slow = shapely.contains_xy(shape, centres()).reshape(GRID.shape)
    assert np.array_equal(mask_of([shape], GRID), slow)


@settings(max_examples=25, deadline=None)
@given(radius_m=st.floats(2.0, 6.0), x=st.floats(18, 32), y=st.floats(27, 33))
def test_a_disc_comes_back_from_its_field(radius_m: float, x: float, y: float) -> None:
    distance = np.hypot(*(centres() - (x, y)).T).reshape(GRID.shape)
    (disc,) = polygons_above(radius_m - distance, 0.0, GRID)
    assert disc.area == pytest.approx(np.pi * radius_m**2, rel=0.05)
    assert disc.centroid.distance(shapely.Point(x, y)) < 0.05


def test_holes_are_kept_and_nothing_gives_nothing() -> None:
    distance = np.hypot(*(centres() - (25, 30)).T).reshape(GRID.shape)
    (ring,) = polygons_above(2.0 - np.abs(distance - 5.0), 0.0, GRID)
    assert len(ring.interiors) == 1
    assert polygons_above(np.zeros(GRID.shape), 0.5, GRID) == []


@settings(max_examples=25, deadline=None)
@given(width=st.floats(2.0, 5.0), length=st.floats(6.0, 20.0), angle=st.floats(0, 180), seed=st.integers(0, 99))
def test_a_ragged_rectangle_is_made_straight(width: float, length: float, angle: float, seed: int) -> None:
    truth = shapely.affinity.rotate(shapely.box(0, 0, length, width), angle)
    dense = truth.segmentize(0.3)
    noisy = shapely.Polygon(
        shapely.get_coordinates(dense)[:-1]
        + np.random.default_rng(seed).normal(0, 0.05, (len(dense.exterior.coords) - 1, 2))
    ).buffer(0)
    tidy = regularised(max(shapely.get_parts(noisy), key=lambda p: p.area))
    assert len(tidy.exterior.coords) == 5
    assert intersection_over_union(tidy, truth) > 0.88


def test_an_l_shape_is_not_forced_into_a_rectangle() -> None:
    shape = shapely.box(0, 0, 10, 3).union(shapely.box(0, 0, 3, 10))
    tidy = regularised(shape)
    assert intersection_over_union(tidy, shape) > 0.95


def test_touching_pieces_become_one_in_a_fixed_order() -> None:
    pieces = [shapely.box(5, 0, 6, 1), shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    merged = union(pieces)
    assert [part.bounds for part in merged] == [(0, 0, 2, 1), (5, 0, 6, 1)]
    assert [p.wkb for p in union(pieces[::-1])] == [p.wkb for p in merged]
