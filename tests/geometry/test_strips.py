"""Crossings that meet at a corner are told apart; what is one crossing stays one."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely import affinity

from mapforge.geometry.areas import intersection_over_union
from mapforge.geometry.strips import strips_of


def ragged(area: shapely.Geometry, seed: int, angle_deg: float) -> shapely.Polygon:
    """As a contour of a field is: vertices every 0.2 m, 5 cm off."""
    dense = shapely.segmentize(affinity.rotate(area, angle_deg, origin=(0, 0)), 0.2)
    noise = np.random.default_rng(seed)

    def moved(ring: shapely.LinearRing) -> NDArray[np.float64]:
        xy = shapely.get_coordinates(ring)[:-1]
        return xy + noise.normal(0, 0.05, xy.shape)

    whole = shapely.Polygon(moved(dense.exterior), [moved(hole) for hole in dense.interiors]).buffer(0.0)
    return max(shapely.get_parts(whole), key=lambda part: part.area)


LEAST_M2 = 3.0
L_SHAPE = [shapely.box(0, 0, 3, 14), shapely.box(3, 0, 12, 3.5)]
U_SHAPE = [shapely.box(0, 0, 3, 14), shapely.box(3, 0, 12, 3), shapely.box(12, 0, 15, 14)]
RING = [shapely.box(0, 3, 3, 15), shapely.box(0, 0, 15, 3), shapely.box(12, 3, 15, 15), shapely.box(0, 15, 15, 18)]


@pytest.mark.parametrize("angle_deg", [0.0, 23.0, -71.0])
@pytest.mark.parametrize("strips", [L_SHAPE, U_SHAPE, RING], ids=["L", "U", "ring"])
def test_strips_that_meet_are_told_apart(strips: list[shapely.Polygon], angle_deg: float) -> None:
    found = strips_of(ragged(shapely.union_all(strips), 3, angle_deg), LEAST_M2)
    assert len(found) == len(strips)
    # where strips meet, the corner belongs to either
    middles = [affinity.rotate(strip, angle_deg, origin=(0, 0)).centroid for strip in strips]
    assert sorted(next(k for k, part in enumerate(found) if part.contains(middle)) for middle in middles) == list(
        range(len(strips))
    )
    for part in found:
        assert intersection_over_union(part, part.minimum_rotated_rectangle) > 0.8


@pytest.mark.parametrize("seed", range(4))
def test_one_crossing_stays_one(seed: int) -> None:
    skewed = shapely.Polygon([(0, 0), (12, 0), (13.5, 3.5), (1.5, 3.5)])
    for whole in (shapely.box(0, 0, 12, 3.5), skewed, shapely.Point(0, 0).buffer(3.0)):
        area = ragged(whole, seed, 17.0 * seed)
        assert strips_of(area, LEAST_M2) == [area]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("strips", [L_SHAPE, U_SHAPE, RING, [*RING, shapely.box(15, 8, 24, 11)]])
def test_parts_cover_the_whole_and_do_not_overlap(strips: list[shapely.Polygon], seed: int) -> None:
    area = ragged(shapely.union_all(strips), seed, 40.0 * seed)
    parts = strips_of(area, LEAST_M2)
    assert shapely.union_all(parts).area == pytest.approx(area.area, rel=0.01)
    assert sum(part.area for part in parts) == pytest.approx(area.area, rel=0.01)
