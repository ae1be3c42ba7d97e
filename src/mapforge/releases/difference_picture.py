"""A difference as a picture: what stayed in grey, what changed in colour, north up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mapforge.geometry.tiles import TILE_SIZE_M
from mapforge.releases.changes import Change, ChangeKind
from mapforge.releases.difference import GROUND, ReleaseDifference

Float = NDArray[np.float64]
Colour = tuple[int, int, int]

BACKGROUND, TILE, STAYED, INK = (250, 250, 247), (228, 228, 222), (150, 150, 145), (40, 40, 40)
COLOURS: dict[ChangeKind, Colour] = {
    ChangeKind.REGROUPED: (140, 140, 200),
    ChangeKind.ATTRIBUTES: (120, 60, 200),
    ChangeKind.MOVED: (230, 140, 0),
    ChangeKind.REMOVED: (205, 30, 45),
    ChangeKind.SHORTENED: (205, 30, 45),
    ChangeKind.ADDED: (20, 140, 60),
    ChangeKind.LENGTHENED: (20, 140, 60),
}
WAS: Colour = (120, 75, 10)
GAINED, LOST = (222, 240, 222), (246, 222, 222)
LABELS = {
    "added, longer": COLOURS[ChangeKind.ADDED],
    "removed, shorter": COLOURS[ChangeKind.REMOVED],
    "moved": COLOURS[ChangeKind.MOVED],
    "before it moved": WAS,
    "attributes": COLOURS[ChangeKind.ATTRIBUTES],
    "split or merged": COLOURS[ChangeKind.REGROUPED],
    "unchanged": STAYED,
}
LARGEST_PX = 4000
SMALLEST_PX = 480
MARGIN_M = 10.0
_OVERSAMPLED = 2


class _Sheet:
    """A picture in metres of the map frame, drawn large and reduced, because lines here are not antialiased."""

    def __init__(self, bounds_m: tuple[float, float, float, float], px_per_m: float) -> None:
        self._xmin, ymin, xmax, self._ymax = bounds_m
        longest = max(xmax - self._xmin, self._ymax - ymin)
        self._scale = min(max(px_per_m, SMALLEST_PX / longest), LARGEST_PX / longest) * _OVERSAMPLED
        size = round((xmax - self._xmin) * self._scale), round((self._ymax - ymin) * self._scale)
        self._image = Image.new("RGB", size, BACKGROUND)
        self._draw = ImageDraw.Draw(self._image)

    def geometry(self, geometry: shapely.Geometry, colour: Colour, width_px: int) -> None:
        for part in shapely.get_parts(geometry):
            if isinstance(part, shapely.Point):
                x, y = self._pixels(shapely.get_coordinates(part))[0]
                radius = width_px * _OVERSAMPLED * 2
                self._draw.ellipse(
                    [x - radius, y - radius, x + radius, y + radius], outline=colour, width=width_px * _OVERSAMPLED
                )
            else:
                for line in _lines(part):
                    self._draw.line(
                        [tuple(p) for p in self._pixels(line)],
                        fill=colour,
                        width=width_px * _OVERSAMPLED,
                        joint="curve",
                    )

    def area(self, geometry: shapely.Geometry, colour: Colour) -> None:
        for part in shapely.get_parts(geometry):
            self._draw.polygon([tuple(p) for p in self._pixels(shapely.get_coordinates(part.exterior))], fill=colour)
            for hole in part.interiors:
                self._draw.polygon([tuple(p) for p in self._pixels(shapely.get_coordinates(hole))], fill=BACKGROUND)

    def finished(self, title: str) -> Image.Image:
        """With its title, legend and scale."""
        size = self._image.width // _OVERSAMPLED, self._image.height // _OVERSAMPLED
        image = self._image.resize(size, Image.Resampling.LANCZOS)
        sheet = Image.new("RGB", (max(image.width, SMALLEST_PX), image.height + 76), BACKGROUND)
        sheet.paste(image, (0, 76))
        draw = ImageDraw.Draw(sheet)
        draw.text((10, 6), title, fill=INK)
        x, y = 10, 26
        for label, colour in LABELS.items():
            if x + 30 + 7 * len(label) > sheet.width:
                x, y = 10, y + 14
            draw.line([x, y + 6, x + 18, y + 6], fill=colour, width=3)
            draw.text((x + 23, y), label, fill=INK)
            x += 40 + int(draw.textlength(label))
        self._bar(draw, sheet.width)
        return sheet

    def _bar(self, draw: ImageDraw.ImageDraw, width: int) -> None:
        """How long a round number of metres is."""
        px_per_m = self._scale / _OVERSAMPLED
        metres = next((m for m in (1000, 500, 200, 100, 50, 20) if m * px_per_m < width / 4), 10)
        right = width - 12
        draw.line([right - metres * px_per_m, 68, right, 68], fill=INK, width=2)
        draw.text((right - draw.textlength(f"{metres} m"), 53), f"{metres} m", fill=INK)

    def _pixels(self, xy: Float) -> Float:
        return np.column_stack([(xy[:, 0] - self._xmin) * self._scale, (self._ymax - xy[:, 1]) * self._scale])


def difference_picture(found: ReleaseDifference, px_per_m: float = 4.0) -> Image.Image:
    """All tiles that differ, at `px_per_m` or what fits into 4000 pixels."""
    tiles = [shapely.box(*tile.bounds_map(found.frame)) for tile in found.tiles]
    everything = [*tiles, *(change.geometry for change in found.changes)]
    around = shapely.total_bounds(everything) if everything else np.array([0.0, 0.0, TILE_SIZE_M, TILE_SIZE_M])
    xmin, ymin, xmax, ymax = (around + np.array([-1, -1, 1, 1]) * MARGIN_M).tolist()
    sheet = _Sheet((xmin, ymin, xmax, ymax), px_per_m)
    _draw_ground(sheet, found)
    for tile in tiles:
        sheet.geometry(tile, TILE, 1)
    for whole in found.unchanged:
        sheet.geometry(whole.geometry, STAYED, 1)
    for kind, colour in COLOURS.items():
        for change in _of_kind(found, kind):
            if change.was is not None:
                sheet.geometry(change.was, WAS, 1)
            sheet.geometry(change.geometry, colour, 2)
    return sheet.finished(f"{found.old}  ->  {found.new}")


def _draw_ground(sheet: _Sheet, found: ReleaseDifference) -> None:
    for change in found.changes:
        if change.element_class in GROUND:
            sheet.area(change.geometry, GAINED if change.kind is ChangeKind.ADDED else LOST)


def _of_kind(found: ReleaseDifference, kind: ChangeKind) -> Iterator[Change]:
    return (change for change in found.changes if change.kind is kind and change.element_class not in GROUND)


def _lines(geometry: shapely.Geometry) -> list[Float]:
    flat = geometry.boundary if isinstance(geometry, shapely.Polygon) else geometry
    return [np.asarray(shapely.get_coordinates(part)) for part in shapely.get_parts(flat)]
