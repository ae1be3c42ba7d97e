"""Cross-sections of streets as the families of worlds have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mapforge.simulation.street_profile import (
    Bays,
    IslandKind,
    IslandSlot,
    LaneSlot,
    LineSlot,
    StreetProfile,
    compose_profile,
    draw_profile,
    draw_style,
)

Draw = Callable[[np.random.Generator, bool], StreetProfile]

POCKET_M = 3.1
STOP_ISLAND_M = 2.3


def rural_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """A narrow road without curbs: bare, with edge lines only, or with a centre line as well."""
    paint = str(
        rng.choice(["bare", "edges", "centre", "both"], p=[0.4, 0.3, 0.1, 0.2] if minor else [0.1, 0.4, 0.1, 0.4])
    )
    centre = str(rng.choice(["dashed", "solid", "solid_dashed", "double_solid"], p=[0.6, 0.2, 0.1, 0.1]))
    profile = compose_profile(
        backward=1,
        forward=1,
        lane_width_m=round(float(rng.uniform(2.5, 3.0)), 2),
        gutter_m=round(float(rng.uniform(0.25, 0.45)), 2),
        parking_m=(0.0, 0.0),
        centre_marking=centre if paint in ("centre", "both") else "none",
        edge_lines=paint in ("edges", "both"),
        speed_limit_kmh=int(rng.choice((50, 70, 70))),
        curbed=False,
        style=draw_style(rng),
    )
    return replace(profile, arrows=False)


def roundabout_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """Streets of a town, most of them parted by a strip that is raised where a roundabout is near."""
    profile = draw_profile(rng, minor or bool(rng.random() < 0.6))
    if not profile.backward or rng.random() < 0.3:
        return profile
    return _parted(profile, round(float(rng.uniform(1.5, 2.4)), 2), IslandKind.SPLITTER)


def urban_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """Four to six lanes: a double line or a raised median with pockets for those who turn left; bus lanes."""
    each = 2 if minor or rng.random() < 0.5 else 3
    median = bool(rng.random() < (0.4 if minor else 0.65))
    profile = compose_profile(
        backward=each,
        forward=each,
        lane_width_m=round(float(rng.uniform(2.9, 3.4)), 2),
        gutter_m=round(float(rng.uniform(0.3, 0.6)), 2),
        parking_m=(0.0, 0.0),
        centre_marking="none" if median else str(rng.choice(["double_solid", "solid"], p=[0.85, 0.15])),
        edge_lines=bool(rng.random() < 0.6),
        speed_limit_kmh=int(rng.choice((50, 50, 70))),
        curbed=True,
        style=draw_style(rng),
    )
    if median:
        parted = _parted(profile, POCKET_M, IslandKind.MEDIAN)
        pockets = tuple(LaneSlot(0.0, POCKET_M, direction, pocket=True) for direction in (-1, 1))
        profile = replace(parted, lanes=parted.lanes + pockets)
    return _with_bus_lanes(profile) if rng.random() < (0.7 if each == 3 else 0.35) else profile


def tram_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """Tracks in the inner lanes; on wide streets platforms between them and the outer lanes."""
    wide = not minor or bool(rng.random() < 0.3)
    each = 2 if wide else 1
    parking = np.round(rng.uniform(2.0, 2.4, 2), 2) * (rng.random(2) < (0.0 if wide else 0.4))
    profile = compose_profile(
        backward=each,
        forward=each,
        lane_width_m=round(float(rng.uniform(3.0, 3.5)), 2),
        gutter_m=round(float(rng.uniform(0.3, 0.5)), 2),
        parking_m=(float(parking[0]), float(parking[1])),
        centre_marking=str(rng.choice(["solid", "dashed", "double_solid", "none"], p=[0.35, 0.3, 0.15, 0.2])),
        edge_lines=bool(rng.random() < 0.4),
        speed_limit_kmh=int(rng.choice((30, 50, 50))),
        curbed=True,
        style=draw_style(rng),
    )
    inner = tuple(replace(lane, tracks=abs(lane.offset_m) < lane.width_m * 0.75) for lane in profile.lanes)
    profile = replace(profile, lanes=inner)
    return _with_platforms(profile) if wide else profile


def parking_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """Two lanes between strips in which cars stand: along the street, or side by side in bays across it."""
    bays = Bays(str(rng.choice([Bays.PLAIN, Bays.PARALLEL, Bays.ACROSS], p=[0.2, 0.35, 0.45])))
    depth = rng.uniform(4.6, 5.2) if bays is Bays.ACROSS else rng.uniform(2.0, 2.5)
    sides = (1.0, 1.0) if rng.random() < 0.6 else (0.0, 1.0) if rng.random() < 0.5 else (1.0, 0.0)
    one_way = minor and bool(rng.random() < 0.15)
    profile = compose_profile(
        backward=0 if one_way else 1,
        forward=2 if one_way else 1,
        lane_width_m=round(float(rng.uniform(2.9, 3.4)), 2),
        gutter_m=round(float(rng.uniform(0.25, 0.4)), 2),
        parking_m=(round(float(depth) * sides[0], 2), round(float(depth) * sides[1], 2)),
        centre_marking=str(rng.choice(["dashed", "none", "solid"], p=[0.55, 0.3, 0.15])) if not one_way else "none",
        edge_lines=bool(rng.random() < 0.5),
        speed_limit_kmh=int(rng.choice((30, 30, 50))),
        curbed=True,
        style=draw_style(rng),
    )
    return replace(profile, bays=bays)


def works_profile(rng: np.random.Generator, minor: bool) -> StreetProfile:
    """Roads wide enough that works leave room: white lines, so that the yellow ones of the works differ."""
    each = 1 if minor and rng.random() < 0.6 else 2
    return compose_profile(
        backward=each,
        forward=each,
        lane_width_m=round(float(rng.uniform(3.3, 3.75)), 2),
        gutter_m=round(float(rng.uniform(0.4, 0.9)), 2),
        parking_m=(0.0, 0.0),
        centre_marking=str(rng.choice(["dashed", "solid", "double_solid"], p=[0.4, 0.2, 0.4])),
        edge_lines=bool(rng.random() < 0.75),
        speed_limit_kmh=int(rng.choice((50, 50, 70))),
        curbed=bool(rng.random() < 0.8),
        style=replace(draw_style(rng), centre_colour="white"),
    )


def _parted(profile: StreetProfile, width_m: float, kind: IslandKind) -> StreetProfile:
    """Parts the directions by a strip with a line on either side, in which islands of a kind stand."""
    half = width_m / 2
    centre = min(lane.offset_m - lane.width_m / 2 for lane in profile.lanes if lane.direction < 0)
    lanes = [replace(lane, offset_m=lane.offset_m - lane.direction * half) for lane in profile.lanes]
    middle = [LineSlot(centre + side * half, "solid", profile.style.centre_colour, "median") for side in (1.0, -1.0)]
    lines = [
        replace(line, offset_m=line.offset_m + (half if line.offset_m > centre else -half))
        for line in profile.lines
        if line.role != "centre"
    ]
    return replace(
        profile,
        half_width_m=profile.half_width_m + half,
        lanes=tuple(lanes),
        lines=tuple(lines + middle),
        islands=(IslandSlot(centre, width_m - 0.5, kind),),
    )


def _with_bus_lanes(profile: StreetProfile) -> StreetProfile:
    """The outermost lanes are for buses, behind a solid line."""
    reach = max(abs(lane.offset_m) for lane in profile.lanes)
    lanes = [replace(lane, lane_type="bus") if abs(lane.offset_m) > reach - 0.1 else lane for lane in profile.lanes]
    inner = reach - profile.lanes[0].width_m / 2
    lines = [
        replace(line, marking_type="solid", role="bus") if abs(abs(line.offset_m) - inner) < 0.1 else line
        for line in profile.lines
    ]
    return replace(profile, lanes=tuple(lanes), lines=tuple(lines))


def _with_platforms(profile: StreetProfile) -> StreetProfile:
    """Room for a platform between each lane with tracks and the lane to its right."""
    inner = profile.lanes[0].width_m
    lanes = [
        lane if lane.tracks else replace(lane, offset_m=lane.offset_m - lane.direction * STOP_ISLAND_M)
        for lane in profile.lanes
    ]
    lines: list[LineSlot] = []
    for line in profile.lines:
        if line.role != "lane":
            lines.append(_moved(line, STOP_ISLAND_M, beyond_m=inner + 0.1))
            continue
        outer = _moved(line, STOP_ISLAND_M)
        lines += [
            replace(line, marking_type="solid", role="median"),
            replace(outer, marking_type="solid", role="median"),
        ]
    places = [side * (inner + STOP_ISLAND_M / 2) for side in (1.0, -1.0)]
    return replace(
        profile,
        half_width_m=profile.half_width_m + STOP_ISLAND_M,
        lanes=tuple(lanes),
        lines=tuple(lines),
        islands=tuple(IslandSlot(place, STOP_ISLAND_M - 0.5, IslandKind.TRAM_STOP) for place in places),
    )


def _moved(line: LineSlot, outward_m: float, beyond_m: float = 0.0) -> LineSlot:
    """The line further from the axis, unless it is nearer to it than `beyond_m`."""
    if abs(line.offset_m) < beyond_m:
        return line
    return replace(line, offset_m=line.offset_m + float(np.sign(line.offset_m)) * outward_m)
