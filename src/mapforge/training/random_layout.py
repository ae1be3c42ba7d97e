"""Random roads: every parameter of a layout drawn from one generator of random numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mapforge.training.layout import Approach, Crossing, Divider, Island, Layout, Place, Road, Side

PLACE_SHARES = {
    Place.STREET: 0.27,
    Place.MOTORWAY: 0.09,
    Place.TEE: 0.18,
    Place.CROSS: 0.25,
    Place.FORK: 0.07,
    Place.RAMP: 0.06,
    Place.ROUNDABOUT: 0.08,
}


def random_layout(rng: np.random.Generator) -> Layout:
    """A place, all its parameters drawn from `rng`."""
    kinds = list(PLACE_SHARES)
    place = kinds[rng.choice(len(kinds), p=list(PLACE_SHARES.values()))]
    style = _Style(rng)
    # a third of the crops lie beside the road as much as on it
    x, y = rng.uniform(-12, 12, 2) if rng.random() < 0.67 else rng.uniform(-24, 24, 2)
    heading = rng.uniform(0, 2 * math.pi)
    if place in (Place.STREET, Place.MOTORWAY):
        roads = [_road(rng, style, place, x, y, heading)]
        return Layout(place, roads, style.fillet_m, junction_m=(x, y))
    if place is Place.TEE:
        other = heading + rng.choice([-1, 1]) * math.pi / 2 + rng.normal(0, 0.2)
        roads = [
            _road(rng, style, place, x, y, heading),
            _road(rng, style, place, x, y, other, one_sided=True, minor=True),
        ]
    elif place is Place.CROSS:
        other = heading + math.pi / 2 + rng.normal(0, 0.18)
        roads = [
            _road(rng, style, place, x, y, heading),
            _road(rng, style, place, x, y, other, minor=rng.random() < 0.5),
        ]
    elif place is Place.FORK:
        headings = heading + np.array([0, rng.uniform(1.2, 2.4), rng.uniform(3.2, 5.2)])
        roads = [_road(rng, style, place, x, y, float(h), one_sided=True) for h in headings]
    elif place is Place.RAMP:
        roads = _ramp(rng, style, x, y, heading)
    else:
        return _roundabout(rng, style, x, y, heading)
    return Layout(place, roads, style.fillet_m, junction_m=(x, y))


def _ramp(rng: np.random.Generator, style: _Style, x: float, y: float, heading: float) -> list[Road]:
    """A motorway and a ramp that leaves or joins it at a small angle."""
    through = _road(rng, style, Place.MOTORWAY, x, y, heading)
    through = replace(through, clear_m=-1e3, bend_per_m=through.bend_per_m / 2, edge_line=None)
    side = float(rng.choice([-1, 1]))
    inset = (through.left_m if side > 0 else through.right_m) - style.lane_m / 2
    normal = np.array([-math.sin(heading), math.cos(heading)]) * side * inset
    bearing = heading + (0 if rng.random() < 0.5 else math.pi)
    turn = side * (1 if bearing == heading else -1) * float(rng.uniform(0.06, 0.3))
    ramp = _road(rng, style, Place.RAMP, x + normal[0], y + normal[1], bearing + turn, one_sided=True)
    return [through, replace(ramp, clear_m=float(rng.uniform(0.2, 2.0)))]


_DASH_GAP_M = [(3.0, 9.0), (3.0, 6.0), (3.0, 3.0), (6.0, 12.0), (1.5, 1.5), (2.0, 4.0), (4.0, 8.0), (6.0, 3.0)]


class _Style:
    """What the roads of one place have in common."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.centre_colour = "yellow" if rng.random() < 0.4 else "white"
        self.line_m = float(rng.uniform(0.1, 0.2))
        self.dash_m, self.gap_m = _DASH_GAP_M[rng.integers(len(_DASH_GAP_M))]
        self.lane_m = float(rng.uniform(2.7, 3.8))
        self.painted = rng.random() < 0.88
        self.curb = rng.random() < 0.75
        self.step_m = float(rng.uniform(0.04, 0.2))
        self.crossing_style = str(rng.choice(["zebra", "ladder", "lines", "dashes"], p=[0.4, 0.2, 0.3, 0.1]))
        self.crossing_share = float(rng.choice([0.0, 0.5, 0.9]))
        self.edge_lines = rng.random() < 0.6
        self.bar_m, self.bar_gap_m = float(rng.uniform(0.3, 0.65)), float(rng.uniform(0.35, 0.8))
        self.rim_m = float(rng.uniform(0.12, 0.35))
        self.crossing_colour = "yellow" if rng.random() < 0.08 else "white"
        self.fillet_m = float(rng.uniform(1.5, 12))
        self.setback_m = self.fillet_m * float(rng.uniform(0.4, 1.1)) if rng.random() < 0.65 else 0.0
        self.rebuilt = rng.random() < 0.12

    def crossing(self, rng: np.random.Generator, start_m: float) -> Crossing:
        """A crossing in the style of the place."""
        inset = rng.uniform(0.05, 0.6, 2)
        return Crossing(
            start_m=start_m,
            end_m=start_m + float(rng.uniform(2.0, 5.0)),
            right_m=float(inset[0]),
            left_m=float(inset[1]),
            style=self.crossing_style,
            bar_m=self.bar_m,
            gap_m=self.bar_gap_m,
            rim_m=self.rim_m,
            colour=self.crossing_colour,
        )


