"""Roundabouts: the lanes of their ring, and the ways into it and out of it.

A ring has few lines of its own, and streets cut its outer edge into pieces; what shows it is its island. Its lanes run
round that, in pieces from one street to the next, and what enters goes on in the ring and not across to an exit.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.lane_graph.borders import BRIDGE, Borders
from mapforge.lane_graph.junctions import Arm
from mapforge.lane_graph.lanes import Lane
from mapforge.lane_graph.movements import LEFT, RIGHT, Movement
from mapforge.lane_graph.sections import NONE
from mapforge.lane_graph.strips import Strips
from mapforge.lane_graph.ways import SPACING_M, connector, ways

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

_BINS = 36
_ISLAND_M = (2.0, 11.0)
"""Radii of islands. With the widest ring and the streets near it, no more than a way through a junction decides on."""
_ROUND_M = 0.25
"""Root mean square by which a border may leave the circle of an island."""
_LEAST_ARC_BINS = 7
_LEAST_ISLAND_BINS = 20
"""So much of an island must be known, of _BINS."""
_SAME_ISLAND_M = 0.6
_RING_WIDTH_M = (3.0, 10.0)
_OUTER_SHARE = 0.25
"""Between streets the outer edge is nearest to the island: of the bins, this share."""
_LEAST_OUTER_BINS = 6
_LEAST_LINE_BINS = 9
_ASIDE_M = 1.8
_ONE_LANE_M = 7.5
"""A ring without lines up to this wide has one lane."""
_ON_ROAD, _OFF_ROAD = 0.7, 0.3
_NEAR_M = 14.0
"""Streets whose lanes end this close to the ring lead into it."""
_TOWARDS_COS = 0.3
_JOIN_M = 2.0
_JOIN_RAD = (0.3, 0.8)
_MOST_OF_GAP = 0.42
_APART_RAD = 0.05
_OWNED_M = 0.6


@dataclass(frozen=True, eq=False)
class Roundabout:
    """centre: (2,) map frame. borders_m: radii of the borders of its lanes, from the island outwards."""

    centre: Float
    borders_m: tuple[float, ...]

    @property
    def outer_m(self) -> float:
        return self.borders_m[-1]

    @property
    def lanes(self) -> int:
        return len(self.borders_m) - 1

    def holds(self, xy: Float) -> Mask:
        """(N,) whether points (N, 2) lie in the ring or on the island."""
        return np.asarray(np.linalg.norm(xy - self.centre, axis=1) < self.outer_m)


@dataclass(frozen=True)
class _Join:
    """Where lanes of a street, left to right, come into the ring or leave it. angle_rad: in the sense of traffic."""

    angle_rad: float
    inbound: bool
    lanes: tuple[int, ...]


@dataclass(frozen=True)
class RingTraffic:
    """A ring, and where streets meet it, by rising angle within one turn."""

    ring: Roundabout
    joins: tuple[_Join, ...]


def roundabouts_of(borders: Borders, road: shapely.Geometry | None) -> list[Roundabout]:
    """Round islands with road all round, and the ring about each. road: drivable area, None = not known."""
    found = []
    for centre, radius in _islands(borders):
        if road is None or _is_ringed(centre, radius, road):
            ring = _ring(centre, radius, borders)
            found += [ring] if ring is not None else []
    return found


def outside(strips: Strips, roundabouts: list[Roundabout]) -> Strips:
    """Strips without what lies in a ring: between its lines and the corners of streets nothing is a lane of its own."""
    inside = np.zeros(len(strips), dtype=bool)
    for roundabout in roundabouts:
        inside |= roundabout.holds(strips.centre[:, :2])
    return strips.where(~inside)


def round_rings(
    movements: list[Movement], arms: list[Arm], lanes: list[Lane], rings: list[Roundabout], keeps_right: bool
) -> tuple[list[Movement], list[RingTraffic]]:
    """Movements but for those across a roundabout, and what leads round each ring instead.

    A ring that nothing enters, or nothing leaves, keeps the movements across it.
    """
    traffic = []
    for ring in rings:
        streets = _streets(ring, arms, lanes, movements)
        across = [m for m in movements if m.arms[0] in streets and m.arms[1] in streets]
        others = [m for m in movements if m not in across]
        going = {m.source for m in others} - {m.source for m in across}
        entered = {m.target for m in others} - {m.target for m in across}
        joins = _joins(ring, [arms[k] for k in streets], lanes, going, entered, keeps_right)
        if {join.inbound for join in joins} == {True, False}:
            movements = others
            traffic.append(RingTraffic(ring, tuple(joins)))
    return movements, traffic


def with_rings(lanes: list[Lane], traffic: list[RingTraffic], borders: Borders, keeps_right: bool) -> list[Lane]:
    """The lanes, then of each ring its lanes and the ways in and out; `successors` count in the result."""
    for own in traffic:
        lanes = _with_ring(lanes, own.ring, own.joins, borders, keeps_right)
    return lanes


def _islands(borders: Borders) -> list[tuple[Float, float]]:
    """Centres and radii of round islands, from all arcs that lie on one circle."""
    arcs = []
    for chain in np.unique(borders.chain[borders.kerb]):
        xy = borders.xyz[borders.chain == chain, :2]
        fit = _circle(xy)
        if fit is not None and _bins(xy, fit[0]).sum() >= _LEAST_ARC_BINS:
            arcs.append((xy, fit))
    arcs.sort(key=lambda arc: (-len(arc[0]), *arc[1][0]))
    islands: list[tuple[Float, float]] = []
    used = np.zeros(len(arcs), dtype=bool)
    for k, (_, (centre, radius)) in enumerate(arcs):
        if used[k]:
            continue
        same = [
            n
            for n, (_, (other, size)) in enumerate(arcs)
            if not used[n] and np.linalg.norm(other - centre) < _SAME_ISLAND_M and abs(size - radius) < _SAME_ISLAND_M
        ]
        used[same] = True
        points = np.concatenate([arcs[n][0] for n in same])
        fit = _circle(points)
        if fit is not None and _bins(points, fit[0]).sum() >= _LEAST_ISLAND_BINS:
            islands.append(fit)
    return islands


def _circle(xy: Float) -> tuple[Float, float] | None:
    """Centre and radius of the circle through points (Kasa 1976); None when they do not lie on one of an island."""
    if len(xy) < 6:
        return None
    middle = xy.mean(axis=0)
    local = xy - middle
    design = np.column_stack([local, np.ones(len(xy))])
    (a, b, c), *_ = np.linalg.lstsq(design, (local**2).sum(axis=1), rcond=None)
    centre = np.array([a, b]) / 2.0
    radius = float(np.sqrt(max(c + centre @ centre, 0.0)))
    off = np.linalg.norm(local - centre, axis=1) - radius
    if not _ISLAND_M[0] <= radius <= _ISLAND_M[1] or np.sqrt(np.mean(off**2)) > _ROUND_M:
        return None
    return middle + centre, radius


def _bins(xy: Float, centre: Float) -> Mask:
    """(_BINS,) bearings from a centre in which points lie."""
    out = np.zeros(_BINS, dtype=bool)
    out[_bin_of(xy, centre)] = True
    return out


def _bin_of(xy: Float, centre: Float) -> Index:
    bearing = np.arctan2(xy[:, 1] - centre[1], xy[:, 0] - centre[0]) % (2 * np.pi)
    return np.minimum((bearing * _BINS / (2 * np.pi)).astype(np.int64), _BINS - 1)


def _is_ringed(centre: Float, radius: float, road: shapely.Geometry) -> bool:
    """Whether an island lies in road: a round green with a house on it does not."""
    angle = np.arange(_BINS) * 2 * np.pi / _BINS
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    shares = []
    for reach in (radius + _ASIDE_M, 0.6 * radius):
        xy = centre + reach * ray
        shares.append(float(np.mean(shapely.contains_xy(road, xy[:, 0], xy[:, 1]))))
    return shares[0] >= _ON_ROAD and shares[1] <= _OFF_ROAD


def _ring(centre: Float, island_m: float, borders: Borders) -> Roundabout | None:
    """The ring about an island; None where its outer edge is not known."""
    away = borders.xyz[:, :2] - centre
    distance = np.linalg.norm(away, axis=1)
    bins = _bin_of(borders.xyz[:, :2], centre)
    low, high = island_m + _RING_WIDTH_M[0], island_m + _RING_WIDTH_M[1]
    edge = borders.kerb & (distance > low) & (distance < high)
    nearest = np.full(_BINS, np.inf)
    np.minimum.at(nearest, bins[edge], distance[edge])
    nearest = nearest[np.isfinite(nearest)]
    if len(nearest) < _LEAST_OUTER_BINS:
        return None
    outer = float(np.quantile(nearest, _OUTER_SHARE))
    round_it = np.abs((away * borders.tangent).sum(axis=1)) < 0.3 * np.maximum(distance, 1e-9)
    lines = ~borders.kerb & round_it & (distance > island_m + _ASIDE_M) & (distance < outer - _ASIDE_M)
    between = _line_radii(distance[lines], bins[lines])
    if not between and outer - island_m > _ONE_LANE_M:
        between = [(island_m + outer) / 2.0]
    return Roundabout(centre, (island_m, *between, outer))


def _line_radii(distance_m: Float, bins: Index) -> list[float]:
    """Radii of the lines that go round, from samples of lines."""
    order = np.argsort(distance_m, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(distance_m[order]) > 0.5) + 1)
    return [float(np.median(distance_m[own])) for own in groups if len(np.unique(bins[own])) >= _LEAST_LINE_BINS]


def _streets(ring: Roundabout, arms: list[Arm], lanes: list[Lane], movements: list[Movement]) -> list[int]:
    """Arms that lead into a ring: near it and towards it, or at either end of a way across it."""
    across = {arm for m in movements if ring.holds(m.way).any() for arm in m.arms}
    return [number for number, arm in enumerate(arms) if number in across or _leads_to(ring, arm, lanes)]


def _leads_to(ring: Roundabout, arm: Arm, lanes: list[Lane]) -> bool:
    ends = [lanes[k].centre[-1, :2] for k in arm.inbound] + [lanes[k].centre[0, :2] for k in arm.outbound]
    to = ring.centre - np.mean(ends, axis=0)
    reach = float(np.linalg.norm(to))
    return reach < ring.outer_m + _NEAR_M and float(to @ arm.ahead) > _TOWARDS_COS * reach


def _joins(
    ring: Roundabout, arms: list[Arm], lanes: list[Lane], going: set[int], entered: set[int], keeps_right: bool
) -> list[_Join]:
    """By rising angle in the sense of traffic, no two at one place. going, entered: lanes that only go on, or are only
    entered, elsewhere than here."""
    sense = 1.0 if keeps_right else -1.0
    ends = []
    for arm in arms:
        leading = tuple(k for k in arm.inbound if k not in going)
        leaving = tuple(k for k in arm.outbound if k not in entered)
        for inbound, own in ((True, leading), (False, leaving)):
            if own:
                tips = [lanes[k].centre[-1 if inbound else 0, :2] for k in own]
                ends.append((inbound, own, np.mean(tips, axis=0) - ring.centre))
    bearings = [sense * float(np.arctan2(away[1], away[0])) % (2 * np.pi) for _, _, away in ends]
    middle_m = (ring.borders_m[0] + ring.outer_m) / 2.0
    joins = []
    for (inbound, own, away), bearing in zip(ends, bearings):
        gap_m = float(np.linalg.norm(away)) - middle_m
        aside = float(np.clip((gap_m + _JOIN_M) / middle_m, *_JOIN_RAD))
        # the next street that way: where it leads into the ring is not passed
        others = [
            (other - bearing if inbound else bearing - other) % (2 * np.pi)
            for (is_in, _, _), other in zip(ends, bearings)
            if is_in is not inbound
        ]
        aside = min(aside, _MOST_OF_GAP * min((other for other in others if other > 0.0), default=2 * np.pi))
        joins.append(_Join((bearing + (aside if inbound else -aside)) % (2 * np.pi), inbound, own))
    return _apart(joins)


def _apart(joins: list[_Join]) -> list[_Join]:
    """Joins by rising angle from the widest gap on, moved on where two would lie at one place."""
    joins = sorted(joins, key=lambda join: (join.angle_rad, join.inbound, join.lanes))
    angles = np.array([join.angle_rad for join in joins])
    gaps = np.diff(angles, prepend=angles[-1:] - 2 * np.pi)
    first = int(gaps.argmax()) if len(joins) else 0
    turned = [*joins[first:], *(replace(join, angle_rad=join.angle_rad + 2 * np.pi) for join in joins[:first])]
    for n in range(1, len(turned)):
        least = turned[n - 1].angle_rad + _APART_RAD
        turned[n] = replace(turned[n], angle_rad=max(turned[n].angle_rad, least))
    return turned


def _with_ring(
    lanes: list[Lane], ring: Roundabout, joins: tuple[_Join, ...], borders: Borders, keeps_right: bool
) -> list[Lane]:
    """Pieces of the ring between joins, piece n of lane k from join n on, and the ways in and out."""
    out, base, count = list(lanes), len(lanes), len(joins)
    angles = [join.angle_rad for join in joins]
    spans = list(itertools.pairwise([*angles, angles[0] + 2 * np.pi]))
    tree = cKDTree(borders.xyz[:, :2])

    def number(lane: int, piece: int) -> int:
        return base + lane * count + piece % count

    for lane in range(ring.lanes):
        for n, span in enumerate(spans):
            piece = _piece(ring, lane, span, borders, tree, keeps_right)
            inner, outer = (number(k, n) if 0 <= k < ring.lanes else NONE for k in (lane - 1, lane + 1))
            beside = (inner, outer) if keeps_right else (outer, inner)
            out.append(replace(piece, left_lane=beside[0], right_lane=beside[1], successors=(number(lane, n + 1),)))
    turn = RIGHT if keeps_right else LEFT
    for n, join in enumerate(joins):
        for street, lane in _pairs(join.lanes if keeps_right else join.lanes[::-1], ring.lanes):
            source, target = (street, number(lane, n)) if join.inbound else (number(lane, n - 1), street)
            a, b = out[source], out[target]
            way = ways(a.centre[-1, :2], a.heading(True), b.centre[0, :2], b.heading(False))[0]
            out[source] = replace(a, successors=(*a.successors, len(out)))
            out.append(replace(connector(a, b, way, turn), successors=(target,)))
    return out


def _pairs(street: tuple[int, ...], lanes: int) -> list[tuple[int, int]]:
    """(lane of the street, lane of the ring): a single lane uses all of the ring, of several the one at the middle of
    the road the inner ring."""
    if len(street) == 1:
        return [(street[0], lane) for lane in range(lanes)]
    return [(number, min(rank, lanes - 1)) for rank, number in enumerate(street)]


def _piece(
    ring: Roundabout, lane: int, span: tuple[float, float], borders: Borders, tree: cKDTree, keeps_right: bool
) -> Lane:
    """One lane of the ring between two angles, in the sense of traffic."""
    inner_m, outer_m = ring.borders_m[lane], ring.borders_m[lane + 1]
    middle_m = (inner_m + outer_m) / 2.0
    steps = max(2, int(np.ceil((span[1] - span[0]) * middle_m / SPACING_M)))
    angle = np.linspace(*span, steps + 1) * (1.0 if keeps_right else -1.0)
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    inner, middle, outer = (_raised(ring.centre + reach * ray, borders, tree) for reach in (inner_m, middle_m, outer_m))
    sides = (inner, outer) if keeps_right else (outer, inner)
    left_owner, right_owner = (_owners(side, borders, tree) for side in sides)
    return Lane(middle, *sides, left_owner, right_owner)


def _raised(xy: Float, borders: Borders, tree: cKDTree) -> Float:
    """Points (N, 2) at the height of the borders nearest to them."""
    distance, near = tree.query(xy, k=range(1, min(4, len(borders)) + 1))
    weight = 1.0 / np.maximum(distance, 0.1)
    height = (weight * borders.xyz[near, 2]).sum(axis=1) / weight.sum(axis=1)
    return np.column_stack([xy, height])


def _owners(side: Float, borders: Borders, tree: cKDTree) -> Index:
    distance, near = tree.query(side[:, :2])
    return np.where(distance < _OWNED_M, borders.owner[near], BRIDGE)
