"""One name for one element, however many tiles it crosses.

Pieces that meet on a border are tied together; the name is that of the whole: the one it had in the previous release
(`continuity`), or a hash of the content of its first piece (lowest tile, then content), so that a change elsewhere
along a long line does not rename what did not change.
Drivable area and coverage would tie a whole region together; they are named tile by tile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.schemas.elements import ElementClass, MapElement, content_id

Float = NDArray[np.float64]
Index = NDArray[np.int64]
PieceKey = tuple[TileId, str]
"""A tile, and the content of a piece in it: of an element's pieces the lowest one stands for the element."""

_ON_BORDER_M = 2e-3
_LEAST_SHARED_M = 0.02
_NAMED_BY_TILE = (ElementClass.DRIVABLE_AREA, ElementClass.COVERAGE)


@dataclass(frozen=True, eq=False)
class PieceTrace:
    """What naming keeps of a piece: enough to tell what it meets, not its vertices.

    kind: class and attributes that one element has throughout. ends: (E, 4) x, y and outward direction of line ends
    on the tile's border. sides: (S, 4) axis, border coordinate, from, to of polygon edges on it.
    """

    tile: TileId
    row: int
    kind: str
    content: str
    ends: Float
    sides: Float


def traces_of(elements: list[MapElement], tile: TileId, frame: MapFrame) -> list[PieceTrace]:
    """Traces of all pieces of one tile, in its order."""
    bounds = tile.bounds_map(frame)
    seen: dict[str, int] = {}
    traces = []
    for row, element in enumerate(elements):
        kind = _kind(element)
        content = content_id(kind, frame.to_projected(element.xyz_map))
        copies = seen[content] = seen.get(content, -1) + 1
        if copies:
            content = content_id(content, copies)
        traces.append(
            PieceTrace(tile, row, kind, content, _ends_on_border(element, bounds), _sides_on_border(element, bounds))
        )
    return traces


def _kind(element: MapElement) -> str:
    """Ways through a junction begin on each other: what tells them apart is the id they have in all their tiles."""
    if element.element_class is ElementClass.LANE and element.attributes.get("turn"):
        return f"{element.element_class}|{element.element_id}"
    attributes = [element.attributes.get(name) for name in ("marking_type", "colour", "boundary_type")]
    return f"{element.element_class}|{attributes}"


def elements_of(traces: list[PieceTrace], meet_m: float, max_turn_rad: float) -> Index:
    """(N,) which element each piece belongs to, from 0."""
    if not traces:
        return np.zeros(0, dtype=np.int64)
    pairs = [*_meeting_ends(traces, meet_m, max_turn_rad), *_meeting_sides(traces)]
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(len(traces), len(traces)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def first_pieces(traces: list[PieceTrace], element: Index) -> dict[int, PieceKey]:
    """Element -> the piece that stands for it."""
    first: dict[int, PieceKey] = {}
    for number, trace in zip(element.tolist(), traces):
        key = (trace.tile, trace.content)
        first[number] = min(first.get(number, key), key)
    return first


def names_of(
    traces: list[PieceTrace], element: Index, kept: Mapping[PieceKey, str] | None = None, taken: Collection[str] = ()
) -> list[str]:
    """(N,) the name of each piece's element, as `elements_of` tells them apart.

    kept: names of elements that have one already. taken: names that no other element may get.
    """
    names = {}
    for number, (tile, content) in first_pieces(traces, element).items():
        name = (kept or {}).get((tile, content))
        if name is None:
            name = content_id(str(tile), content)
            while name in taken:
                name = content_id(name, "another")
        names[number] = name
    return [names[number] for number in element.tolist()]


def _ends_on_border(element: MapElement, bounds: tuple[float, float, float, float]) -> Float:
    if not isinstance(element.geometry, shapely.LineString):
        return np.zeros((0, 4))
    xy = element.xyz_map[:, :2]
    ends = np.array([[*xy[0], *(xy[0] - xy[1])], [*xy[-1], *(xy[-1] - xy[-2])]])
    ends[:, 2:] /= np.maximum(np.linalg.norm(ends[:, 2:], axis=1, keepdims=True), 1e-12)
    x_borders, y_borders = np.array(bounds[0::2]), np.array(bounds[1::2])
    on_x = np.abs(ends[:, 0, None] - x_borders).min(axis=1) <= _ON_BORDER_M
    on_y = np.abs(ends[:, 1, None] - y_borders).min(axis=1) <= _ON_BORDER_M
    return np.asarray(ends[on_x | on_y])


def _sides_on_border(element: MapElement, bounds: tuple[float, float, float, float]) -> Float:
    if element.element_class in _NAMED_BY_TILE or not isinstance(element.geometry, shapely.Polygon):
        return np.zeros((0, 4))
    xy = element.xyz_map[:, :2]
    sides = []
    for axis in (0, 1):
        for border in bounds[axis::2]:
            on = np.abs(xy[:, axis] - border) <= _ON_BORDER_M
            for k in np.flatnonzero(on[:-1] & on[1:]):
                low, high = sorted((xy[k, 1 - axis], xy[k + 1, 1 - axis]))
                sides.append((axis, border, low, high))
    return np.array(sides, dtype=np.float64).reshape(-1, 4)


def _meeting_ends(traces: list[PieceTrace], meet_m: float, max_turn_rad: float) -> list[tuple[int, int]]:
    """Pieces of one kind whose ends meet on a border and go on in one direction."""
    owner = np.repeat(np.arange(len(traces)), [len(trace.ends) for trace in traces])
    if len(owner) < 2:
        return []
    ends = np.concatenate([trace.ends for trace in traces])
    pairs = cKDTree(ends[:, :2]).query_pairs(meet_m, output_type="ndarray")
    facing = -(ends[pairs[:, 0], 2:] * ends[pairs[:, 1], 2:]).sum(axis=1) >= np.cos(max_turn_rad)
    candidates = owner[pairs[facing]]
    return [
        (int(a), int(b)) for a, b in candidates if traces[a].kind == traces[b].kind and traces[a].tile != traces[b].tile
    ]


def _meeting_sides(traces: list[PieceTrace]) -> list[tuple[int, int]]:
    """Areas of one kind that share a stretch of a border."""
    by_border: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
    for k, trace in enumerate(traces):
        for axis, border, low, high in trace.sides:
            by_border.setdefault((int(axis), round(border)), []).append((k, low, high))
    pairs = []
    for sides in by_border.values():
        for position, (a, low_a, high_a) in enumerate(sides):
            for b, low_b, high_b in sides[position + 1 :]:
                shared = min(high_a, high_b) - max(low_a, low_b)
                if shared > _LEAST_SHARED_M and traces[a].kind == traces[b].kind and traces[a].tile != traces[b].tile:
                    pairs.append((a, b))
    return pairs
