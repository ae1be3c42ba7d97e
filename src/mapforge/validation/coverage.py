"""Was the surroundings of the driven path looked at, and what was not?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.metrics.agreement import covered_share
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]

BESIDE_PATH_M = 10.0
NARROW_M = 1.0
"""Gaps up to twice this wide lie between scan lines, or behind a car: no hole."""
LEAST_AREA_M2 = 50.0


def path_lines(paths: Sequence[Float]) -> NDArray:
    """(P,) simplified LineStrings of paths (N, >=2); points are left out."""
    lines = [shapely.LineString(path[:, :2]) for path in paths if len(path) > 1]
    return np.asarray(shapely.simplify(np.array(lines, dtype=object), 0.2))


def tile_coverage(tile: TileId, elements: Iterable[MapElement], frame: MapFrame, lines: NDArray) -> dict[str, float]:
    """coverage: share of the ground within 10 m of a path that was seen; hole_m2: the largest piece of it that was not.

    NaN where hardly any of it is in the tile. lines: of `path_lines`.
    """
    box = shapely.box(*tile.bounds_map(frame))
    near = lines[shapely.dwithin(lines, box, BESIDE_PATH_M)] if len(lines) else lines
    cut = shapely.intersection(near, box.buffer(BESIDE_PATH_M))
    wanted = shapely.union_all(shapely.buffer(cut, BESIDE_PATH_M)).intersection(box)
    if wanted.area < LEAST_AREA_M2:
        return {"coverage": float("nan"), "hole_m2": float("nan")}
    seen = seen_area(elements)
    unseen = wanted if seen is None else wanted.difference(seen)
    holes = shapely.area(shapely.get_parts(unseen.buffer(-NARROW_M).buffer(NARROW_M)))
    return {"coverage": covered_share(seen, wanted), "hole_m2": float(holes.max(initial=0.0))}


def seen_area(elements: Iterable[MapElement]) -> shapely.Geometry | None:
    """The union of the coverage polygons; None without any."""
    seen = [shapely.make_valid(e.geometry) for e in elements if e.element_class is ElementClass.COVERAGE]
    return shapely.union_all(shapely.force_2d(np.array(seen, dtype=object))) if seen else None
