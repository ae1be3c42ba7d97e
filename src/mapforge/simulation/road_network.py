"""The plan of a town: a ring, streets across it, their curves, junctions and cross-sections."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.street_profile import StreetProfile, draw_profile
from mapforge.simulation.streets import Curve, Knot, Street, through

Float = NDArray[np.float64]
ProfileDraw = Callable[[np.random.Generator, bool], StreetProfile]
"""Draws a cross-section; the flag: of a minor street."""

OPEN_END_DRIVE_M = 50.0
OPEN_END_BEYOND_M = 45.0
JUNCTION_ROOM_M = 22.0


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """Streets and the places where they meet. nodes_xy: (J, 2) map frame."""

    streets: tuple[Street, ...]
    nodes_xy: Float

    @property
    def length_m(self) -> float:
        """Of the axes of all streets where cars drive."""
        return sum(street.drive_end_m - street.drive_start_m for street in self.streets)


@dataclass(frozen=True)
class Corridor:
    """A road that runs on through the junctions it meets. open_start, open_end: it leaves the world there."""

    knots: list[Knot]
    profile: StreetProfile
    open_start: bool
    open_end: bool


def draw_network(
    rng: np.random.Generator,
    blocks_east: int,
    blocks_north: int,
    block_m: float,
    curviness: float,
    centre: Float,
    profile: ProfileDraw = draw_profile,
) -> RoadNetwork:
    """A closed ring with `blocks_east - 1` streets across from south to north and `blocks_north - 1` from west to east.

    Streets may end at one they meet (T) or lead out of town. centre: (2,) map frame. profile: draws a cross-section.
    """
    corners = _grid(rng, blocks_east, blocks_north, block_m, curviness)
    bend = np.deg2rad(26.0) * curviness
    corridors = [_ring(rng, corners, bend, profile(rng, bool(rng.random() < 0.5)))]
    # streets from west to east run from ring to ring; those from south to north may end at one of them
    for j in range(1, blocks_north):
        corridors.append(_cross_street(rng, corners, [(i, j) for i in range(blocks_east + 1)], bend, profile, True))
    for i in range(1, blocks_east):
        nodes = [(i, j) for j in range(blocks_north + 1)]
        corridors.append(_cross_street(rng, corners, nodes, bend, profile, False))
    return cut_into_streets(corridors, rng.uniform(0, 2 * np.pi), centre)


def _grid(rng: np.random.Generator, nx: int, ny: int, block_m: float, curviness: float) -> Float:
    """(nx+1, ny+1, 2) places of the junctions, centred on 0."""
    x = np.concatenate([[0.0], np.cumsum(block_m * rng.uniform(0.75, 1.25, nx))])
    y = np.concatenate([[0.0], np.cumsum(block_m * rng.uniform(0.75, 1.25, ny))])
    places = np.stack(np.meshgrid(x - x[-1] / 2, y - y[-1] / 2, indexing="ij"), axis=-1)
    return places + rng.uniform(-0.08, 0.08, places.shape) * block_m * curviness


def _node_id(corners: Float, i: int, j: int) -> int:
    return i * corners.shape[1] + j


def _ring(rng: np.random.Generator, corners: Float, bend: float, profile: StreetProfile) -> Corridor:
    nx, ny = corners.shape[0] - 1, corners.shape[1] - 1
    sides = [
        [(i, 0) for i in range(nx + 1)],
        [(nx, j) for j in range(ny + 1)],
        [(i, ny) for i in range(nx, -1, -1)],
        [(0, j) for j in range(ny, -1, -1)],
    ]
    knots: list[Knot] = []
    for side, nodes in enumerate(sides):
        heading = side * np.pi / 2
        radius = min(profile.half_width_m + rng.uniform(9.0, 26.0), 0.42 * np.ptp(corners[..., side % 2]) / 2)
        for before_node, (i, j), after_node in zip(nodes, nodes[1:-1], nodes[2:]):
            turned = heading_to(corners[before_node], corners[after_node]) + rng.uniform(-bend, bend)
            knots.append(knot_at(corners[i, j], turned, _node_id(corners, i, j)))
        corner = corners[nodes[-1]]
        before = corner - radius * np.array([np.cos(heading), np.sin(heading)])
        after = corner + radius * np.array([np.cos(heading + np.pi / 2), np.sin(heading + np.pi / 2)])
        knots += [knot_at(before, heading), knot_at(after, heading + np.pi / 2)]
    first = next(index for index, knot in enumerate(knots) if knot.node >= 0)
    knots = knots[first:] + knots[: first + 1]
    return Corridor(knots, profile, open_start=False, open_end=False)


def _cross_street(
    rng: np.random.Generator,
    corners: Float,
    nodes: list[tuple[int, int]],
    bend: float,
    draw: ProfileDraw,
    whole: bool,
) -> Corridor:
    profile = draw(rng, bool(rng.random() < 0.65))
    if not whole and len(nodes) > 2 and profile.backward and rng.random() < 0.3:
        keep = int(rng.integers(1, len(nodes) - 1))
        nodes = nodes[: keep + 1] if rng.random() < 0.5 else nodes[keep:]
    on_ring = [n[0] in (0, corners.shape[0] - 1) or n[1] in (0, corners.shape[1] - 1) for n in nodes]
    places = np.array([corners[n] for n in nodes])
    reach = np.vstack([places[:1], places, places[-1:]])
    headings = [heading_to(a, b) + rng.uniform(-bend, bend) for a, b in zip(reach[:-2], reach[2:])]
    knots = [knot_at(corners[n], turned, _node_id(corners, *n)) for n, turned in zip(nodes, headings)]
    leaves = [bool(profile.backward and on_ring[end] and rng.random() < 0.2) for end in (0, -1)]
    if leaves[0]:
        knots.insert(0, knot_ahead(knots[0], -OPEN_END_DRIVE_M - OPEN_END_BEYOND_M, rng.uniform(-bend, bend)))
    if leaves[1]:
        knots.append(knot_ahead(knots[-1], OPEN_END_DRIVE_M + OPEN_END_BEYOND_M, rng.uniform(-bend, bend)))
    return Corridor(knots, profile, *leaves)


def knot_at(place: Float, heading_rad: float, node: int = -1) -> Knot:
    return Knot(float(place[0]), float(place[1]), heading_rad, node)


def heading_to(a: Float, b: Float) -> float:
    return float(np.arctan2(b[1] - a[1], b[0] - a[0]))


def knot_ahead(knot: Knot, distance_m: float, turn_rad: float) -> Knot:
    towards = knot.heading_rad + turn_rad / 2
    return Knot(
        knot.x_m + distance_m * float(np.cos(towards)),
        knot.y_m + distance_m * float(np.sin(towards)),
        knot.heading_rad + turn_rad,
    )


def cut_into_streets(corridors: list[Corridor], turn_rad: float, centre: Float) -> RoadNetwork:
    """Turns and places the plan, and cuts corridors into streets where they meet others."""
    placed = [Corridor([_moved(k, turn_rad, centre) for k in c.knots], c.profile, c.open_start, c.open_end)
              for c in corridors]  # fmt: skip
    visits: dict[int, set[int]] = {}
    for number, corridor in enumerate(placed):
        for knot in corridor.knots:
            if knot.node >= 0:
                visits.setdefault(knot.node, set()).add(number)
    junctions = sorted(node for node, met in visits.items() if len(met) > 1)
    places = {knot.node: (knot.x_m, knot.y_m) for c in placed for knot in c.knots}
    streets: list[Street] = []
    for number, corridor in enumerate(placed):
        streets += _streets_of(number, corridor, junctions, len(streets))
    return RoadNetwork(tuple(streets), np.array([places[node] for node in junctions]))


def _streets_of(number: int, corridor: Corridor, junctions: list[int], first_index: int) -> list[Street]:
    curve, vertices = through(_from_junction(corridor, junctions))
    knots = _from_junction(corridor, junctions)
    stops = [n for n, knot in enumerate(knots) if knot.node in junctions or n in (0, len(knots) - 1)]
    streets: list[Street] = []
    for a, b in itertools.pairwise(stops):
        piece = slice(vertices[a], vertices[b] + 1)
        part = Curve(curve.xy[piece], curve.heading_rad[piece])
        start, end = (junctions.index(knots[n].node) if knots[n].node in junctions else -1 for n in (a, b))
        streets.append(
            Street(
                index=first_index + len(streets),
                corridor=number,
                curve=part,
                profile=corridor.profile,
                start_node=start,
                end_node=end,
                drive_start_m=OPEN_END_BEYOND_M if start < 0 else 0.0,
                drive_end_m=part.length_m - (OPEN_END_BEYOND_M if end < 0 else 0.0),
            )
        )
    return streets


def _from_junction(corridor: Corridor, junctions: list[int]) -> list[Knot]:
    """The knots; those of a ring turned so that it begins and ends at a junction."""
    knots = corridor.knots
    if knots[0].node < 0 or knots[0].node != knots[-1].node or knots[0].node in junctions:
        return knots
    first = next(n for n, knot in enumerate(knots) if knot.node in junctions)
    return knots[first:] + knots[1 : first + 1]


def _moved(knot: Knot, turn_rad: float, centre: Float) -> Knot:
    c, s = float(np.cos(turn_rad)), float(np.sin(turn_rad))
    return Knot(
        knot.x_m * c - knot.y_m * s + float(centre[0]),
        knot.x_m * s + knot.y_m * c + float(centre[1]),
        knot.heading_rad + turn_rad,
        knot.node,
    )
