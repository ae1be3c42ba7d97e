"""What was looked at beside the path, and the holes in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.coverage import path_lines, seen_area, tile_coverage

PATH = np.array([[-20.0, 50.0, 0.0], [120.0, 50.0, 0.0]])


def seen(area: shapely.Geometry) -> list[MapElement]:
    return [MapElement("seen", ElementClass.COVERAGE, shapely.force_3d(area, 0.0))]


@pytest.fixture
def covered(frame):  # type: ignore[no-untyped-def]
    """Coverage of the tile at the origin of a frame in which it lies at 0, 0."""
    from mapforge.geometry.tiles import TileId

    tile = TileId.at(frame, 0.5, 0.5)
    x0, y0, _, _ = tile.bounds_map(frame)

    def measure(area: shapely.Geometry | None, path: np.ndarray = PATH) -> dict[str, float]:
        elements = seen(shapely.affinity.translate(area, x0, y0)) if area is not None else []
        return tile_coverage(tile, elements, frame, path_lines([path + (x0, y0, 0.0)]))

    return measure


def test_all_seen(covered) -> None:  # type: ignore[no-untyped-def]
    assert covered(shapely.box(0, 0, 100, 100)) == {"coverage": pytest.approx(1.0), "hole_m2": 0.0}


def test_nothing_seen_is_one_hole(covered) -> None:  # type: ignore[no-untyped-def]
    measured = covered(None)
    assert measured["coverage"] == 0.0
    assert measured["hole_m2"] == pytest.approx(2000.0, rel=0.01)


def test_the_largest_hole_counts_and_narrow_gaps_do_not(covered) -> None:  # type: ignore[no-untyped-def]
    area = shapely.box(0, 0, 100, 100)
    for hole in (shapely.box(10, 45, 30, 55), shapely.box(60, 48, 64, 52), shapely.box(80, 30, 81.5, 70)):
        area = area.difference(hole)
    assert covered(area)["hole_m2"] == pytest.approx(200.0, rel=0.03)


def test_a_tile_the_path_hardly_touches_says_nothing(covered) -> None:  # type: ignore[no-untyped-def]
    measured = covered(None, PATH + (0.0, 200.0, 0.0))
    assert all(math.isnan(value) for value in measured.values())


def test_no_coverage_is_none() -> None:
    assert seen_area([]) is None
