"""What became of the elements of a map: added, removed, moved, longer or shorter, other attributes.

Elements are paired by id where it was kept, else by where they are. A line is compared with its partner at every half
metre: where it runs beside it, how far off; where it goes on beyond it and beside no other line, it is longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray

from mapforge.metrics.correspondence import SPACING_M, pair_up, shares, sizes
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.schemas.elements import ElementClass, MapElement

Float = NDArray[np.float64]

WITHIN_M = 0.5
"""Nearer than this, a line of another release is the same line."""
LEAST_LENGTH_M = 1.0
"""Less than this at an end is no change of length."""
TOLERANCES = {"width_m": 0.1, "height_m": 0.1, "heading_rad": 0.1, "speed_limit_mps": 0.1}
_ID_ATTRIBUTES = (
    "left_id", "right_id", "left_neighbour_id", "right_neighbour_id", "predecessor_ids", "successor_ids",
)  # fmt: skip


class ChangeKind(StrEnum):
    """How an element differs. `regrouped`: the same on the ground, but split or merged."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    LENGTHENED = "lengthened"
    SHORTENED = "shortened"
    ATTRIBUTES = "attributes"
    REGROUPED = "regrouped"


@dataclass(frozen=True)
class Change:
    """One way in which one element differs.

    geometry: map frame; of what was added, removed, gained or lost, else of the whole element as it is now. was: as it
    lay before, of what moved. distance_m: the largest offset of what moved. attributes: name -> (from, to). length_m,
    area_m2: of `geometry`.
    """

    kind: ChangeKind
    element_class: ElementClass
    element_id: str
    geometry: shapely.Geometry
    old_id: str | None = None
    was: shapely.Geometry | None = None
    distance_m: float | None = None
    attributes: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def length_m(self) -> float:
        return float(self.geometry.length) if shapely.get_dimensions(self.geometry) == 1 else 0.0

    @property
    def area_m2(self) -> float:
        return float(self.geometry.area)


@dataclass(frozen=True)
class Whole:
    """An element with all its parts."""

    element_id: str
    element_class: ElementClass
    geometry: shapely.Geometry
    attributes: Mapping[str, Any]

    @property
    def is_line(self) -> bool:
        return bool(shapely.get_dimensions(self.geometry) == 1)

    @property
    def lines(self) -> list[Float]:
        """(N, 3) vertices a part; of a polygon its rings."""
        flat = self.geometry.boundary if shapely.get_dimensions(self.geometry) == 2 else self.geometry
        return [np.asarray(shapely.get_coordinates(part, include_z=True)) for part in shapely.get_parts(flat)]


def gathered(elements: Sequence[MapElement]) -> list[Whole]:
    """One entry an id and class, sorted; parts that do not meet together."""
    groups: dict[tuple[str, str], list[MapElement]] = {}
    for element in elements:
        groups.setdefault((str(element.element_class), element.element_id), []).append(element)
    whole = []
    for _, parts in sorted(groups.items()):
        shapes = [shape for part in parts for shape in shapely.get_parts(part.geometry)]
        geometry = shapes[0] if len(shapes) == 1 else _MULTI[shapely.get_dimensions(shapes[0])](shapes)
        whole.append(Whole(parts[0].element_id, parts[0].element_class, geometry, parts[0].attributes))
    return whole


_MULTI = {0: shapely.MultiPoint, 1: shapely.MultiLineString, 2: shapely.MultiPolygon}


def partners(old: Sequence[Whole], new: Sequence[Whole]) -> dict[int, int]:
    """New -> old, by id within a class, then by place."""
    rows = {(whole.element_class, whole.element_id): row for row, whole in enumerate(old)}
    pairs = {
        row: rows[whole.element_class, whole.element_id]
        for row, whole in enumerate(new)
        if (whole.element_class, whole.element_id) in rows
    }
    for element_class in ElementClass:
        left_new = [k for k, w in enumerate(new) if k not in pairs and w.element_class is element_class]
        left_old = [
            k for k in sorted(set(range(len(old))) - set(pairs.values())) if old[k].element_class is element_class
        ]
        shapes = [new[k].geometry for k in left_new], [old[k].geometry for k in left_old]
        found = pair_up(shares(*shapes, WITHIN_M), sizes(shapes[0]), sizes(shapes[1]))
        pairs.update({left_new[i]: left_old[j] for i, j in found.items()})
    return pairs


def changes_between(
    old: Sequence[Whole], new: Sequence[Whole], pairs: Mapping[int, int], moved_m: float
) -> list[Change]:
    """All changes, in order of class and id.

    pairs: new -> old, as `partners` finds them. moved_m: what lies nearer than this has not moved.
    """
    names = {old[j].element_id: new[i].element_id for i, j in pairs.items()}
    changes = [change for i, j in pairs.items() for change in _of_pair(old[j], new[i], moved_m, names)]
    back = {j: i for i, j in pairs.items()}
    for element_class in ElementClass:
        sides = [[k for k, w in enumerate(side) if w.element_class is element_class] for side in (new, old)]
        changes += _extent(new, sides[0], old, sides[1], pairs, (ChangeKind.ADDED, ChangeKind.LENGTHENED))
        changes += _extent(old, sides[1], new, sides[0], back, (ChangeKind.REMOVED, ChangeKind.SHORTENED))
    return sorted(changes, key=lambda c: (c.element_class, c.element_id, c.kind, c.geometry.wkb))


