"""A candidate beside the release it would replace: per class, over the whole and tile by tile."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.tiles import TileId
from mapforge.metrics.change import Change, LengthChange, change
from mapforge.metrics.polygons import outline_vertices
from mapforge.schemas.elements import LINE_CLASSES, POINT_CLASSES, ElementClass, MapElement
from mapforge.validation.coverage import seen_area

Float = NDArray[np.float64]

COMPARED_CLASSES = (*LINE_CLASSES, ElementClass.PED_CROSSING)
SAME_POINT_M = 2.0


@dataclass(frozen=True)
class PointChange:
    """Numbers of signs or lights: removed and added have no counterpart of their class within 2 m."""

    old: int = 0
    removed: int = 0
    added: int = 0

    def __add__(self, other: PointChange) -> PointChange:
        return PointChange(self.old + other.old, self.removed + other.removed, self.added + other.added)


@dataclass(frozen=True)
class TileChange:
    """What became of one tile. lines, points: class -> change. coverage_lost: share of the released coverage that is

    gone; NaN where none was.
    """

    lines: dict[str, LengthChange] = field(default_factory=dict)
    points: dict[str, PointChange] = field(default_factory=dict)
    coverage_lost: float = float("nan")

    @property
    def length_m(self) -> float:
        """All that moved, came or went."""
        return sum(c.moved_m + c.removed_m + c.added_m for c in self.lines.values())


def tile_change(
    old: Sequence[MapElement], new: Sequence[MapElement], moved_m: float, withdrawn: Collection[str] = ()
) -> TileChange:
    """Compares two builds of one tile, map frame. withdrawn: drives whose own elements are expected to go: an old

    element that none but they support is left out of the comparison.
    """
    gone = set(withdrawn)
    expected = [e for e in old if not (e.sources and set(e.sources) <= gone)]
    lines = {str(c): _lines_change(expected, new, c).lengths(moved_m) for c in COMPARED_CLASSES}
    points = {str(c): _points_change(expected, new, c) for c in POINT_CLASSES}
    return TileChange(
        {name: value for name, value in lines.items() if value.old_m or value.added_m},
        {name: value for name, value in points.items() if value.old or value.added},
        _coverage_lost(expected, new),
    )


def total_change(tiles: Mapping[TileId, TileChange]) -> TileChange:
    """All tiles together, without coverage."""
    lines: dict[str, LengthChange] = {}
    points: dict[str, PointChange] = {}
    for tile in tiles.values():
        for name, length in tile.lines.items():
            lines[name] = lines.get(name, LengthChange()) + length
        for name, count in tile.points.items():
            points[name] = points.get(name, PointChange()) + count
    return TileChange(dict(sorted(lines.items())), dict(sorted(points.items())))


def _lines_change(old: Sequence[MapElement], new: Sequence[MapElement], element_class: ElementClass) -> Change:
    return change(_vertices(old, element_class), _vertices(new, element_class))


def _vertices(elements: Sequence[MapElement], element_class: ElementClass) -> list[Float]:
    return outline_vertices([e.geometry for e in elements if e.element_class is element_class])[0]


def _points_change(old: Sequence[MapElement], new: Sequence[MapElement], element_class: ElementClass) -> PointChange:
    before, after = _centres(old, element_class), _centres(new, element_class)
    return PointChange(len(before), _without_counterpart(before, after), _without_counterpart(after, before))


def _centres(elements: Sequence[MapElement], element_class: ElementClass) -> Float:
    points = np.array([e.geometry for e in elements if e.element_class is element_class], dtype=object)
    return np.asarray(shapely.get_coordinates(shapely.centroid(points)))


def _without_counterpart(points: Float, others: Float) -> int:
    if not len(points) or not len(others):
        return len(points)
    distance, _ = cKDTree(others).query(points, distance_upper_bound=SAME_POINT_M)
    return int(np.isinf(distance).sum())


def _coverage_lost(old: Sequence[MapElement], new: Sequence[MapElement]) -> float:
    before, after = seen_area(old), seen_area(new)
    if before is None or before.area == 0.0:
        return float("nan")
    return 1.0 if after is None else float(before.difference(after).area / before.area)
