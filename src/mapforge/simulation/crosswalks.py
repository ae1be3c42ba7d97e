"""Paint across the street: crossings, stop lines, arrows."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import MAX_WEAR
from mapforge.simulation.streets import Curve
from mapforge.simulation.world import PaintMark

Float = NDArray[np.float64]

CROSSING_STYLES = ("zebra", "ladder", "two_line")
YIELD_BAR_M = 0.5
YIELD_GAP_M = 0.3


def draw_crossing(
    curve: Curve,
    half_width_m: float,
    start_m: float,
    end_m: float,
    style: str,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    paint: list[PaintMark],
) -> str:
    """Paints a crossing from curb to curb between two stations; its truth is the outline of the paint.

    style: zebra (bars along the street), ladder (bars between two lines), two_line (only the two lines).
    """
    start_m, end_m = min(start_m, end_m), max(start_m, end_m)
    right = -half_width_m + rng.uniform(0.15, 0.4)
    left = half_width_m - rng.uniform(0.15, 0.4)
    areas: list[shapely.Polygon] = []
    if style != "two_line":
        bar, gap = rng.uniform(0.35, 0.55), rng.uniform(0.4, 0.65)
        count = int((left - right + gap) / (bar + gap))
        right += (left - right - (count * (bar + gap) - gap)) / 2
        left = right + count * (bar + gap) - gap
        offsets = right + np.arange(count) * (bar + gap)
        areas += [curve.strip(float(o), float(o + bar), start_m, end_m) for o in offsets]
    if style != "zebra":
        line = rng.uniform(0.15, 0.3)
        areas += [
            curve.strip(right, left, start_m, start_m + line),
            curve.strip(right, left, end_m - line, end_m),
        ]
    colour = "yellow" if rng.random() < 0.08 else "white"
    for area in areas:
        paint.append(PaintMark(area, colour, float(np.clip(wear + rng.normal(0.0, 0.08), 0.0, MAX_WEAR))))
    return ledger.draw(ElementClass.PED_CROSSING, curve.strip(right, left, start_m, end_m))


def draw_stop_line(
    curve: Curve,
    right_m: float,
    left_m: float,
    near_m: float,
    far_m: float,
    wear: float,
    ledger: TruthLedger,
    paint: list[PaintMark],
    yields: bool = False,
) -> str:
    """Paints a bar across the lanes between two offsets, or short bars to yield at; its truth is the centre line."""
    low, high = min(near_m, far_m), max(near_m, far_m)
    for right, left in _yield_bars(right_m, left_m) if yields else [(right_m, left_m)]:
        paint.append(PaintMark(curve.strip(right, left, low, high), "white", wear))
    ends = curve.points(np.full(2, (low + high) / 2), np.array([right_m, left_m]))
    return ledger.draw(ElementClass.STOP_LINE, shapely.LineString(ends))


def _yield_bars(right_m: float, left_m: float) -> list[tuple[float, float]]:
    """Offsets of short bars in the middle between two offsets."""
    period = YIELD_BAR_M + YIELD_GAP_M
    count = max(1, int((left_m - right_m + YIELD_GAP_M) / period))
    first = right_m + (left_m - right_m - count * period + YIELD_GAP_M) / 2
    return [(float(start), float(start + YIELD_BAR_M)) for start in first + np.arange(count) * period]


def draw_arrow(
    tip_xy: Float, heading_rad: float, turns: tuple[str, ...], wear: float, ledger: TruthLedger, paint: list[PaintMark]
) -> str:
    """Paints a lane arrow. tip_xy: (2,) its foremost point, on the lane's centre."""
    outline = _arrow(turns)
    c, s = float(np.cos(heading_rad)), float(np.sin(heading_rad))
    area = shapely.affinity.affine_transform(outline, [c, -s, s, c, float(tip_xy[0]), float(tip_xy[1])])
    paint.append(PaintMark(area, "white", wear))
    return ledger.draw(ElementClass.ROAD_MARKING, area, turn=";".join(turns))


def _arrow(turns: tuple[str, ...]) -> shapely.Polygon:
    """x forward from the tip backwards, y left."""
    parts = [shapely.box(-5.0, -0.08, -2.4 if "straight" not in turns else -1.4, 0.08)]
    if "straight" in turns:
        parts.append(shapely.Polygon([(0.0, 0.0), (-1.5, 0.3), (-1.5, -0.3)]))
    for turn, side in (("left", 1.0), ("right", -1.0)):
        if turn in turns:
            parts.append(
                shapely.Polygon([(-2.9, 0.08 * side), (-2.5, -0.08 * side), (-1.9, 0.5 * side), (-2.3, 0.5 * side)])
            )
            parts.append(shapely.Polygon([(-1.7, 0.3 * side), (-2.5, 0.46 * side), (-1.6, 0.95 * side)]))
    united = shapely.union_all(parts)
    return united if isinstance(united, shapely.Polygon) else united.convex_hull
