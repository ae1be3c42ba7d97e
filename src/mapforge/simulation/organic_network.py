"""The plan of a place that grew: a crooked ring, bent roads across it, junctions at uneven angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.road_network import (
    OPEN_END_BEYOND_M,
    OPEN_END_DRIVE_M,
    Corridor,
    ProfileDraw,
    RoadNetwork,
    cut_into_streets,
    heading_to,
    knot_ahead,
    knot_at,
)
from mapforge.simulation.streets import Knot

Float = NDArray[np.float64]

RING_ROOM_M = 0.62
"""Radius of the ring, of the length of a block and the root of their number."""


def draw_organic_network(
    rng: np.random.Generator,
    blocks_east: int,
    blocks_north: int,
    block_m: float,
    curviness: float,
    centre: Float,
    profile: ProfileDraw,
) -> RoadNetwork:
    """A ring through places at uneven distances, one road across it, and roads that end at that one.

    Takes the arguments of `draw_network`; as many roads cross as there, none of them straight.
    """
    bend = np.deg2rad(12.0 + 18.0 * curviness)
    crossing = max(1, blocks_east + blocks_north - 2)
    count = 2 * crossing + 4
    ring = _ring_places(rng, count, RING_ROOM_M * block_m * np.sqrt(blocks_east * blocks_north))
    corridors = [Corridor(_around(ring), profile(rng, bool(rng.random() < 0.5)), open_start=False, open_end=False)]
    hubs = _hubs(rng, ring, crossing)
    main = [_node(ring, 0), *hubs, _node(ring, count // 2)]
    corridors.append(Corridor(_path(rng, main, bend), profile(rng, False), open_start=False, open_end=False))
    for number, hub in enumerate(hubs):
        side = count // 4 if number % 2 == 0 else count - count // 4
        ends = [_node(ring, (side + number) % count), hub]
        if number == 0 and len(hubs) == 1 and rng.random() < 0.6:
            ends.append(_node(ring, count - count // 4))
        corridors.append(Corridor(_path(rng, ends, bend), profile(rng, True), open_start=False, open_end=False))
    corridors += _leaving(rng, ring, bend, profile)
    return cut_into_streets(corridors, rng.uniform(0, 2 * np.pi), centre)


Place = tuple[int, Float]


def _node(ring: Float, index: int) -> Place:
    return index, ring[index]


def _ring_places(rng: np.random.Generator, count: int, radius_m: float) -> Float:
    """(count, 2) places around 0, their directions and distances uneven."""
    angle = 2 * np.pi * (np.arange(count) + rng.uniform(-0.22, 0.22, count)) / count
    waves = 0.16 * np.cos(2 * angle + rng.uniform(0, 2 * np.pi)) + 0.08 * np.cos(3 * angle + rng.uniform(0, 2 * np.pi))
    radius = radius_m * (1.0 + waves + rng.uniform(-0.04, 0.04, count))
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _around(ring: Float) -> list[Knot]:
    """A closed way through all places, smooth; it begins and ends at the first."""
    before, after = np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0)
    knots = [knot_at(place, heading_to(a, b), n) for n, (a, place, b) in enumerate(zip(before, ring, after))]
    return [*knots, knots[0]]


def _hubs(rng: np.random.Generator, ring: Float, count: int) -> list[Place]:
    """Places within, strung between the first place of the ring and the one opposite."""
    ends = ring[0], ring[len(ring) // 2]
    shares = (np.arange(count) + 1.0) / (count + 1.0)
    across = ends[1] - ends[0]
    normal = np.array([-across[1], across[0]])
    return [
        (len(ring) + n, ends[0] + across * share + normal * float(rng.uniform(-0.08, 0.08)))
        for n, share in enumerate(shares)
    ]


def _path(rng: np.random.Generator, places: list[Place], bend: float) -> list[Knot]:
    xy = np.array([place for _, place in places])
    reach = np.vstack([xy[:1], xy, xy[-1:]])
    turned = [heading_to(a, b) + float(rng.uniform(-bend, bend)) for a, b in zip(reach[:-2], reach[2:])]
    return [knot_at(place, heading, node) for (node, place), heading in zip(places, turned)]


def _leaving(rng: np.random.Generator, ring: Float, bend: float, profile: ProfileDraw) -> list[Corridor]:
    """Roads that lead out of the place, from parts of the ring where no other road ends."""
    count = len(ring)
    taken = {0, count // 2, count // 4, count - count // 4}
    free = [n for n in range(count) if n not in taken]
    chosen = [n for n in free if rng.random() < 0.25]
    corridors = []
    for node in chosen:
        outward = float(np.arctan2(ring[node, 1], ring[node, 0])) + float(rng.uniform(-bend, bend))
        start = knot_at(ring[node], outward, node)
        far = knot_ahead(start, OPEN_END_DRIVE_M + OPEN_END_BEYOND_M, float(rng.uniform(-bend, bend)))
        drawn = profile(rng, True)
        if drawn.backward:
            corridors.append(Corridor([start, far], drawn, open_start=False, open_end=True))
    return corridors
