"""Ground that roads lead to, and lines beside it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass
from mapforge.vectorization.lines import TracedLine
from mapforge.vectorization.reachable import beside_ground, reachable_ground

PATH = np.column_stack([np.arange(0.0, 200.0, 0.5), np.full(400, 50.0)])


def line(*xy: tuple[float, float]) -> TracedLine:
    xyz = np.array([(x, y, 1.0) for x, y in xy])
    return TracedLine(ElementClass.ROAD_BOUNDARY, xyz, np.linspace(0.02, 0.05, len(xyz)), 0.9, {})


def test_a_road_goes_on_over_the_border_of_tiles() -> None:
    west, east = shapely.box(0, 46, 100, 54), shapely.box(100, 46, 200, 54)
    side_street = shapely.box(140, 54, 148, 90)
    yard = shapely.box(20, 70, 28, 78)
    carriageway = shapely.box(0, 20, 200, 28)
    assert reachable_ground([yard, east, west, side_street], PATH, 150.0) == [east, west, side_street]
    # another carriageway is never joined to the path, but large
    assert reachable_ground([carriageway, west], PATH, 150.0) == [carriageway, west]
    assert reachable_ground([], PATH, 150.0) == []


def test_lines_keep_the_stretches_beside_the_road() -> None:
    ground = [shapely.box(0, 46, 200, 54)]
    curb, wall = line(*[(x, 54.3) for x in range(0, 30, 2)]), line((20, 75), (28, 75))
    leaving = line(*[(x, 50 + 0.4 * x) for x in range(0, 60, 2)])
    kept = beside_ground([curb, wall, leaving], ground, 3.0, 1.0)
    assert kept[0] is curb
    assert len(kept) == 2
    # by hand: y <= 57 up to x = 17.5
    assert kept[1].xyz_map[-1] == pytest.approx([16.0, 56.4, 1.0])
    assert np.array_equal(kept[1].sigma_m, leaving.sigma_m[:9])


def test_without_ground_nothing_is_left_out() -> None:
    lines = [line((0, 0), (5, 0))]
    assert beside_ground(lines, [], 3.0, 1.0) == lines
