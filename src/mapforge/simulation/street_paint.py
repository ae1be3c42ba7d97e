"""Everything painted on one town: where lines end, where crossings and stop lines lie, which lanes carry arrows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mapforge.simulation.crosswalks import CROSSING_STYLES, draw_arrow, draw_crossing, draw_stop_line
from mapforge.simulation.junctions import Arm, Control, Junction
from mapforge.simulation.lanes import Lane, arm_at, lanes_of_arm
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import DrawnLine, draw_line
from mapforge.simulation.road_network import RoadNetwork
from mapforge.simulation.road_works import RoadWorks, paint_works
from mapforge.simulation.roundabouts import paint_roundabout
from mapforge.simulation.street_profile import LineSlot
from mapforge.simulation.streets import Street
from mapforge.simulation.turn_pockets import TAPER_M, pocket_of, slots_towards
from mapforge.simulation.world import PaintMark, RoadFeature

OPEN_END = 1.0
ARROW_M = 5.5


@dataclass(frozen=True, eq=False)
class Approach:
    """The paint at one arm, as distances from the junction's centre. crossing_m: None without."""

    arm: Arm
    crossing_m: tuple[float, float] | None
    stop_line_m: tuple[float, float] | None
    lines_m: float


@dataclass(eq=False)
class StreetPaint:
    """What was painted. lines: by street. approaches: by (street, at_start). midblock_m: crossings by street."""

    marks: list[PaintMark] = field(default_factory=list)
    features: list[RoadFeature] = field(default_factory=list)
    lines: dict[int, list[DrawnLine]] = field(default_factory=dict)
    approaches: dict[tuple[int, bool], Approach] = field(default_factory=dict)
    midblock_m: dict[int, tuple[float, float]] = field(default_factory=dict)


def paint_town(
    network: RoadNetwork,
    junctions: tuple[Junction, ...],
    lanes: list[Lane],
    turns: dict[tuple[int, int], tuple[str, ...]],
    crossings: float,
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    works: dict[int, RoadWorks] | None = None,
) -> StreetPaint:
    """Paints all streets. crossings: share of arms with one; wear: mean, 0 fresh to 1 gone; works: by street."""
    painted, works = StreetPaint(), works or {}
    for street in network.streets:
        worn = float(np.clip(rng.beta(2.0, 2.0) * 2 * wear, 0.0, 0.8))
        ends = {start: arm_at(street, junctions, start) for start in (True, False)}
        for start, arm in ends.items():
            if arm is not None:
                junction = junctions[street.start_node if start else street.end_node]
                approach = _lay_out(arm, junction, crossings, rng)
                painted.approaches[street.index, start] = approach
                _paint_approach(approach, junction, lanes, turns, worn, rng, ledger, painted.marks)
        if street.index in works:
            site, (span,) = works[street.index], _spans(street, painted, 0.0, worn, rng, ledger)
            spans = [(span[0], site.start_m), (site.end_m, span[1])]
            painted.features += paint_works(site, worn, rng, ledger, painted.marks)
        else:
            spans = _spans(street, painted, crossings, worn, rng, ledger)
        painted.lines[street.index] = [
            line
            for slot in street.profile.lines
            for line in _paint_slot(street, slot, spans, street.index in works, painted, junctions, worn, rng, ledger)
        ]
    for junction in junctions:
        if junction.circle is not None:
            style = junction.arms[0].street.profile.style
            worn = float(np.clip(rng.beta(2.0, 2.0) * 2 * wear, 0.0, 0.8))
            paint_roundabout(junction, junction.circle, style, worn, rng, ledger, painted.marks)
    return painted


def _lay_out(arm: Arm, junction: Junction, crossings: float, rng: np.random.Generator) -> Approach:
    if junction.circle is not None:
        return _lay_out_yield(arm, crossings, rng)
    cursor = arm.mouth_m + rng.uniform(0.1, 0.5)
    crossing = stop = None
    if rng.random() < crossings:
        crossing = (cursor + 0.3, cursor + 0.3 + rng.uniform(2.5, 4.0))
        cursor = crossing[1] + rng.uniform(0.8, 1.6)
    inbound = any(s.direction == arm.inbound_direction for s in arm.street.profile.lanes)
    if junction.waits(arm) and inbound and junction.control != Control.YIELD:
        stop = (cursor, cursor + rng.uniform(0.3, 0.5))
        cursor = stop[1]
    return Approach(arm, crossing, stop, cursor)


def _lay_out_yield(arm: Arm, crossings: float, rng: np.random.Generator) -> Approach:
    """A line to give way at before the ring, and a crossing a car's length further out."""
    cursor = arm.mouth_m + rng.uniform(0.1, 0.5)
    line = None
    if any(s.direction == arm.inbound_direction for s in arm.street.profile.lanes):
        line = (cursor, cursor + rng.uniform(0.35, 0.55))
        cursor = line[1]
    crossing = None
    if rng.random() < crossings:
        near = cursor + rng.uniform(4.0, 6.0)
        crossing = (near, near + rng.uniform(2.5, 4.0))
        cursor = crossing[1] + rng.uniform(0.6, 1.2)
    return Approach(arm, crossing, line, cursor)


