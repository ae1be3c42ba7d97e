"""Which lane leads to which: through junctions, over gaps, and as paths show.

Of the lanes of an arm, the one nearest to the side of a turn makes it, into the lane nearest to that side; straight on
goes every lane, into the one that lies most nearly ahead. A lane that nothing would lead to, or that would lead
nowhere, gets its best way. What a path did is always possible.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.lane_graph.junctions import Arm
from mapforge.lane_graph.lanes import Lane, LaneStrips
from mapforge.lane_graph.sections import NONE
from mapforge.lane_graph.ways import on_road, turn_rad, ways

Float = NDArray[np.float64]

LEFT, STRAIGHT, RIGHT, U_TURN = "left", "straight", "right", "u_turn"
_BEHIND_M = 1.0
_STRAIGHT_ASIDE_RAD = np.radians(35.0)
_MOST_OVER_LANES_M = 4.0
_MOST_OVER_LANES_SHARE = 0.2
_WORN_M = 0.3
_CLEARANCE_M = 1.4
_AHEAD_M = 35.0
"""From the end of a lane to the far side of the road across it, at most."""
_SIDE_M = 25.0
"""A side road is open for at least this much."""
_SIDE_STEP_M, _SIDE_MOST_M, _SIDE_BEFORE_M = 3.0, 25.0, 2.0
_RANK = {STRAIGHT: 0, LEFT: 1, RIGHT: 2, U_TURN: 3}


@dataclass(frozen=True)
class Rules:
    """The limits of movements. reach_m: from end to beginning. straight_rad, most_rad: of turns."""

    reach_m: float
    straight_rad: float
    most_rad: float
    on_road_share: float


@dataclass(frozen=True, eq=False)
class Movement:
    """From the end of a lane to the beginning of another. arms: of source and target."""

    source: int
    target: int
    turn: str
    way: Float
    arms: tuple[int, int]


def movements_of(
    lanes: list[Lane],
    arms: list[Arm],
    found: LaneStrips,
    road: shapely.Geometry | None,
    kerbs: list[Float],
    driven: set[tuple[int, int]],
    arrows: dict[int, set[str]],
    rules: Rules,
) -> list[Movement]:
    """All movements, by source and target. kerbs: road boundaries, which no way crosses. driven: pairs of lanes that a
    path ran through one after the other. arrows: turns painted on a lane, where there are any."""
    terrain = _Terrain(lanes, found, road, kerbs)
    possible = {
        (m.source, m.target): m
        for i, arm in enumerate(arms)
        for j, other in enumerate(arms)
        if arm.inbound and other.outbound and _may_meet(arm, other, lanes, rules.reach_m)
        for m in _possible(lanes, (i, arm), (j, other), terrain, driven, rules)
    }
    open_turns = cache(terrain.open_turns)
    chosen: dict[tuple[int, int], Movement] = {}
    for i, arm in enumerate(arms):
        own = _with_one_way_on([m for m in possible.values() if m.arms[0] == i and m.turn != U_TURN], arm, arms)
        allowed = _allowed(arm, own, arrows, driven, found, open_turns)
        for m in _of_arm(arm, own, allowed, arms, lanes):
            chosen[m.source, m.target] = m
    chosen |= {key: possible[key] for key in sorted(driven) if key in possible}
    _complete(chosen, possible, arms, open_turns)
    return [chosen[key] for key in sorted(chosen)]


def driven_pairs(found: LaneStrips, lanes: list[Lane], paths: list[Float], reach_m: float) -> set[tuple[int, int]]:
    """Lanes that a path left at their end, and the lane that it then entered at its beginning."""
    pairs = set()
    for path in paths:
        heading = np.gradient(path[:, :2], axis=0)
        heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
        at = found.nearby.inside(path[:, :2], heading)
        lane = np.where(at == NONE, NONE, found.strips.strip[at])
        against = (found.strips.along[at] * heading).sum(axis=1) <= 0.0
        inside = np.flatnonzero((lane != NONE) & ~against)
        station = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1))])
        change = np.flatnonzero(np.diff(lane[inside]) != 0)
        for a, b in zip(inside[change], inside[change + 1]):
            source, target = int(lane[a]), int(lane[b])
            near = station[b] - station[a] <= 1.6 * reach_m
            leaves = np.linalg.norm(lanes[source].centre[-1, :2] - path[a, :2]) < 6.0
            enters = np.linalg.norm(lanes[target].centre[0, :2] - path[b, :2]) < 6.0
            if near and leaves and enters:
                pairs.add((source, target))
    return pairs


class _Terrain:
    """Where ways may lead: on road, over no boundary, hardly over lanes they neither leave nor enter."""

    def __init__(self, lanes: list[Lane], found: LaneStrips, road: shapely.Geometry | None, kerbs: list[Float]) -> None:
        self.road = None if road is None else road.buffer(_WORN_M)
        if self.road is not None:
            shapely.prepare(self.road)
        self._lanes = lanes
        self._kerbs = shapely.STRtree([shapely.LineString(line[:, :2]) for line in kerbs])
        self._areas = [
            shapely.Polygon(np.vstack([_inset(lane, 0.85), _inset(lane, 0.15)[::-1]])).buffer(0) for lane in lanes
        ]
        self._tree = shapely.STRtree(self._areas)

    def share_on_road(self, way: Float) -> float:
        """0 where it crosses a boundary."""
        if len(self._kerbs.query(shapely.LineString(way), predicate="intersects")):
            return 0.0
        return on_road(way, self.road)

    def open_turns(self, lane: int, last: bool) -> frozenset[str]:
        """Turns at the end of a lane (into it, at its beginning) for which no boundary stands in the way: there is a
        road there, whether lanes were found on it or not."""
        own = self._lanes[lane]
        heading = own.heading(last)
        to_left = np.array([-heading[1], heading[0]])
        tip, ahead = own.centre[-1 if last else 0, :2], heading if last else -heading
        room_m = self._free_m(tip, ahead, _AHEAD_M)
        found = {STRAIGHT} if room_m == _AHEAD_M else set()
        for word, side in ((LEFT, to_left), (RIGHT, -to_left)):
            starts = np.arange(_SIDE_STEP_M, min(room_m - _SIDE_BEFORE_M, _SIDE_MOST_M), _SIDE_STEP_M)
            if any(self._free_m(tip + d * ahead, side, _SIDE_M) == _SIDE_M for d in starts):
                found.add(word)
        return frozenset(found)

    def _free_m(self, start: Float, direction: Float, most_m: float) -> float:
        """Distance to the first boundary, at most `most_m`."""
        line = shapely.LineString(np.stack([start, start + most_m * direction]))
        met = self._kerbs.query(line, predicate="intersects")
        lines = [shapely.intersection(self._kerbs.geometries[k], line) for k in met]
        return min([most_m, *(shapely.Point(start).distance(part) for part in lines)])

    def is_clear(self, way: Float) -> bool:
        """Whether the middle of the way stays well away from boundaries."""
        inner = way[len(way) // 4 : -(len(way) // 4) or None]
        return not len(self._kerbs.query(shapely.LineString(inner), predicate="dwithin", distance=_CLEARANCE_M))

    def passes_over_lanes(self, way: Float, source: int, target: int) -> bool:
        line = shapely.LineString(way)
        own = {source, target, *(self._lanes[k].left_lane for k in (source, target))}
        own |= {self._lanes[k].right_lane for k in (source, target)}
        over = [k for k in self._tree.query(line, predicate="intersects").tolist() if k not in own]
        length = sum(line.intersection(self._areas[k]).length for k in over)
        return length > max(_MOST_OVER_LANES_M, _MOST_OVER_LANES_SHARE * line.length)


def _inset(lane: Lane, share: float) -> Float:
    return np.asarray(lane.right[:, :2] + share * (lane.left - lane.right)[:, :2])


def _may_meet(arm: Arm, other: Arm, lanes: list[Lane], reach_m: float) -> bool:
    a, b = lanes[arm.inbound[0]].centre[-1, :2], lanes[other.outbound[0]].centre[0, :2]
    return float(np.linalg.norm(b - a)) <= reach_m + 16.0


def _possible(
    lanes: list[Lane],
    source: tuple[int, Arm],
    target: tuple[int, Arm],
    terrain: _Terrain,
    driven: set[tuple[int, int]],
    rules: Rules,
) -> list[Movement]:
    """Movements between two arms that a car could make."""
    turn = turn_rad(source[1].ahead, -target[1].ahead)
    found = []
    for a in source[1].inbound:
        for b in target[1].outbound:
            back = abs(turn) > rules.most_rad or source[0] == target[0]
            if back and (a, b) not in driven:
                continue
            way = _way(lanes[a], lanes[b], a, b, terrain, rules, (a, b) in driven)
            if way is not None:
                word = U_TURN if back else _word(turn, rules.straight_rad)
                found.append(Movement(a, b, word, way, (source[0], target[0])))
    return found


def _with_one_way_on(moves: list[Movement], arm: Arm, arms: list[Arm]) -> list[Movement]:
    """Of several exits that lie straight on, the one most nearly ahead stays so; where a road forks, the others are
    turns."""
    turns = {j: turn_rad(arm.ahead, -arms[j].ahead) for j in {m.arms[1] for m in moves if m.turn == STRAIGHT}}
    if len(turns) < 2:
        return moves
    ahead = min(turns, key=lambda j: (abs(turns[j]), j))
    words = {j: LEFT if turns[j] > turns[ahead] else RIGHT for j in turns if j != ahead}
    return [replace(m, turn=words[m.arms[1]]) if m.turn == STRAIGHT and m.arms[1] in words else m for m in moves]


def _word(turn: float, straight_rad: float) -> str:
    if abs(turn) < straight_rad:
        return STRAIGHT
    return LEFT if turn > 0 else RIGHT


def _way(source: Lane, target: Lane, a: int, b: int, terrain: _Terrain, rules: Rules, driven: bool) -> Float | None:
    """The widest way that stays on the road; None when there is none."""
    start, end = source.centre[-1, :2], target.centre[0, :2]
    ahead_a, ahead_b = source.heading(True), target.heading(False)
    gap = end - start
    distance = float(np.linalg.norm(gap))
    if distance > rules.reach_m or source is target:
        return None
    forward = float(gap @ ahead_a) > -_BEHIND_M and float(gap @ ahead_b) > -_BEHIND_M
    turn = turn_rad(ahead_a, ahead_b)
    aside = abs(turn_rad(ahead_a, gap / max(distance, 1e-9)))
    slipping = abs(turn) < rules.straight_rad and aside > _STRAIGHT_ASIDE_RAD and distance > 3.0
    if (not forward or slipping) and not driven:
        return None
    candidates = ways(start, ahead_a, end, ahead_b)
    shares = [terrain.share_on_road(way) for way in candidates]
    clear = [k for k, share in enumerate(shares) if share > 0.999 and terrain.is_clear(candidates[k])]
    best = clear[0] if clear else int(np.argmax(shares))
    way = candidates[best]
    if driven:
        return way
    if shares[best] < rules.on_road_share or terrain.passes_over_lanes(way, a, b):
        return None
    return way


def _allowed(
    arm: Arm,
    possible: list[Movement],
    arrows: dict[int, set[str]],
    driven: set[tuple[int, int]],
    found: LaneStrips,
    open_turns: Callable[[int, bool], frozenset[str]],
) -> dict[int, set[str]]:
    """The turns of each lane of an arm: those its arrows show; without arrows, what its place among the lanes leaves.

    Of several lanes, only the leftmost turns left and only the rightmost turns right; one of these from which drives
    turned, and none went straight on, is for turning, and so is a pocket. Roads that are open but on which no lanes
    were found count: a lane that could only lead there leads nowhere. open_turns: of a lane at its end.
    """
    known = {m.turn for m in possible}
    made = {source: {m.turn for m in possible if m.source == source and (source, m.target) in driven}
            for source in arm.inbound}  # fmt: skip
    allowed = {}
    for rank, source in enumerate(arm.inbound):
        words = known | (open_turns(source, True) if len(arm.inbound) > 1 else set())
        own = words - _turns_of_others(rank, len(arm.inbound))
        turned = bool(made[source]) and STRAIGHT not in made[source]
        pocket = (LEFT in own and source in found.left_pockets) or (RIGHT in own and source in found.right_pockets)
        if len(arm.inbound) > 1 and (turned or (pocket and STRAIGHT not in made[source])):
            own.discard(STRAIGHT)
        painted = arrows.get(source, set()) & known
        allowed[source] = painted or own or set(sorted(words)[:1])
    return allowed


def _of_arm(
    arm: Arm, possible: list[Movement], allowed: dict[int, set[str]], arms: list[Arm], lanes: list[Lane]
) -> list[Movement]:
    """The movements that the lanes of an arm share out among each other."""
    by_exit: dict[int, dict[tuple[int, int], Movement]] = {}
    for m in possible:
        by_exit.setdefault(m.arms[1], {})[m.source, m.target] = m
    chosen = []
    for exit_arm, moves in sorted(by_exit.items()):
        turn = next(iter(moves.values())).turn
        sources = [source for source in arm.inbound if turn in allowed[source]]
        for place, source in enumerate(sources):
            target = _target(turn, place, sources, arms[exit_arm].outbound, lanes)
            if (source, target) in moves:
                chosen.append(moves[source, target])
    return chosen


def _target(turn: str, place: int, sources: list[int], outbound: tuple[int, ...], lanes: list[Lane]) -> int:
    """The lane of an exit that the lane `place` (0 = leftmost) of those that turn there leads to."""
    if turn == LEFT:
        return outbound[min(place, len(outbound) - 1)]
    if turn == RIGHT:
        return outbound[max(len(outbound) - len(sources) + place, 0)]
    if len(sources) == len(outbound):
        return outbound[place]
    return min(outbound, key=lambda target: _sway(lanes[sources[place]], lanes[target]))


def _sway(source: Lane, target: Lane) -> float:
    """How much a way first turns to one side and then to the other: 0 for an arc, radians."""
    gap = (target.centre[0] - source.centre[-1])[:2]
    return abs(turn_rad(source.heading(True), gap) - turn_rad(gap, target.heading(False)))


def _turns_of_others(rank: int, count: int) -> set[str]:
    """Turns that lanes beside it make, not the lane `rank` (0 = leftmost) of `count`."""
    return ({LEFT} if rank > 0 else set()) | ({RIGHT} if rank < count - 1 else set())


def _complete(
    chosen: dict[tuple[int, int], Movement],
    possible: dict[tuple[int, int], Movement],
    arms: list[Arm],
    open_turns: Callable[[int, bool], frozenset[str]],
) -> None:
    """Ways in for lanes that nothing leads to, and ways on for lanes that lead nowhere; none where a road on which no
    lanes were found is likelier to lead there. open_turns: of a lane at its end, or into it at its beginning."""
    order = sorted(possible.values(), key=lambda m: (_RANK[m.turn], _length(m.way), m.source, m.target))
    for side, place, last in (("target", 1, False), ("source", 0, True)):
        served = {getattr(m, side) for m in chosen.values()}
        known: dict[int, set[str]] = {}
        for m in order:
            known.setdefault(getattr(m, side), set()).add(m.turn)
        for m in order:
            lane = getattr(m, side)
            if m.turn == U_TURN or lane in served:
                continue
            beside = arms[m.arms[place]].inbound if last else arms[m.arms[place]].outbound
            unseen = open_turns(lane, last) - known[lane] - _turns_of_others(beside.index(lane), len(beside))
            if m.turn == STRAIGHT or not unseen:
                chosen[m.source, m.target] = m
                served.add(lane)


def _length(way: Float) -> float:
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())