def _roundabout(rng: np.random.Generator, style: _Style, x: float, y: float, heading: float) -> Layout:
    island = float(rng.uniform(2, 11))
    disc = island + float(rng.uniform(5, 10))
    arms = int(rng.integers(3, 5))
    headings = heading + np.arange(arms) * 2 * math.pi / arms + rng.normal(0, 0.15, arms)
    roads = [_road(rng, style, Place.ROUNDABOUT, x, y, float(h), one_sided=True) for h in headings]
    line = None
    if disc - island > 7 and rng.random() < 0.6:
        line = _divider(rng, style, (disc + island) / 2, "dashed", "white")
    return Layout(Place.ROUNDABOUT, roads, style.fillet_m, disc, island, line, (x, y))


def _road(
    rng: np.random.Generator,
    style: _Style,
    place: Place,
    x: float,
    y: float,
    heading: float,
    one_sided: bool = False,
    minor: bool = False,
) -> Road:
    motorway = place in (Place.MOTORWAY, Place.RAMP)
    lane = style.lane_m * float(rng.uniform(0.95, 1.05))
    one_way = motorway or rng.random() < 0.2
    forward = int(rng.choice([1, 2, 3], p=[0.65, 0.27, 0.08]))
    if motorway:
        forward = 1 if place is Place.RAMP else int(rng.integers(2, 5))
    backward = 0 if one_way else max(1, forward + int(rng.choice([-1, 0, 0, 0, 1])))
    median = float(rng.uniform(0.8, 4)) if backward and forward + backward > 2 and rng.random() < 0.35 else 0.0
    parking = (0.0, 0.0) if motorway else tuple(float(v) for v in rng.uniform(1.9, 2.5, 2) * (rng.random(2) < 0.3))
    shoulder = rng.uniform(0.3, 3.0, 2) if motorway else rng.uniform(0.0, 0.7, 2)
    left = backward * lane + median / 2 + parking[0] + shoulder[0]
    right = forward * lane + median / 2 + parking[1] + shoulder[1]
    painted = style.painted and not (minor and rng.random() < 0.35)
    islands = _islands(rng, median, place)
    dividers = _dividers(rng, style, lane, forward, backward, median, bool(islands), motorway) if painted else []
    if painted:
        dividers = _with_pauses(rng, dividers + _branches(rng, style, dividers, lane))
        dividers += _parking_lines(rng, style, left, right, parking)
    edge_line = None
    if painted and (motorway or style.edge_lines) and not any(parking):
        if rng.random() < 0.5:
            edge_line = _divider(rng, style, -float(rng.uniform(0.15, 0.7)), "solid", "white")
        else:
            inset = rng.uniform(0.15, 0.7)
            colour = style.centre_colour if motorway and rng.random() < 0.5 else "white"
            dividers.append(_divider(rng, style, left - inset, "solid", colour))
            dividers.append(_divider(rng, style, -right + inset, "solid", "white"))
    straight = rng.random() < 0.5
    approaches = _approaches(rng, style) if place not in (Place.STREET, Place.MOTORWAY, Place.RAMP) else []
    clear = _clear_m(rng, style, approaches)
    centres = [median / 2 + (i + 0.5) * lane for i in range(backward)]
    centres += [-median / 2 - (i + 0.5) * lane for i in range(forward)]
    return Road(
        x_m=x,
        y_m=y,
        heading_rad=heading,
        bend_per_m=0.0 if straight else float(rng.normal(0, 0.008 if motorway else 0.015)),
        wave_m=0.0 if straight else float(rng.normal(0, 0.5)),
        wave_length_m=float(rng.uniform(40, 120)),
        wave_phase_rad=float(rng.uniform(0, 6.28)),
        one_sided=one_sided,
        left_m=left,
        right_m=right,
        centre_m=0.0,
        dividers=dividers,
        sides=(_side(rng, style, motorway), _side(rng, style, motorway)),
        islands=islands,
        approaches=approaches,
        driveways=[
            (int(rng.choice([-1, 1])), float(rng.uniform(-30, 30)), float(rng.uniform(1.5, 3.5)))
            for _ in range(0 if motorway else int(rng.poisson(1.0)))
        ],
        mid_crossings=_mid_crossings(rng, style, place),
        brightness=float(rng.uniform(0.8, 1.25)) if minor else 1.0,
        clear_m=clear,
        lane_centres_m=centres,
        parking_m=parking,  # type: ignore[arg-type]
        tram_m=[float(rng.uniform(-right / 2, left / 2))] if rng.random() < 0.05 and not motorway else [],
        ghosts=_ghosts(rng, style, left, right) if style.rebuilt else [],
        ghost_strength=float(rng.choice([rng.uniform(0.05, 0.3), rng.uniform(-0.4, -0.1)])),
        edge_line=edge_line,
    )