def _paint_approach(
    approach: Approach,
    junction: Junction,
    lanes: list[Lane],
    turns: dict[tuple[int, int], tuple[str, ...]],
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
    marks: list[PaintMark],
) -> None:
    arm = approach.arm
    curve, profile = arm.street.curve, arm.street.profile
    if approach.crossing_m is not None:
        near, far = (arm.station(d) for d in approach.crossing_m)
        style = str(rng.choice(CROSSING_STYLES, p=[0.5, 0.25, 0.25]))
        draw_crossing(curve, profile.half_width_m, near, far, style, wear, rng, ledger, marks)
    inbound = slots_towards(arm, junction)
    if approach.stop_line_m is not None:
        near, far = (arm.station(d) for d in approach.stop_line_m)
        right = min(s.offset_m - s.width_m / 2 for s in inbound) + 0.12
        left = max(s.offset_m + s.width_m / 2 for s in inbound) - 0.12
        yields = junction.circle is not None
        draw_stop_line(curve, right, left, near, far, wear, ledger, marks, yields)
    if junction.circle is None and profile.arrows and (len(inbound) > 1 or rng.random() < 0.3):
        for distance in (approach.lines_m + 3.0, approach.lines_m + rng.uniform(16.0, 20.0)):
            for lane in lanes_of_arm(lanes, arm, inbound=True):
                allowed = turns.get((lane, junction.index), ())
                slot = profile.lanes[lanes[lane].slot]
                room = abs(lanes[lane].end_m - lanes[lane].start_m) - TAPER_M
                if slot.pocket and distance - arm.mouth_m + ARROW_M > room:
                    continue
                station = np.array([arm.station(distance)])
                tip = curve.points(station, slot.offset_m)[0]
                heading = float(curve.headings(station)[0]) + (np.pi if arm.at_start else 0.0)
                if allowed:
                    draw_arrow(tip, heading, allowed, wear, ledger, marks)


def _spans(
    street: Street, painted: StreetPaint, crossings: float, wear: float, rng: np.random.Generator, ledger: TruthLedger
) -> list[tuple[float, float]]:
    """Stretches between crossings and junctions where lines run; paints the crossing within the block."""
    ends = [painted.approaches.get((street.index, start)) for start in (True, False)]
    low = OPEN_END if ends[0] is None else ends[0].lines_m
    high = street.length_m - (OPEN_END if ends[1] is None else ends[1].lines_m)
    if high - low < 50.0 or street.profile.islands or rng.random() > 0.3 * crossings:
        return [(low, high)]
    middle = (low + high) / 2 + rng.uniform(-6.0, 6.0)
    half = rng.uniform(1.4, 2.0)
    style = str(rng.choice(CROSSING_STYLES, p=[0.7, 0.2, 0.1]))
    args = (street.curve, street.profile.half_width_m, middle - half, middle + half, style)
    draw_crossing(*args, wear, rng, ledger, painted.marks)
    painted.midblock_m[street.index] = (middle - half, middle + half)
    clear = half + rng.uniform(0.4, 1.2)
    return [(low, middle - clear), (middle + clear, high)]


def _paint_slot(
    street: Street,
    slot: LineSlot,
    spans: list[tuple[float, float]],
    around_works: bool,
    painted: StreetPaint,
    junctions: tuple[Junction, ...],
    wear: float,
    rng: np.random.Generator,
    ledger: TruthLedger,
) -> list[DrawnLine]:
    """around_works: the line goes on, from one span to the next, as the temporary one."""
    lines = []
    worn = float(np.clip(wear + rng.normal(0.0, 0.08), 0.0, 0.8))
    for n, (start, end) in enumerate(spans):
        if slot.role == "median":
            pieces = _with_openings(street, slot, start, end, junctions)
        else:
            pieces = _with_solid_ends(street, slot, start, end, painted, rng)
        for k, (a, b, kind) in enumerate(pieces):
            goes_on = k < len(pieces) - 1 or (around_works and n == 0)
            line = draw_line(
                street.curve, replace(slot, marking_type=kind), a, b,
                street.profile.style, worn, rng, ledger, painted.marks, goes_on,
            )  # fmt: skip
            lines += [line] if line is not None else []
    return lines


def _with_solid_ends(
    street: Street, slot: LineSlot, start: float, end: float, painted: StreetPaint, rng: np.random.Generator
) -> list[tuple[float, float, str]]:
    """Lines between lanes of one direction turn solid before the line to stop at."""
    whole = [(start, end, slot.marking_type)]
    if slot.role != "lane" or end - start < 45.0:
        return whole
    nearest = min(street.profile.lanes, key=lambda s: abs(s.offset_m - slot.offset_m))
    approach = painted.approaches.get((street.index, nearest.direction < 0))
    if approach is None or approach.stop_line_m is None:
        return whole
    solid = float(rng.uniform(15.0, 25.0))
    at = approach.arm.station(approach.lines_m)
    if nearest.direction > 0 and abs(at - end) < 0.01:
        return [(start, end - solid, slot.marking_type), (end - solid, end, "solid")]
    if nearest.direction < 0 and abs(at - start) < 0.01:
        return [(start, start + solid, "solid"), (start + solid, end, slot.marking_type)]
    return whole


def _with_openings(
    street: Street, slot: LineSlot, start: float, end: float, junctions: tuple[Junction, ...]
) -> list[tuple[float, float, str]]:
    """The line beside a median is dashed where cars cross it into a pocket."""
    forward = slot.offset_m < 0
    arm = arm_at(street, junctions, at_start=not forward)
    pocket = None if arm is None else pocket_of(arm, junctions[street.end_node if forward else street.start_node])
    if pocket is None or not street.profile.pockets:
        return [(start, end, slot.marking_type)]
    low, high = sorted((pocket.opens_m, pocket.full_m))
    return [(start, low, slot.marking_type), (low, high, "dashed"), (high, end, slot.marking_type)]
