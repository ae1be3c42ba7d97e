"""Pictures have the vectors where they are and the lidar's brightness behind them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.geometry.grid import BevGrid
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.rasters import BevRaster
from mapforge.validation.pictures import COLOURS, TRUTH_COLOUR, UNSEEN, bev_picture, png_bytes

BOUNDS = (0.0, 0.0, 40.0, 20.0)


def raster() -> BevRaster:
    """Seen in the west half; a bright stripe at y = 15 m."""
    grid = BevGrid(0.0, 0.0, 0.5, 40, 80)
    hits = np.zeros(grid.shape, dtype=np.uint16)
    hits[:, :40] = 3
    level = np.where(hits > 0, 1.0, 0.0).astype(np.float16)
    level[30, :40] = 3.0
    return BevRaster(grid, {"surface_hits": hits, "intensity_mean": level})


def test_brightness_where_the_lidar_saw_paint_north_up() -> None:
    pixels = np.asarray(bev_picture([raster()], BOUNDS, px_per_m=4.0))
    assert pixels.shape == (80, 160, 3)
    stripe, road, unseen = pixels[19, 20], pixels[60, 20], pixels[60, 150]
    assert stripe.mean() > 180
    assert unseen.mean() == pytest.approx(UNSEEN, abs=1)
    assert unseen.mean() < road.mean() < stripe.mean()


def test_vectors_lie_where_they_are() -> None:
    divider = MapElement("d", ElementClass.LANE_DIVIDER, shapely.LineString([(0, 5), (40, 5)]))
    truth = MapElement("t", ElementClass.LANE_DIVIDER, shapely.LineString([(0, 10), (40, 10)]))
    pixels = np.asarray(bev_picture([], BOUNDS, [divider], [truth], px_per_m=4.0)).astype(int)
    assert np.abs(pixels[60, 80] - COLOURS[ElementClass.LANE_DIVIDER]).max() < 60
    assert np.abs(pixels[40, 80] - TRUTH_COLOUR).max() < 90
    assert pixels[20, 80].mean() == pytest.approx(UNSEEN, abs=1)


def test_signs_are_circles_and_same_picture_same_bytes() -> None:
    sign = MapElement("s", ElementClass.TRAFFIC_SIGN, shapely.Point(20, 10, 2))
    image = bev_picture([raster()], BOUNDS, [sign])
    assert png_bytes(image) == png_bytes(bev_picture([raster()], BOUNDS, [sign]))
    assert png_bytes(image)[:4] == b"\x89PNG"
