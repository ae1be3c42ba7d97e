"""Painted lines along streets, with the truth they stand for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.street_profile import LineSlot, PaintStyle
from mapforge.simulation.streets import Curve
from mapforge.simulation.world import PaintMark

Float = NDArray[np.float64]

SOLID_PIECE_M = 8.0
SHORTEST_DASH_M = 0.5
MAX_WEAR = 0.85


@dataclass(frozen=True)
class DrawnLine:
    """A painted line and the stretch of its street it covers."""

    element_id: str
    slot: LineSlot
    start_m: float
    end_m: float


def draw_line(
    curve: Curve,
    slot: LineSlot,
    start_m: float,
    end_m: float,
    style: PaintStyle,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    paint: list[PaintMark],
    goes_on: bool = False,
) -> DrawnLine | None:
    """Paints one line along a curve between stations; None when there is no room for a single dash.

    The true line runs from the first dash to the last; to `end_m` where it `goes_on` there in other paint, for the gap
    between the two is no end of it.
    """
    strands = _strands(slot, style)
    stretches = [_stretches(kind, start_m, end_m, style) for _, kind in strands]
    if not any(stretches):
        return None
    half = style.line_width_m / 2
    for (offset, _), pieces in zip(strands, stretches):
        for a, b in pieces:
            worn = float(np.clip(wear + rng.normal(0.0, 0.08), 0.0, MAX_WEAR))
            paint.append(PaintMark(curve.strip(offset - half, offset + half, a, b), slot.colour, worn))
    first = min(pieces[0][0] for pieces in stretches if pieces)
    last = end_m if goes_on else max(pieces[-1][1] for pieces in stretches if pieces)
    element_id = ledger.draw(
        ElementClass.LANE_DIVIDER,
        shapely.LineString(curve.line(slot.offset_m, first, last)),
        marking_type=slot.marking_type,
        colour=slot.colour,
    )
    return DrawnLine(element_id, slot, first, last)


def _strands(slot: LineSlot, style: PaintStyle) -> list[tuple[float, str]]:
    """Offset and kind (solid, dashed) of each strand, from left to right."""
    kinds = {
        "solid": ["solid"],
        "dashed": ["dashed"],
        "double_solid": ["solid", "solid"],
        "double_dashed": ["dashed", "dashed"],
        "solid_dashed": ["solid", "dashed"],
        "dashed_solid": ["dashed", "solid"],
    }[slot.marking_type]
    if len(kinds) == 1:
        return [(slot.offset_m, kinds[0])]
    apart = (style.line_width_m + style.double_gap_m) / 2
    return [(slot.offset_m + apart, kinds[0]), (slot.offset_m - apart, kinds[1])]


def _stretches(kind: str, start_m: float, end_m: float, style: PaintStyle) -> list[tuple[float, float]]:
    if kind == "solid":
        cuts = np.linspace(start_m, end_m, max(1, round((end_m - start_m) / SOLID_PIECE_M)) + 1)
        return [(float(a), float(b)) for a, b in itertools.pairwise(cuts)] if end_m - start_m > 0.5 else []
    starts = np.arange(start_m, end_m - SHORTEST_DASH_M, style.dash_m + style.gap_m)
    return [(float(a), float(min(a + style.dash_m, end_m))) for a in starts]
