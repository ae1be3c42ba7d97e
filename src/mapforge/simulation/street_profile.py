"""What lies side by side on a street: lanes, painted lines, parking strips, curbs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

KMH = 1 / 3.6


@dataclass(frozen=True)
class PaintStyle:
    """How a town paints. dash_m, gap_m: pattern of a dashed line."""

    line_width_m: float
    dash_m: float
    gap_m: float
    double_gap_m: float
    centre_colour: str


@dataclass(frozen=True)
class LaneSlot:
    """One lane of the cross-section. offset_m: of its centre, left of the axis positive.

    direction: +1 along the axis, -1 against it. lane_type: of LANE_TYPES. pocket: only there before a junction, for
    traffic that turns left. tracks: tram rails lie in it.
    """

    offset_m: float
    width_m: float
    direction: int
    lane_type: str = "vehicle"
    pocket: bool = False
    tracks: bool = False


@dataclass(frozen=True)
class LineSlot:
    """One painted line of the cross-section. role: centre, lane, edge, or median (beside an island)."""

    offset_m: float
    marking_type: str
    colour: str
    role: str


class Bays(StrEnum):
    """How cars stand in the parking strips."""

    PLAIN = "plain"
    """One behind the other, no marks between them."""
    PARALLEL = "parallel"
    """One behind the other, with marks."""
    ACROSS = "across"
    """Side by side, across the street, with lines between them."""


class IslandKind(StrEnum):
    """What a raised strip between lanes is for."""

    MEDIAN = "median"
    """Parts the directions, as long as the street; gives way to pockets for those who turn left."""
    SPLITTER = "splitter"
    """Parts the directions before a roundabout; a crossing goes through it."""
    TRAM_STOP = "tram_stop"
    """A platform beside the tracks, somewhere along the street."""


@dataclass(frozen=True)
class IslandSlot:
    """A strip of the cross-section that may be raised. offset_m: of its centre, left of the axis positive."""

    offset_m: float
    width_m: float
    kind: IslandKind


@dataclass(frozen=True)
class StreetProfile:
    """The cross-section of a street, the same from end to end.

    The axis is the middle of the asphalt. lanes: from left to right. parking_*_m: width of the strip, 0 without.
    arrows: lanes may carry them before junctions.
    """

    half_width_m: float
    lanes: tuple[LaneSlot, ...]
    lines: tuple[LineSlot, ...]
    parking_left_m: float
    parking_right_m: float
    speed_limit_kmh: int
    curbed: bool
    style: PaintStyle
    islands: tuple[IslandSlot, ...] = ()
    bays: Bays = Bays.PLAIN
    arrows: bool = True

    @property
    def forward(self) -> int:
        return sum(lane.direction > 0 and not lane.pocket for lane in self.lanes)

    @property
    def backward(self) -> int:
        return sum(lane.direction < 0 and not lane.pocket for lane in self.lanes)

    @property
    def pockets(self) -> bool:
        """Lanes for those who turn left open before junctions."""
        return any(lane.pocket for lane in self.lanes)

    @property
    def rank(self) -> int:
        """How major the street is: the greater has priority."""
        return len(self.lanes) * 100 + self.speed_limit_kmh


def draw_style(rng: np.random.Generator) -> PaintStyle:
    """The paint of one street; dash patterns as they are in use."""
    patterns = ((3.0, 9.0), (3.0, 6.0), (3.0, 3.0), (6.0, 3.0), (2.0, 4.0), (1.5, 1.5))
    dash, gap = patterns[int(rng.choice(len(patterns), p=[0.28, 0.24, 0.16, 0.12, 0.12, 0.08]))]
    return PaintStyle(
        line_width_m=round(float(rng.uniform(0.10, 0.20)), 3),
        dash_m=dash,
        gap_m=gap,
        double_gap_m=round(float(rng.uniform(0.10, 0.18)), 3),
        centre_colour=str(rng.choice(["white", "yellow"])),
    )


def draw_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """A random cross-section. minor: at most three lanes; may be one-way or unpainted."""
    kinds = ("2", "3", "4", "one_way")
    weights = [0.58, 0.2, 0.08, 0.14] if minor else [0.5, 0.22, 0.28, 0.0]
    kind = str(rng.choice(kinds, p=weights))
    backward, forward = {"2": (1, 1), "3": (1, 2), "4": (2, 2), "one_way": (0, 2)}[kind]
    curbed = bool(rng.random() < (0.75 if kind == "2" else 1.0))
    parking = (rng.random(2) < (0.45 if curbed and kind != "4" else 0.0)) * np.round(rng.uniform(2.0, 2.4, 2), 2)
    limit = {"2": (30, 50, 50), "3": (50, 50, 70), "4": (50, 70, 70), "one_way": (30, 30, 50)}[kind]
    bare = kind == "2" and minor and bool(rng.random() < 0.15)
    return compose_profile(
        backward=backward,
        forward=forward,
        lane_width_m=round(float(rng.uniform(2.8, 3.7)), 2),
        gutter_m=round(float(rng.uniform(0.25, 0.6)), 2),
        parking_m=(float(parking[0]), float(parking[1])),
        centre_marking="none" if bare else _centre_marking(rng, backward, forward),
        edge_lines=bool(rng.random() < (0.45 if curbed else 0.8)) and not bare,
        speed_limit_kmh=int(rng.choice(limit)),
        curbed=curbed,
        style=draw_style(rng),
    )


def compose_profile(
    backward: int,
    forward: int,
    lane_width_m: float,
    gutter_m: float,
    parking_m: tuple[float, float],
    centre_marking: str,
    edge_lines: bool,
    speed_limit_kmh: int,
    curbed: bool,
    style: PaintStyle,
) -> StreetProfile:
    """Lays lanes and lines from left to right. parking_m: (left, right); a parking strip is always lined off."""
    count = backward + forward
    total = count * lane_width_m + 2 * gutter_m + sum(parking_m)
    left = total / 2 - gutter_m - parking_m[0]
    edges = [round(left - i * lane_width_m, 4) for i in range(count + 1)]
    lanes = tuple(
        LaneSlot((edges[i] + edges[i + 1]) / 2, lane_width_m, -1 if i < backward else 1) for i in range(count)
    )
    lines = []
    for i, offset in enumerate(edges):
        if i in (0, count):
            parked = parking_m[0 if i == 0 else 1] > 0
            if edge_lines or parked:
                lines.append(LineSlot(offset, "solid", "white", "edge"))
        elif i == backward and centre_marking != "none":
            lines.append(LineSlot(offset, centre_marking, style.centre_colour, "centre"))
        elif i != backward:
            lines.append(LineSlot(offset, "dashed", "white", "lane"))
    return StreetProfile(total / 2, lanes, tuple(lines), parking_m[0], parking_m[1], speed_limit_kmh, curbed, style)


def _centre_marking(rng: np.random.Generator, backward: int, forward: int) -> str:
    if backward == 0:
        return "none"
    kinds = ("dashed", "solid", "double_solid", "solid_dashed", "dashed_solid", "double_dashed")
    narrow = backward + forward == 2
    weights = [0.42, 0.16, 0.16, 0.1, 0.1, 0.06] if narrow else [0.05, 0.15, 0.6, 0.1, 0.05, 0.05]
    return str(rng.choice(kinds, p=weights))