def _ghosts(rng: np.random.Generator, style: _Style, left: float, right: float) -> list[Divider]:
    laterals = rng.uniform(-right + 0.5, left - 0.5, int(rng.integers(1, 4)))
    return [_divider(rng, style, at, str(rng.choice(["dashed", "solid"])), "white") for at in laterals]


def _divider(rng: np.random.Generator, style: _Style, lateral_m: float, marking: str, colour: str) -> Divider:
    dots = marking == "botts_dots"
    return Divider(
        lateral_m=float(lateral_m),
        marking_type=marking,
        colour=colour,
        width_m=style.line_m * float(rng.choice([rng.uniform(0.9, 1.1), 2.0], p=[0.96, 0.04])),
        dash_m=0.12 if dots else style.dash_m,
        gap_m=1.1 if dots else style.gap_m,
        phase_m=float(rng.uniform(0, 20)),
        separation_m=style.line_m + float(rng.uniform(0.08, 0.25)),
        solid_end_m=float(rng.uniform(10, 25)) if marking == "dashed" and rng.random() < 0.4 else 0.0,
    )


def _dividers(
    rng: np.random.Generator,
    style: _Style,
    lane: float,
    forward: int,
    backward: int,
    median: float,
    raised: bool,
    motorway: bool,
) -> list[Divider]:
    lines = []
    if forward and backward:
        if median > 0:
            kind = str(rng.choice(["solid", "double_solid", "none"], p=[0.6, 0.2, 0.2]))
            inset = 0.25 if raised else 0.0
            if kind != "none":
                lines += [
                    _divider(rng, style, sign * (median / 2 + inset), kind, style.centre_colour) for sign in (-1, 1)
                ]
        elif rng.random() < 0.9:
            kinds = ["dashed", "solid", "double_solid", "solid_dashed", "dashed_solid", "double_dashed"]
            kind = str(rng.choice(kinds, p=[0.28, 0.18, 0.22, 0.12, 0.12, 0.08]))
            lines.append(_divider(rng, style, 0.0, kind, style.centre_colour))
    for sign, count in ((1, backward), (-1, forward)):
        for index in range(1, count):
            kind = str(rng.choice(["dashed", "solid", "botts_dots", "double_dashed"], p=[0.77, 0.17, 0.04, 0.02]))
            line = _divider(rng, style, sign * (median / 2 + index * lane), kind, "white")
            lines.append(_part_way(rng, line) if rng.random() < 0.25 else line)
    if not motorway and rng.random() < 0.12:
        side = rng.choice([-1, 1])
        lines.append(_divider(rng, style, side * ((backward if side > 0 else forward) * lane - 1.5), "solid", "white"))
    return lines


def _part_way(rng: np.random.Generator, line: Divider) -> Divider:
    """A line that begins or ends within the place, as where lanes are gained and lost."""
    at = float(rng.uniform(-22, 22))
    return replace(line, start_m=at) if rng.random() < 0.5 else replace(line, end_m=at)


def _with_pauses(rng: np.random.Generator, lines: list[Divider]) -> list[Divider]:
    """In some places lines pause: all at once, as where a side road or an exit lies, or one of them."""
    chance = rng.random()
    if not lines or chance > 0.22:
        return lines
    start = float(rng.uniform(-25, 20))
    pause = (start, start + float(rng.uniform(5, 26)))
    one = int(rng.integers(len(lines)))
    return [replace(line, pause_m=pause) if chance < 0.14 or k == one else line for k, line in enumerate(lines)]


def _branches(rng: np.random.Generator, style: _Style, lines: list[Divider], lane: float) -> list[Divider]:
    """Lines that leave another at a small angle: painted islands, tapers before a pocket, the tip of a gore."""
    if not lines or rng.random() > 0.16:
        return []
    base = lines[int(rng.integers(len(lines)))]
    start = float(rng.uniform(-24, 14))
    kind = "solid" if rng.random() < 0.75 else "dashed"
    taper = float(rng.choice([-1, 1]) * rng.uniform(0.04, 0.16))
    reach = float(rng.uniform(0.5, 1.0)) * lane / abs(taper)
    branch = replace(
        _divider(rng, style, base.lateral_m, kind, base.colour), start_m=start, end_m=start + reach, taper=taper
    )
    if rng.random() < 0.5:
        return [branch]
    # an island, or a pocket: the branch goes on beside its line
    beyond = replace(branch, lateral_m=base.lateral_m + taper * reach, start_m=start + reach, end_m=1e3, taper=0.0)
    return [branch, beyond]


