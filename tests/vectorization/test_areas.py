"""Ground that was looked at: between scan lines it was, behind a barrier it was not."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.geometry.grid import BevGrid
from mapforge.schemas.rasters import BevRaster
from mapforge.vectorization.areas import coverage_pieces

GRID = BevGrid(-4.0, -4.0, 0.2, 140, 140)
CORE = shapely.box(0.0, 0.0, 20.0, 20.0)


def covered(hit: np.ndarray, scan_gap_m: float = 1.0) -> shapely.Geometry:
    observation = BevRaster(GRID, {"hit": hit.astype(np.uint8)}, {})
    return shapely.union_all(coverage_pieces(observation, CORE, 0.4, scan_gap_m, 10.0))


def test_ground_between_scan_lines_was_looked_at() -> None:
    hit = np.zeros(GRID.shape, dtype=bool)
    hit[::5] = True  # a line a metre
    assert covered(hit).area == pytest.approx(CORE.area)
    assert covered(hit, scan_gap_m=0.4).area < 0.5 * CORE.area


@pytest.mark.parametrize("turned", [False, True])
def test_the_shadow_of_a_barrier_was_not(turned: bool) -> None:
    """2.4 m wide: nothing in it is covered but what the cells of the outline may take of its rim."""
    hit = np.ones(GRID.shape, dtype=bool)
    hit[60:72] = False
    shadow = shapely.box(0.0, 8.0, 20.0, 10.4)
    if turned:
        hit, shadow = hit.T, shapely.box(8.0, 0.0, 10.4, 20.0)
    found = covered(hit)
    assert found.intersection(shadow.buffer(-0.4)).is_empty
    assert CORE.difference(shadow.buffer(0.4)).difference(found).area == pytest.approx(0.0)
