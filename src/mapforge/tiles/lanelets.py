"""Lanes as lanelets: pieces of at most 50 m between two lines, which neighbours share and followers continue.

Lanelet2 knows what follows and what lies beside by identity: a lanelet follows another when its borders begin with the
very points the other's end with, and lies beside it when both name the same line. Borders are therefore made once for
both sides, and their ends are merged along successors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.polylines import arc_length, at_stations, offset_left, project
from mapforge.schemas.elements import MapElement
from mapforge.schemas.vocabulary import LINE_CLASSES, NOT_TO_CROSS, ElementClass

Float = NDArray[np.float64]

LONGEST_M = 50.0
_SNAP_M = 1.0
_STAGGER_M = 4.0
_APART_M = 1.0
_USUAL_WIDTH_M = 3.5


class Side(NamedTuple):
    """A border of a lanelet: line, and whether it runs against the lanelet."""

    line: int
    against: bool


@dataclass(frozen=True, eq=False)
class BorderLine:
    """xyz: (N, 3) without its ends, which are `ends` (numbers of points). element: divider or boundary it lies on."""

    inner: Float
    ends: tuple[int, int]
    element: MapElement | None


@dataclass(frozen=True)
class Lanelet:
    """A piece of a lane between two lines."""

    lane: MapElement
    left: Side
    right: Side


@dataclass(eq=False)
class Lanelets:
    """points: (P, 3) ends of lines, map frame. by_lane: lane id -> its lanelets in travel direction."""

    points: list[Float] = field(default_factory=list)
    lines: list[BorderLine] = field(default_factory=list)
    by_lane: dict[str, list[Lanelet]] = field(default_factory=dict)


def lanelets_of(elements: list[MapElement]) -> Lanelets:
    """Lanelets of all lanes among whole elements."""
    lanes = {e.element_id: e for e in elements if e.element_class is ElementClass.LANE and e.geometry.length > 0.0}
    borders = {e.element_id: e for e in elements if e.element_class in LINE_CLASSES}
    partners = {name: list(_partners(lane, lanes)) for name, lane in lanes.items()}
    for name, own in list(partners.items()):
        for lane, own_left, other_left in own:
            back = _Partner(name, other_left, own_left)
            if back not in partners[lane]:
                partners[lane].append(back)
    _add_oncoming(partners, lanes)
    cuts = _cuts(lanes, partners)
    return _Maker(lanes, borders, partners, cuts).made()


class _Partner(NamedTuple):
    """A lane beside another: which border of this one (left or not) is which of that one."""

    lane: str
    own_left: bool
    other_left: bool


def _partners(lane: MapElement, lanes: dict[str, MapElement]) -> Iterator[_Partner]:
    for side, own_left in (("left", True), ("right", False)):
        other = lane.attributes.get(f"{side}_neighbour_id")
        if other in lanes:
            yield _Partner(other, own_left, not own_left)


def _add_oncoming(partners: dict[str, list[_Partner]], lanes: dict[str, MapElement]) -> None:
    """Lanes against each other that have one divider on the same hand."""
    for side, is_left in (("left_id", True), ("right_id", False)):
        by_line: dict[str, list[str]] = {}
        for name in sorted(lanes):
            line = lanes[name].attributes.get(side)
            if line is not None:
                by_line.setdefault(line, []).append(name)
        for names in by_line.values():
            for a in names:
                for b in names:
                    ends = lanes[a].xyz_map[[0, -1], :2] - lanes[b].xyz_map[[-1, 0], :2]
                    if a != b and np.linalg.norm(ends, axis=1).max() < _STAGGER_M + 2 * _USUAL_WIDTH_M:
                        partners[a].append(_Partner(b, is_left, is_left))


def _cuts(lanes: dict[str, MapElement], partners: dict[str, list[_Partner]]) -> dict[str, Float]:
    """Stations at which each lane is cut, its ends included; lanes beside each other are cut side by side."""
    cuts: dict[str, Float] = {}
    for first in sorted(lanes):
        if first in cuts:
            continue
        line = lanes[first].xyz_map
        total = float(arc_length(line)[-1])
        cuts[first] = np.linspace(0.0, total, int(np.ceil(total / (0.9 * LONGEST_M) - 1e-9)) + 1)
        waiting = [first]
        while waiting:
            name = waiting.pop()
            places = at_stations(lanes[name].xyz_map, cuts[name])
            for partner in sorted(partners[name]):
                if partner.lane in cuts:
                    continue
                other = lanes[partner.lane].xyz_map
                inner = np.sort(project(places[1:-1], other)[0]) if len(places) > 2 else np.zeros(0)
                stations = np.concatenate([[0.0], inner, [arc_length(other)[-1]]])
                if (np.diff(stations) > 1.0).all() and np.diff(stations).max() < LONGEST_M:
                    cuts[partner.lane] = stations
                    waiting.append(partner.lane)
    return cuts


class _Maker:
    """Makes lines lane by lane; what was made for one side of a line serves the other."""

    def __init__(
        self,
        lanes: dict[str, MapElement],
        borders: dict[str, MapElement],
        partners: dict[str, list[_Partner]],
        cuts: dict[str, Float],
    ) -> None:
        self._lanes, self._borders, self._partners, self._cuts = lanes, borders, partners, cuts
        self._lines: list[tuple[Float, MapElement | None]] = []
        self._sides: dict[tuple[str, int, bool], Side] = {}
        self._same: dict[tuple[int, bool], tuple[int, bool]] = {}

    def made(self) -> Lanelets:
        for name in sorted(self._lanes, key=lambda n: (bool(self._lanes[n].attributes.get("turn")), n)):
            for left in (True, False):
                self._make(name, left)
        for name in sorted(self._lanes):
            self._join(name)
        return self._collected()

    def _make(self, name: str, left: bool) -> None:
        lane, cuts = self._lanes[name], self._cuts[name]
        border = self._borders.get(lane.attributes.get("left_id" if left else "right_id") or "")
        whole = _border_of(lane, left, border)
        shown = self._shown(name, left, border)
        along = arc_length(lane.xyz_map)
        for part, (start, end) in enumerate(pairwise(cuts)):
            if (name, part, left) in self._sides:
                continue
            inside = (along > start + 1e-3) & (along < end - 1e-3)
            ends = [np.array([np.interp(s, along, whole[:, d]) for d in range(3)]) for s in (start, end)]
            xyz = np.vstack([ends[0], whole[inside], ends[1]])
            self._sides[name, part, left] = Side(len(self._lines), False)
            self._lines.append((xyz, shown))
            self._share(name, part, left, xyz)

    def _shown(self, name: str, left: bool, border: MapElement | None) -> MapElement | None:
        """The line as both sides see it: one that either may cross, when one of them may."""
        for partner in self._partners[name]:
            side = "left_id" if partner.other_left else "right_id"
            other = self._borders.get(self._lanes[partner.lane].attributes.get(side) or "")
            beside = partner.own_left == left and partner.own_left != partner.other_left
            if beside and other is not None and border is not None and _is_barrier(border) and not _is_barrier(other):
                return other
        return border

    def _share(self, name: str, part: int, left: bool, xyz: Float) -> None:
        """Gives the line to the lanelet on its other side."""
        count = len(self._cuts[name]) - 1
        for partner in self._partners[name]:
            if partner.own_left != left or len(self._cuts[partner.lane]) - 1 != count:
                continue
            against = partner.own_left == partner.other_left
            other = count - 1 - part if against else part
            key = (partner.lane, other, partner.other_left)
            lane = self._lanes[partner.lane]
            own = at_stations(_border_of(lane, partner.other_left, None), self._cuts[partner.lane][other : other + 2])
            ends = xyz[[-1, 0]] if against else xyz[[0, -1]]
            near = np.linalg.norm((own - ends)[:, :2], axis=1).max() < _STAGGER_M
            if key not in self._sides and near:
                self._sides[key] = Side(self._sides[name, part, left].line, against)

    def _join(self, name: str) -> None:
        """Ends of lines along the lane, and from it to its successors, become one point."""
        last = len(self._cuts[name]) - 2
        for left in (True, False):
            for part in range(last):
                self._merge(self._end((name, part, left), True), self._end((name, part + 1, left), False))
            for successor in self._lanes[name].attributes.get("successor_ids") or ():
                if successor in self._lanes:
                    self._merge(self._end((name, last, left), True), self._end((successor, 0, left), False))

    def _end(self, key: tuple[str, int, bool], last: bool) -> tuple[int, bool]:
        side = self._sides[key]
        return side.line, last != side.against

    def _root(self, end: tuple[int, bool]) -> tuple[int, bool]:
        while end in self._same:
            end = self._same[end]
        return end

    def _merge(self, a: tuple[int, bool], b: tuple[int, bool]) -> None:
        a, b = sorted((self._root(a), self._root(b)))
        if a != b:
            self._same[b] = a

    def _collected(self) -> Lanelets:
        made = Lanelets()
        number: dict[tuple[int, bool], int] = {}
        for line, (xyz, element) in enumerate(self._lines):
            ends = []
            for last in (False, True):
                root = self._root((line, last))
                if root not in number:
                    number[root] = len(made.points)
                    made.points.append(self._lines[root[0]][0][-1 if root[1] else 0])
                ends.append(number[root])
            made.lines.append(BorderLine(xyz[1:-1], (ends[0], ends[1]), element))
        for name in sorted(self._lanes):
            made.by_lane[name] = [
                Lanelet(self._lanes[name], self._sides[name, part, True], self._sides[name, part, False])
                for part in range(len(self._cuts[name]) - 1)
            ]
        return made


def _is_barrier(border: MapElement) -> bool:
    return border.attributes.get("marking_type") in NOT_TO_CROSS


def _border_of(lane: MapElement, left: bool, border: MapElement | None) -> Float:
    """(N, 3) one point a vertex of the centreline: half the width away, on the border where that is near."""
    half = 0.5 * float(lane.attributes.get("width_m") or _USUAL_WIDTH_M)
    points = offset_left(lane.xyz_map, half if left else -half)
    if border is None:
        return points
    station, offset = project(points, border.xyz_map)
    on_border = at_stations(border.xyz_map, station)
    return np.where((np.abs(offset) < _SNAP_M)[:, None], on_border, points)