def _of_pair(old: Whole, new: Whole, moved_m: float, names: Mapping[str, str]) -> list[Change]:
    found = []
    distance_m = offset_m(old, new)
    if distance_m > moved_m:
        found.append(
            Change(
                ChangeKind.MOVED, new.element_class, new.element_id, new.geometry, old.element_id, old.geometry,
                round(distance_m, 3),
            )
        )  # fmt: skip
    attributes = changed_attributes(old.attributes, new.attributes, names)
    if attributes:
        kind = ChangeKind.ATTRIBUTES
        found.append(
            Change(kind, new.element_class, new.element_id, new.geometry, old.element_id, attributes=attributes)
        )
    return found


def offset_m(old: Whole, new: Whole) -> float:
    """The largest distance of either from the other, where they run beside each other; between points in space."""
    if shapely.get_dimensions(new.geometry) == 0:
        return float(max(np.linalg.norm(a - b) for a, b in zip(_vertices(old.geometry), _vertices(new.geometry))))
    largest = 0.0
    for one, other in ((old, new), (new, old)):
        stations = stations_along(one.lines, SPACING_M)
        ends = np.concatenate([line[[0, -1], :2] for line in one.lines])
        feet = SegmentIndex(other.lines).nearest(np.concatenate([stations.xyz[:, :2], ends]), np.inf)
        largest = max(largest, float(feet.distance_m[~feet.beyond_end].max(initial=0.0)))
    return largest


def changed_attributes(
    old: Mapping[str, Any], new: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, tuple[Any, Any]]:
    """Name -> (from, to). names: old id -> new id, so that a renamed neighbour is no change."""
    found = {}
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if name in _ID_ATTRIBUTES:
            same = _renamed(before, names) == (sorted(after) if isinstance(after, list) else after)
        elif name in TOLERANCES and before is not None and after is not None:
            same = abs(_difference(name, before, after)) <= TOLERANCES[name]
        else:
            same = before == after
        if not same:
            found[name] = (before, after)
    return found


def _difference(name: str, before: float, after: float) -> float:
    """Of directions the smaller way round."""
    return (after - before + np.pi) % (2.0 * np.pi) - np.pi if name == "heading_rad" else after - before


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return sorted(names.get(one, one) for one in value)
    return names.get(value, value) if value is not None else None


def _extent(
    own: Sequence[Whole],
    rows: list[int],
    others: Sequence[Whole],
    other_rows: list[int],
    pairs: Mapping[int, int],
    kinds: tuple[ChangeKind, ChangeKind],
) -> list[Change]:
    """What one side has and the other has not: whole elements, and the far ends of others (kinds in this order)."""
    index = SegmentIndex([line for row in other_rows if others[row].is_line for line in others[row].lines])
    found = []
    for row in rows:
        whole, partner = own[row], others[pairs[row]] if row in pairs else None
        if whole.is_line:
            found += _extent_of_line(whole, partner, _alone(whole, partner, index), kinds)
        elif partner is None:
            found.append(_whole_change(whole, kinds[0]))
    return found


def _extent_of_line(
    whole: Whole, partner: Whole | None, alone: list[shapely.LineString], kinds: tuple[ChangeKind, ChangeKind]
) -> list[Change]:
    """alone: the stretches of it that the other side has not."""
    if partner is None and sum(part.length for part in alone) >= 0.5 * whole.geometry.length:
        return [_whole_change(whole, kinds[0])]
    found = [_whole_change(whole, ChangeKind.REGROUPED)] if partner is None else []
    long = [part for part in alone if part.length >= LEAST_LENGTH_M]
    if long:
        shape = long[0] if len(long) == 1 else shapely.MultiLineString(long)
        found.append(Change(kinds[1], whole.element_class, whole.element_id, shape))
    return found


def _whole_change(whole: Whole, kind: ChangeKind) -> Change:
    return Change(kind, whole.element_class, whole.element_id, whole.geometry)


def _alone(whole: Whole, partner: Whole | None, index: SegmentIndex) -> list[shapely.LineString]:
    """Stretches of a line that run neither beside its partner nor within reach of any line of the index."""
    stations = stations_along(whole.lines, SPACING_M)
    accompanied = np.zeros(len(stations), dtype=bool)
    accompanied[index.nearest(stations.xyz, WITHIN_M).query] = True
    if partner is not None:
        feet = SegmentIndex(partner.lines).nearest(stations.xyz, np.inf)
        accompanied[feet.query[~feet.beyond_end]] = True
    stretches = []
    for number, line in enumerate(whole.lines):
        own = np.flatnonzero(stations.line == number)
        step = float(stations.length_m[own[0]])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], ~accompanied[own], [0]]).astype(np.int8)))
        stretches += [
            shapely.ops.substring(shapely.LineString(line), start * step, end * step)
            for start, end in edges.reshape(-1, 2).tolist()
        ]
    return stretches


def _vertices(geometry: shapely.Geometry) -> Float:
    return np.nan_to_num(shapely.get_coordinates(shapely.force_3d(geometry), include_z=True))
