"""Paint of a motorway: edge lines, lane lines, the broad dashes beside lanes of ramps, and hatched gores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import MAX_WEAR, draw_line
from mapforge.simulation.ramps import AXIS_STEP_M, RAMP_LANE_M, RAMP_SHOULDER_M, Carriageway, Ramp
from mapforge.simulation.street_profile import LineSlot, PaintStyle
from mapforge.simulation.streets import Curve
from mapforge.simulation.world import PaintMark

Float = NDArray[np.float64]

OPENS_AFTER_M = 12.0
GORE_GAP_M = 0.4
HATCH_STEP_M = 3.0
HATCH_M = 0.45
HATCH_LEAN_M = 1.2


def paint_motorway(
    axis: Curve,
    carriageways: tuple[Carriageway, ...],
    ramps: tuple[Ramp, ...],
    style: PaintStyle,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
) -> list[PaintMark]:
    """Paints all lines, their truth into the ledger. wear: mean, 0 fresh to 1 gone."""
    paint: list[PaintMark] = []
    for way in carriageways:
        worn = float(np.clip(rng.beta(2.0, 2.0) * 2 * wear, 0.0, 0.8))
        own = [ramp for ramp in ramps if ramp.way is way]
        brush = _Brush(axis, way.side, style, worn, rng, ledger, paint)
        brush.along(way.first_m, "solid", style.centre_colour)
        for lane in range(1, way.lanes):
            brush.along(way.first_m + lane * way.lane_m, "dashed", "white")
        _outer_edge(brush, way, own)
        for ramp in own:
            _ramp_lines(brush, ramp)
            _hatch(brush, ramp)
    return paint


class _Brush:
    """Paints lines at distances from the axis on one side of it."""

    def __init__(
        self,
        axis: Curve,
        side: float,
        style: PaintStyle,
        wear: float,
        rng: np.random.Generator,
        ledger: TruthLedger,
        paint: list[PaintMark],
    ) -> None:
        self.axis, self.side, self.style, self.wear = axis, side, style, wear
        self.rng, self.ledger, self.paint = rng, ledger, paint

    def along(
        self, distance_m: float, marking: str, colour: str, low_m: float = 0.0, high_m: float | None = None
    ) -> None:
        """A line at one distance, all the way round unless stations are given."""
        high = self.axis.length_m if high_m is None else high_m
        stations = np.linspace(low_m, high, max(2, int(np.ceil((high - low_m) / AXIS_STEP_M)) + 1))
        self.line(stations, np.full(len(stations), distance_m), marking, colour)

    def line(
        self,
        stations_m: Float,
        distance_m: Float,
        marking: str,
        colour: str,
        style: PaintStyle | None = None,
        goes_on: bool = False,
    ) -> None:
        """A line whose distance changes."""
        curve = self.axis.bent(stations_m, self.side * distance_m)
        slot = LineSlot(0.0, marking, colour, "lane")
        draw_line(
            curve, slot, 0.0, curve.length_m, style or self.style, self.wear, self.rng, self.ledger, self.paint, goes_on
        )


def _outer_edge(brush: _Brush, way: Carriageway, ramps: list[Ramp]) -> None:
    """Solid, but for where cars change to or from the lane of a ramp: broad dashes there."""
    broad = replace(brush.style, line_width_m=0.3, dash_m=3.0, gap_m=3.0)
    ramps = sorted(ramps, key=lambda ramp: ramp.start_m)
    free = [0.0, *(s for ramp in ramps for s in (ramp.start_m, ramp.end_m)), brush.axis.length_m]
    for low, high in zip(free[::2], free[1::2]):
        brush.along(way.last_m, "solid", "white", low, high)
    for ramp in ramps:
        nose, end = ramp.noses_m
        brush.along(way.last_m, "solid", "white", nose, end)
        for low, high in ((ramp.start_m + OPENS_AFTER_M, nose), (end, ramp.end_m - OPENS_AFTER_M)):
            stations = ramp.stations(low, high)
            brush.line(stations, np.full(len(stations), way.last_m), "dashed", "white", broad, goes_on=high == nose)


def _ramp_lines(brush: _Brush, ramp: Ramp) -> None:
    stations = ramp.stations()
    brush.line(stations, ramp.outer_m(stations), "solid", "white")
    low, high = _parted(ramp, GORE_GAP_M)
    stations = ramp.stations(low, high)
    brush.line(stations, ramp.distance_m(stations) - RAMP_LANE_M / 2, "solid", "white")


def _parted(ramp: Ramp, gap_m: float) -> tuple[float, float]:
    """Stations between which the ramp's lane is further than `gap_m` from the carriageway's."""
    stations = ramp.stations()
    apart = stations[ramp.distance_m(stations) - RAMP_LANE_M / 2 - ramp.way.last_m > gap_m]
    return float(apart[0]), float(apart[-1])


def _hatch(brush: _Brush, ramp: Ramp) -> None:
    """Slanted bars in the gores, as far as there is asphalt; no line of the map."""
    near, far = _parted(ramp, GORE_GAP_M + 0.4)
    split, joined = _parted(ramp, ramp.way.shoulder_m + RAMP_SHOULDER_M)
    for low, high, lean in ((near, split, HATCH_LEAN_M), (joined, far, -HATCH_LEAN_M)):
        for station in np.arange(low + HATCH_STEP_M / 2, high - HATCH_STEP_M / 2, HATCH_STEP_M):
            at = np.array([station, station + HATCH_M])
            inner = np.full(2, ramp.way.last_m + 0.25)
            outer = ramp.distance_m(at) - RAMP_LANE_M / 2 - 0.25
            ring = np.vstack(
                [
                    brush.axis.points(at, brush.side * inner),
                    brush.axis.points(at[::-1] + lean, brush.side * np.minimum(outer[::-1], outer.min())),
                ]
            )
            wear = float(np.clip(brush.wear + brush.rng.normal(0.0, 0.08), 0.0, MAX_WEAR))
            area = shapely.Polygon(ring)
            if area.is_valid:
                brush.paint.append(PaintMark(area, "white", wear))
