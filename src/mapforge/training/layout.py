"""Roads as parameters: where they run, how wide they are, what is painted on them, how their sides look."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Place(StrEnum):
    """Kinds of places, and what they train."""

    STREET = "street"
    MOTORWAY = "motorway"
    TEE = "tee"
    CROSS = "cross"
    FORK = "fork"
    RAMP = "ramp"
    ROUNDABOUT = "roundabout"


@dataclass(frozen=True)
class Divider:
    """A painted line along a road at a lateral position (left positive).

    solid_end_m: over this distance before a junction the line is solid, whatever its type.
    start_m, end_m: stations between which it is painted. pause_m: stations between which its paint, and the line with
    it, pauses. taper: metres it moves to the left a metre of station, from its start on.
    """

    lateral_m: float
    marking_type: str
    colour: str
    width_m: float
    dash_m: float
    gap_m: float
    phase_m: float
    separation_m: float
    solid_end_m: float = 0.0
    start_m: float = -1e3
    end_m: float = 1e3
    pause_m: tuple[float, float] = (0.0, 0.0)
    taper: float = 0.0


@dataclass(frozen=True)
class Crossing:
    """A pedestrian crossing: its outline in its own axes, and what is painted in it.

    start_m, end_m: along the road (before the crossing road, or a station). right_m, left_m: lateral limits, measured
    inwards from the road's edges. style: zebra, ladder, lines or dashes. bar_m, gap_m: of bars or dashes. rim_m: width
    of its outlines.
    """

    start_m: float
    end_m: float
    right_m: float
    left_m: float
    style: str
    bar_m: float
    gap_m: float
    rim_m: float
    colour: str


@dataclass(frozen=True)
class Side:
    """What lies beyond one edge of a road."""

    curb: bool
    step_m: float
    face_m: float
    stone_m: float
    sidewalk_m: float
    sidewalk_brightness: float
    verge_brightness: float
    verge_roughness_m: float
    gutter_m: float
    gutter_brightness: float
    wall_m: float


@dataclass(frozen=True)
class Island:
    """A raised island within a road: lateral centre, half width, station range."""

    lateral_m: float
    half_width_m: float
    start_m: float
    end_m: float


@dataclass(frozen=True)
class Approach:
    """What is painted where one end of a road meets the junction; distances from the crossing road's edge."""

    sign: int
    crossing: Crossing | None
    stop_line_m: float
    stop_line_width_m: float
    has_stop_line: bool


@dataclass(frozen=True)
class Road:
    """A road whose centreline is y = bend/2 x^2 + wave sin(2 pi x / wave_length + phase) in its own frame.

    one_sided: it exists only for positive stations (an arm that ends in the junction).
    left_m, right_m: distances of its edges. centre_m: lateral position between the directions of travel.
    ghosts: removed lines that still show, no part of the map; ghost_strength: how much of their paint is left, below 0
    where the road is darker there.
    """

    x_m: float
    y_m: float
    heading_rad: float
    bend_per_m: float
    wave_m: float
    wave_length_m: float
    wave_phase_rad: float
    one_sided: bool
    left_m: float
    right_m: float
    centre_m: float
    dividers: list[Divider]
    sides: tuple[Side, Side]
    islands: list[Island]
    approaches: list[Approach]
    driveways: list[tuple[int, float, float]]
    mid_crossings: list[Crossing]
    brightness: float
    clear_m: float
    lane_centres_m: list[float]
    parking_m: tuple[float, float]
    tram_m: list[float]
    ghosts: list[Divider]
    ghost_strength: float
    edge_line: Divider | None = None


@dataclass(frozen=True)
class Layout:
    """One place. disc_m, island_m: radii of a roundabout about the junction, 0 without."""

    place: Place
    roads: list[Road]
    fillet_m: float
    disc_m: float = 0.0
    island_m: float = 0.0
    ring_line: Divider | None = None
    junction_m: tuple[float, float] = field(default=(0.0, 0.0))
