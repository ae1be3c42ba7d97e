"""A crossroads and a roundabout of two two-lane roads, drawn by hand: kerbs, lines, drivable area."""

from __future__ import annotations

import numpy as np
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (586000.0, 4475000.0), 2020.0)
HALF_M = 3.6
CORNER_M = 6.0


def crossroads(
    at: tuple[float, float] = (150.0, 150.0), arm_m: float = 60.0, turned_rad: float = 0.0
) -> list[MapElement]:
    """Elements in the map frame, the middle at `at`; each arm reaches `arm_m` from there."""
    strips = [shapely.box(-arm_m, -HALF_M, arm_m, HALF_M), shapely.box(-HALF_M, -arm_m, HALF_M, arm_m)]
    united = shapely.union_all(strips)
    area = united.buffer(CORNER_M, quad_segs=24).buffer(-CORNER_M, quad_segs=24).union(united)
    open_ends = shapely.union_all([shapely.LineString(c).buffer(0.05) for c in _ends(arm_m)])
    kerbs = shapely.get_parts(shapely.line_merge(area.exterior.difference(open_ends)))
    mouth = HALF_M + CORNER_M + 1.0
    centre = [
        shapely.LineString([(mouth, 0), (arm_m, 0)]),
        shapely.LineString([(-mouth, 0), (-arm_m, 0)]),
        shapely.LineString([(0, mouth), (0, arm_m)]),
        shapely.LineString([(0, -mouth), (0, -arm_m)]),
    ]
    stops = [
        shapely.LineString([(-mouth, -0.2), (-mouth, -HALF_M + 0.2)]),
        shapely.LineString([(mouth, 0.2), (mouth, HALF_M - 0.2)]),
    ]
    paint = {"marking_type": "double_solid", "colour": "yellow"}
    shapes = [
        *((ElementClass.ROAD_BOUNDARY, line, {"boundary_type": "curb"}) for line in kerbs),
        *((ElementClass.LANE_DIVIDER, line, paint) for line in centre),
        *((ElementClass.STOP_LINE, line, {}) for line in stops),
        (ElementClass.DRIVABLE_AREA, area, {}),
    ]
    return [
        MapElement(f"{kind}-{k}", kind, placed(shape, at, turned_rad), attributes, sources=("a",))
        for k, (kind, shape, attributes) in enumerate(shapes)
    ]


ISLAND_M, RING_M = 8.0, 14.0


def roundabout(
    at: tuple[float, float] = (150.0, 150.0), arm_m: float = 70.0, turned_rad: float = 0.0, lanes: int = 1
) -> list[MapElement]:
    """Two roads that meet in a roundabout, their kerbs rounded by fillets; with two lanes, a dashed line round it."""
    outer = RING_M + 4.0 * (lanes - 1)
    strips = [shapely.box(-arm_m, -HALF_M, arm_m, HALF_M), shapely.box(-HALF_M, -arm_m, HALF_M, arm_m)]
    united = shapely.union_all([*strips, shapely.Point(0, 0).buffer(outer, quad_segs=32)])
    area = united.buffer(CORNER_M, quad_segs=24).buffer(-CORNER_M, quad_segs=24).union(united)
    island = shapely.Point(0, 0).buffer(ISLAND_M, quad_segs=32)
    open_ends = shapely.union_all([shapely.LineString(c).buffer(0.05) for c in _ends(arm_m)])
    kerbs = shapely.get_parts(shapely.line_merge(area.exterior.difference(open_ends)))
    mouth = outer + CORNER_M
    centre = [shapely.LineString([(x * mouth, y * mouth), (x * arm_m, y * arm_m)]) for x, y in _QUARTERS]
    yellow, dashed = ({"marking_type": m, "colour": c} for m, c in (("double_solid", "yellow"), ("dashed", "white")))
    round_it = shapely.Point(0, 0).buffer((ISLAND_M + outer) / 2, quad_segs=32).exterior
    shapes = [
        *((ElementClass.ROAD_BOUNDARY, line, {"boundary_type": "curb"}) for line in (*kerbs, island.exterior)),
        *((ElementClass.LANE_DIVIDER, line, yellow) for line in centre),
        *((ElementClass.LANE_DIVIDER, line, dashed) for line in [round_it] * (lanes - 1)),
        (ElementClass.DRIVABLE_AREA, area.difference(island), {}),
    ]
    return [
        MapElement(
            f"{kind}-{k}",
            kind,
            placed(shapely.LineString(shape.coords) if shape.geom_type == "LinearRing" else shape, at, turned_rad),
            attributes,
            sources=("a",),
        )
        for k, (kind, shape, attributes) in enumerate(shapes)
    ]


_QUARTERS = [(1, 0), (0, 1), (-1, 0), (0, -1)]


def placed(shape: shapely.Geometry, at: tuple[float, float], turned_rad: float = 0.0) -> shapely.Geometry:
    c, s = np.cos(turned_rad), np.sin(turned_rad)
    turned = shapely.transform(shape, lambda xy: xy @ np.array([[c, s], [-s, c]]) + np.array(at))
    return shapely.force_3d(turned, 200.0)


def path(points: list[tuple[float, float]], at: tuple[float, float] = (150.0, 150.0)) -> np.ndarray:
    """(N, 3) positions half a metre apart along a polyline given relative to the middle."""
    line = shapely.segmentize(shapely.LineString(np.array(points) + np.array(at)), 0.5)
    return np.column_stack([shapely.get_coordinates(line), np.full(shapely.get_num_coordinates(line), 200.0)])


def _ends(arm_m: float) -> list[list[tuple[float, float]]]:
    h = HALF_M - 0.01
    east, north = [(arm_m, -h), (arm_m, h)], [(-h, arm_m), (h, arm_m)]
    return [east, [(-x, y) for x, y in east], north, [(x, -y) for x, y in north]]
