"""Paint of real maps: every line once, joined to whole lines, kept off curbs and crossings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry import polylines
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.charted import ChartedLine
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import MAX_WEAR, draw_line
from mapforge.simulation.street_profile import LineSlot, PaintStyle, draw_style
from mapforge.simulation.streets import Curve
from mapforge.simulation.world import PaintMark

Float = NDArray[np.float64]

SAME_LINE_M = 0.45
SAME_SHARE = 0.6
JOINT_M = 0.25
FROM_CURB_M = 0.2
FROM_CROSSING_M = 0.5
SHORTEST_M = 2.0
SHORTEST_STOP_LINE_M = 1.0


def paint_real_map(
    lines: list[ChartedLine],
    crossings: list[tuple[Float, Float]],
    asphalt: shapely.Polygon,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    stop_lines: Sequence[Float] = (),
) -> list[PaintMark]:
    """Paints a map's crossings, stop lines and lines; their truth goes into the ledger."""
    paint: list[PaintMark] = []
    painted = [_paint_crossing(edges, asphalt, wear, rng, ledger, paint) for edges in crossings]
    room = asphalt.buffer(-FROM_CURB_M)
    if painted:
        room = room.difference(shapely.union_all(painted).buffer(FROM_CROSSING_M))
    if stop_lines:
        bars = [_paint_stop_line(xy, room, wear, rng, ledger, paint) for xy in stop_lines]
        room = room.difference(shapely.union_all(bars))
    style = draw_style(rng)
    for line in joined_lines(distinct_lines(lines)):
        worn = float(np.clip(wear + rng.normal(0.0, 0.12), 0.0, 0.8))
        for part in shapely.get_parts(shapely.LineString(line.xy).intersection(room)):
            if isinstance(part, shapely.LineString) and part.length > SHORTEST_M:
                _paint_line(shapely.get_coordinates(part), line, style, worn, rng, ledger, paint)
    return paint


def distinct_lines(lines: list[ChartedLine]) -> list[ChartedLine]:
    """Lines without those that run along one already taken: lanes side by side both name the line between them."""
    taken: list[ChartedLine] = []
    points = [polylines.resample(line.xy, 0.5) for line in lines]
    owner = np.repeat(np.arange(len(lines)), [len(p) for p in points])
    near = cKDTree(np.vstack(points)) if lines else None
    is_taken = np.zeros(len(lines), dtype=bool)
    for number, line in enumerate(lines):
        assert near is not None
        beside = near.query_ball_point(points[number], SAME_LINE_M)
        covered = np.mean([bool(is_taken[owner[found]].any()) for found in beside])
        if covered <= SAME_SHARE:
            is_taken[number] = True
            taken.append(line)
    return taken


def joined_lines(lines: list[ChartedLine]) -> list[ChartedLine]:
    """Lines of one kind that meet end to end as one line."""
    kinds = sorted({(line.marking_type, line.colour) for line in lines})
    whole = []
    for kind in kinds:
        pieces = [shapely.LineString(line.xy) for line in lines if (line.marking_type, line.colour) == kind]
        snapped = _ends_together(pieces)
        # mixed lines keep their own direction: which strand is solid depends on it
        directed = kind[0] in ("solid_dashed", "dashed_solid")
        merged = shapely.get_parts(shapely.line_merge(shapely.MultiLineString(snapped), directed=directed))
        whole += [ChartedLine(shapely.get_coordinates(line), *kind) for line in merged]
    return whole


def _ends_together(pieces: list[shapely.LineString]) -> list[Float]:
    """Coordinates of the pieces, ends that nearly meet moved onto each other."""
    ends: list[Float] = []
    moved = []
    for piece in pieces:
        xy = shapely.get_coordinates(piece)
        for place in (0, -1):
            near = [end for end in ends if np.linalg.norm(end - xy[place]) < JOINT_M]
            if near:
                xy[place] = near[0]
            else:
                ends.append(xy[place].copy())
        moved.append(xy)
    return [xy for xy in moved if polylines.length(xy) > 0.1]


def _paint_line(
    xy: Float,
    line: ChartedLine,
    style: PaintStyle,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    paint: list[PaintMark],
) -> None:
    even = polylines.resample(xy, 1.0)
    tangent = polylines.tangents(even)
    curve = Curve(even, np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0])))
    slot = LineSlot(0.0, line.marking_type, line.colour, "lane")
    # charts cut lines where lanes begin and end, not where paint does
    draw_line(curve, slot, 0.0, curve.length_m, style, wear, rng, ledger, paint, goes_on=True)


def _paint_stop_line(
    xy: Float,
    room: shapely.Geometry,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    paint: list[PaintMark],
) -> shapely.Geometry:
    """A bar along the longest part of the line that lies on the asphalt; its truth is the centre line."""
    half, worn = rng.uniform(0.3, 0.5) / 2, float(np.clip(wear + rng.normal(0.0, 0.08), 0.0, MAX_WEAR))
    parts = shapely.get_parts(shapely.LineString(xy).intersection(room.buffer(-half)))
    line = max(parts, key=shapely.length, default=shapely.LineString())
    if line.length < SHORTEST_STOP_LINE_M:
        return shapely.Polygon()
    bar = line.buffer(half, cap_style="flat", join_style="mitre")
    paint.append(PaintMark(bar, "white", worn))
    ledger.draw(ElementClass.STOP_LINE, line)
    return bar


def _paint_crossing(
    edges: tuple[Float, Float],
    asphalt: shapely.Polygon,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    paint: list[PaintMark],
) -> shapely.Geometry:
    """Bars from one edge to the other, or a line along both; clipped to the asphalt."""
    first, second = edges
    if np.linalg.norm(first[0] - second[0]) > np.linalg.norm(first[0] - second[-1]):
        second = second[::-1]
    length = max(polylines.length(first), polylines.length(second))
    shares = np.linspace(0.0, 1.0, 9)
    if rng.random() < 0.6:
        bar, gap = rng.uniform(0.35, 0.55), rng.uniform(0.4, 0.65)
        starts = np.arange(0.2, max(0.3, length - bar - 0.2), bar + gap)
        spans = [(np.array([a, a + bar]) / length, (0.0, 1.0)) for a in starts]
    else:
        depth = rng.uniform(0.2, 0.35) / max(float(np.linalg.norm(first[0] - second[0])), 1.0)
        spans = [(shares, (0.0, depth)), (shares, (1.0 - depth, 1.0))]
    room = asphalt.buffer(-FROM_CURB_M)
    areas = []
    for along, (low, high) in spans:
        a, b = (polylines.at_stations(e, along * polylines.length(e)) for e in (first, second))
        quad = shapely.Polygon(np.vstack([a + (b - a) * low, (a + (b - a) * high)[::-1]]))
        areas += [p for p in shapely.get_parts(shapely.make_valid(quad).intersection(room)) if p.area > 0.05]
    polygons = [p for p in areas if isinstance(p, shapely.Polygon)]
    if not polygons:
        return shapely.Polygon()
    for area in polygons:
        paint.append(PaintMark(area, "white", float(np.clip(wear + rng.normal(0.0, 0.08), 0.0, MAX_WEAR))))
    whole = shapely.make_valid(shapely.Polygon(np.vstack([first, second[::-1]])))
    outline = whole.intersection(shapely.union_all(polygons).convex_hull).intersection(room)
    best = max(shapely.get_parts(outline), key=lambda part: part.area)
    ledger.draw(ElementClass.PED_CROSSING, best)
    return best