def _parking_lines(
    rng: np.random.Generator, style: _Style, left: float, right: float, parking: tuple[float, ...]
) -> list[Divider]:
    lines = []
    for edge, width, sign in ((left, parking[0], 1), (right, parking[1], -1)):
        if width and rng.random() < 0.75:
            kind = str(rng.choice(["solid", "dashed"], p=[0.85, 0.15]))
            lines.append(_divider(rng, style, sign * (edge - width), kind, "white"))
    return lines


def _side(rng: np.random.Generator, style: _Style, motorway: bool) -> Side:
    curb = not motorway and rng.random() < (0.93 if style.curb else 0.1)
    gutter = rng.random() < 0.2
    return Side(
        curb=curb,
        step_m=style.step_m * float(rng.uniform(0.7, 1.3)) if curb else float(rng.normal(0, 0.03)),
        face_m=float(rng.uniform(0.02, 0.2)) if curb else float(rng.uniform(0.2, 1.0)),
        stone_m=float(rng.uniform(0.1, 0.35)) if curb else 0.0,
        sidewalk_m=float(rng.uniform(1.0, 5.0)) if curb and rng.random() < 0.8 else 0.0,
        sidewalk_brightness=float(np.exp(rng.normal(0.15, 0.35))),
        verge_brightness=float(np.exp(rng.normal(0.5, 0.5))),
        verge_roughness_m=float(rng.uniform(0.005, 0.08)),
        gutter_m=float(rng.uniform(0.25, 0.6)) if gutter and curb else 0.0,
        gutter_brightness=float(np.exp(rng.normal(0.2, 0.25))),
        wall_m=float(rng.uniform(0.3, 1.5) if rng.random() < 0.2 else rng.uniform(1.5, 14.0)),
    )


def _islands(rng: np.random.Generator, median: float, place: Place) -> list[Island]:
    if median < 1.0 or rng.random() < 0.4:
        return []
    half = median / 2 - float(rng.uniform(0.1, 0.3))
    if place in (Place.STREET, Place.MOTORWAY, Place.RAMP):
        cut = float(rng.uniform(-25, 25))
        return [Island(0.0, half, -200.0, cut - 4.0), Island(0.0, half, cut + 4.0, 200.0)]
    gap = float(rng.uniform(12, 20))
    return [Island(0.0, half, -200.0, -gap), Island(0.0, half, gap, 200.0)]


def _approaches(rng: np.random.Generator, style: _Style) -> list[Approach]:
    approaches = []
    for sign in (-1, 1):
        start = style.setback_m + float(rng.choice([rng.uniform(0.1, 1.0), rng.uniform(0.4, 4.0)]))
        crossing = style.crossing(rng, start) if rng.random() < style.crossing_share else None
        approaches.append(
            Approach(
                sign=sign,
                crossing=crossing,
                stop_line_m=start if crossing is None else crossing.end_m + float(rng.uniform(0.5, 1.8)),
                stop_line_width_m=float(rng.uniform(0.25, 0.6)),
                has_stop_line=style.painted and rng.random() < 0.6,
            )
        )
    return approaches


def _clear_m(rng: np.random.Generator, style: _Style, approaches: list[Approach]) -> float:
    """How far before the junction lines end: behind what is painted across, at the mouth, anywhere, or not at all."""
    across = [a.stop_line_m + a.stop_line_width_m for a in approaches if a.has_stop_line]
    across += [a.crossing.end_m + float(rng.uniform(0.3, 1.6)) for a in approaches if a.crossing]
    if across and rng.random() < 0.9:
        return max(across) + float(rng.uniform(-0.1, 0.4))
    if rng.random() < 0.08:
        return -1e3
    return style.setback_m + float(rng.choice([rng.uniform(0.0, 0.6), rng.uniform(0.3, 9.0)], p=[0.7, 0.3]))


def _mid_crossings(rng: np.random.Generator, style: _Style, place: Place) -> list[Crossing]:
    if place in (Place.MOTORWAY, Place.RAMP) or rng.random() > (0.25 if place is Place.STREET else 0.08):
        return []
    station = float(rng.uniform(-20, 20)) if place is Place.STREET else float(rng.choice([-1, 1]) * rng.uniform(16, 26))
    return [style.crossing(rng, station)]
