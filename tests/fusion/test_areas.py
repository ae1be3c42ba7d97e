"""Areas: what several drives call ground of one kind."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.fusion.areas import fused_drivable
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.existence import Visibility
from mapforge.schemas.elements import ElementClass, MapElement

CORE = (0.0, 0.0, 100.0, 100.0)


def ground(x_min: float, y_min: float, x_max: float, y_max: float) -> MapElement:
    ring = [(x_min, y_min, 2.0), (x_max, y_min, 2.0), (x_max, y_max, 2.0), (x_min, y_max, 2.0)]
    return MapElement("ground", ElementClass.DRIVABLE_AREA, shapely.Polygon(ring))


def fused(*areas: MapElement) -> list[MapElement]:
    window = (CORE[0] - 20, CORE[1] - 20, CORE[2] + 20, CORE[3] + 20)
    visibility = Visibility.of([[shapely.box(*window)] for _ in areas], window)
    names = [f"drive-{index}" for index in range(len(areas))]
    return fused_drivable([[area] for area in areas], names, visibility, CORE, FusionConfig().ground_cell_m)


def test_ground_that_half_of_the_drives_saw_is_drivable() -> None:
    (element,) = fused(ground(10, 40, 90, 60), ground(10, 40, 90, 60), ground(10, 40, 50, 60))
    assert element.geometry.area == pytest.approx(80 * 20, rel=0.03)
    assert element.n_drives == 3
    assert np.allclose(element.xyz_map[:, 2], 2.0)


@pytest.mark.parametrize("beyond_m", np.arange(0.0, 1.0, 0.1))
def test_ground_just_beyond_the_border_is_no_sliver_within(beyond_m: float) -> None:
    """Smoothing once left an outline that no drive had seen any of."""
    assert fused(ground(100.0 + beyond_m, 20, 115, 80)) == [] or beyond_m < 0.05
