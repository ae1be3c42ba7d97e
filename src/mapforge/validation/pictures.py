"""Bird's-eye pictures: lidar intensity with the map's vectors over it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mapforge.geometry.grid import BevGrid
from mapforge.io.rasters import read_raster
from mapforge.metrics.polygons import outline_vertices
from mapforge.schemas.elements import POINT_CLASSES, ElementClass, MapElement
from mapforge.schemas.rasters import BevRaster

Float = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

COLOURS: dict[ElementClass, tuple[int, int, int]] = {
    ElementClass.LANE_DIVIDER: (79, 156, 255),
    ElementClass.ROAD_BOUNDARY: (255, 122, 69),
    ElementClass.PED_CROSSING: (190, 120, 255),
    ElementClass.STOP_LINE: (255, 77, 109),
    ElementClass.TRAFFIC_SIGN: (255, 214, 51),
    ElementClass.TRAFFIC_LIGHT: (64, 220, 130),
}
TRUTH_COLOUR = (120, 255, 170)
UNSEEN, DARKEST, BRIGHTEST = 16, 30, 235
ROAD_LEVEL, PAINT_LEVEL = 0.3, 2.6
"""Relative intensities (1 = the drive's own road) drawn black and white."""


def bev_picture(
    rasters: Sequence[BevRaster],
    bounds_m: Bounds,
    predicted: Sequence[MapElement] = (),
    truth: Sequence[MapElement] = (),
    px_per_m: float = 8.0,
) -> Image.Image:
    """North up, `bounds_m` = (xmin, ymin, xmax, ymax) of the map frame.

    rasters: of any drives and tiles; where several saw a cell, the mean by their hits. Predictions are coloured by
    class, truth is a thin green line under them.
    """
    image = Image.fromarray(_background(rasters, bounds_m, px_per_m)).convert("RGB")
    # drawn at twice the size and reduced, because lines here are not antialiased
    image = image.resize((image.width * 2, image.height * 2), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for element in truth:
        _draw(draw, element, bounds_m, 2.0 * px_per_m, TRUTH_COLOUR, 2)
    for element in predicted:
        if element.element_class in COLOURS:
            _draw(draw, element, bounds_m, 2.0 * px_per_m, COLOURS[element.element_class], 4)
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def png_bytes(image: Image.Image) -> bytes:
    """The picture as PNG; same picture, same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def tile_picture(
    raster_files: Sequence[Path],
    bounds_m: Bounds,
    predicted: Sequence[MapElement],
    truth: Sequence[MapElement],
    px_per_m: float = 6.0,
) -> bytes:
    """PNG of one tile over what its drives saw; files that are not there any more are left out."""
    rasters = [read_raster(path) for path in sorted(raster_files) if path.exists()]
    box = shapely.box(*bounds_m)
    near = [[e for e in side if e.geometry.intersects(box)] for side in (predicted, truth)]
    return png_bytes(bev_picture(rasters, bounds_m, near[0], near[1], px_per_m))


def _background(rasters: Sequence[BevRaster], bounds_m: Bounds, px_per_m: float) -> NDArray[np.uint8]:
    """(H, W) grey values, row 0 in the north."""
    xmin, ymin, xmax, ymax = bounds_m
    columns, rows = round((xmax - xmin) * px_per_m), round((ymax - ymin) * px_per_m)
    grid = BevGrid(xmin, ymin, 1.0 / px_per_m, rows, columns)
    total, hits = np.zeros((rows, columns)), np.zeros((rows, columns))
    column_index, row_index = np.meshgrid(np.arange(columns), np.arange(rows))
    centres = grid.centres_of(row_index.ravel(), column_index.ravel())
    for raster in rasters:
        r, c = raster.grid.cells_of(centres)
        known = raster.grid.contains(r, c)
        seen = np.asarray(raster.channels["surface_hits"], dtype=np.float64)[r[known], c[known]]
        level = np.asarray(raster.channels["intensity_mean"], dtype=np.float64)[r[known], c[known]]
        cells = np.flatnonzero(known)
        total.reshape(-1)[cells] += seen * np.nan_to_num(level)
        hits.reshape(-1)[cells] += seen
    mean = np.divide(total, hits, out=np.zeros_like(total), where=hits > 0)
    share = np.clip((mean - ROAD_LEVEL) / (PAINT_LEVEL - ROAD_LEVEL), 0.0, 1.0) ** 0.7
    grey = np.where(hits > 0, DARKEST + (BRIGHTEST - DARKEST) * share, UNSEEN)
    return np.asarray(grey[::-1], dtype=np.uint8)


def _draw(
    draw: ImageDraw.ImageDraw,
    element: MapElement,
    bounds_m: Bounds,
    scale: float,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    if element.element_class in POINT_CLASSES:
        x, y = _pixels(element.xyz_map[:1], bounds_m, scale)[0]
        draw.ellipse([x - 8, y - 8, x + 8, y + 8], outline=colour, width=width)
        return
    if element.element_class in COLOURS:
        for line in outline_vertices([element.geometry])[0]:
            draw.line([tuple(p) for p in _pixels(line, bounds_m, scale)], fill=colour, width=width, joint="curve")


def _pixels(xyz: Float, bounds_m: Bounds, scale: float) -> Float:
    return np.column_stack([(xyz[:, 0] - bounds_m[0]) * scale, (bounds_m[3] - xyz[:, 1]) * scale])
