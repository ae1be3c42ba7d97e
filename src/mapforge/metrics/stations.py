"""Samples along lines, and where the nearest point of other lines is: what the length based metrics stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Stations:
    """Samples of lines, each standing for a piece of length.

    xyz: (N, 3) metres. tangent: (N, 2) unit, along the line. line: (N,) index of its line.
    length_m: (N,) length it stands for. value: (N,) a per-vertex quantity interpolated there, NaN without one.
    """

    xyz: Float
    tangent: Float
    line: Index
    length_m: Float
    value: Float

    def __len__(self) -> int:
        return len(self.line)

    def where(self, mask: NDArray[np.bool_]) -> Stations:
        return Stations(self.xyz[mask], self.tangent[mask], self.line[mask], self.length_m[mask], self.value[mask])

    def moved(self, xyz: Float) -> Stations:
        """The same samples at other places."""
        return Stations(xyz, self.tangent, self.line, self.length_m, self.value)


def stations_along(lines: Sequence[Float], spacing_m: float, values: Sequence[Float] | None = None) -> Stations:
    """Samples in the middle of equal pieces of at most about `spacing_m`.

    lines: (N, 2) or (N, 3) vertices. values: (N,) a line, one a vertex (any other length counts as none).
    """
    lengths = np.array([_horizontal_length(line) for line in lines])
    counts = np.maximum(1, np.ceil(lengths / spacing_m - 1e-9)).astype(np.int64) if len(lines) else np.zeros(0, int)
    line = np.repeat(np.arange(len(lines)), counts)
    rank = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    piece = lengths / np.maximum(counts, 1)
    columns = [_with_value(vertices, None if values is None else values[i]) for i, vertices in enumerate(lines)]
    at, tangent = _interpolate(columns, line, (rank + 0.5) * piece[line])
    return Stations(at[:, :3], tangent, line, piece[line], at[:, 3])


def resample_all(lines: Sequence[Float], count: int) -> Float:
    """(L, count, 2) equally spaced points of every line, both ends kept."""
    if not len(lines):
        return np.zeros((0, count, 2))
    lengths = np.array([_horizontal_length(line) for line in lines])
    along = np.linspace(0.0, 1.0, count)[None] * lengths[:, None]
    line = np.repeat(np.arange(len(lines)), count)
    at, _ = _interpolate([vertices[:, :2] for vertices in lines], line, along.ravel())
    return at.reshape(len(lines), count, 2)


@dataclass(frozen=True, eq=False)
class Feet:
    """The nearest point, on indexed lines, of query points that have one within reach.

    query: (M,) index of the query point. line: (M,) index of the line met. xyz: (M, 3) the nearest point.
    normal: (M, 2) unit, left of the line there. offset_m: (M,) signed distance across (left positive).
    distance_m: (M,). beyond_end: (M,) bool, the point lies past an end of the line, not beside it.
    value: (M,) the per-vertex quantity of the line there.
    """

    query: Index
    line: Index
    xyz: Float
    normal: Float
    offset_m: Float
    distance_m: Float
    beyond_end: NDArray[np.bool_]
    value: Float


class SegmentIndex:
    """Lines as a tree of their segments."""

    def __init__(self, lines: Sequence[Float], values: Sequence[Float] | None = None) -> None:
        columns = [_with_value(v, None if values is None else values[i]) for i, v in enumerate(lines)]
        if not columns:
            columns, lines = [np.zeros((0, 4))], []
        self._start = np.concatenate([c[:-1] for c in columns])
        self._end = np.concatenate([c[1:] for c in columns])
        counts = np.array([len(c) - 1 for c in columns] if len(lines) else [0])
        self._line = np.repeat(np.arange(len(counts)), counts)
        last = np.cumsum(counts)
        open_line = np.array([not np.array_equal(c[0, :2], c[-1, :2]) for c in columns] if len(lines) else [True])
        self._first_segment = np.zeros(len(self._line), dtype=bool)
        self._last_segment = np.zeros(len(self._line), dtype=bool)
        self._first_segment[(last - counts)[open_line & (counts > 0)]] = True
        self._last_segment[(last - 1)[open_line & (counts > 0)]] = True
        self._tree = shapely.STRtree(
            shapely.linestrings(np.stack([self._start[:, :2], self._end[:, :2]], axis=1)) if len(self._line) else []
        )

    def nearest(self, xy: Float, reach_m: float) -> Feet:
        """The nearest foot of each point (N, >=2) that has a line within `reach_m`."""
        if len(self._line) == 0 or len(xy) == 0:
            none = np.zeros(0, dtype=np.int64)
            return self._feet(np.zeros((0, 2)), none, none)
        query, segment = self._tree.query_nearest(shapely.points(xy[:, :2]), max_distance=reach_m, all_matches=False)
        return self._feet(xy, query.astype(np.int64), segment.astype(np.int64))

    def within(self, xy: Float, reach_m: float) -> Feet:
        """One foot for every pair of a point (N, >=2) and a segment within `reach_m` of it."""
        query, segment = self._tree.query(shapely.points(xy[:, :2]), predicate="dwithin", distance=reach_m)
        return self._feet(xy, query.astype(np.int64), segment.astype(np.int64))

    def _feet(self, xy: Float, query: Index, segment: Index) -> Feet:
        start, end = self._start[segment], self._end[segment]
        step = end[:, :2] - start[:, :2]
        length = np.maximum(np.linalg.norm(step, axis=1), 1e-12)
        relative = xy[query, :2] - start[:, :2]
        share = (relative * step).sum(axis=1) / length**2
        inside = np.clip(share, 0.0, 1.0)
        foot = start + inside[:, None] * (end - start)
        normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / length[:, None]
        slack = 1e-9
        beyond = (self._first_segment[segment] & (share < -slack)) | (self._last_segment[segment] & (share > 1 + slack))
        distance = np.linalg.norm(xy[query, :2] - foot[:, :2], axis=1)
        side = np.where((relative * normal).sum(axis=1) >= 0.0, 1.0, -1.0)
        return Feet(query, self._line[segment], foot[:, :3], normal, side * distance, distance, beyond, foot[:, 3])


def _with_value(vertices: Float, value: Float | None) -> Float:
    """(N, 4): x, y, z, value; NaN where unknown."""
    columns = np.full((len(vertices), 4), np.nan)
    columns[:, : min(vertices.shape[1], 3)] = vertices[:, :3]
    if value is not None and len(value) == len(vertices):
        columns[:, 3] = value
    return columns


def _horizontal_length(line: Float) -> float:
    return float(np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1).sum())


def _interpolate(columns: list[Float], line: Index, along_m: Float) -> tuple[Float, Float]:
    """Values and unit tangents at distances along lines.

    All lines are laid end to end on one axis, so that one search serves them all.
    """
    if not columns:
        return np.zeros((0, 4)), np.zeros((0, 2))
    stacked = np.concatenate(columns)
    counts = np.array([len(c) for c in columns])
    first = np.cumsum(counts) - counts
    steps = np.linalg.norm(np.diff(stacked[:, :2], axis=0), axis=1)
    steps[first[1:] - 1] = 0.0
    axis = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = axis[first[line]] + along_m
    owner_end = first[line] + counts[line] - 2
    segment = np.clip(np.searchsorted(axis, wanted, side="right") - 1, first[line], owner_end)
    width = axis[segment + 1] - axis[segment]
    share = np.clip(np.where(width > 0.0, (wanted - axis[segment]) / np.where(width > 0.0, width, 1.0), 0.0), 0.0, 1.0)
    low, high = stacked[segment], stacked[segment + 1]
    step = high[:, :2] - low[:, :2]
    tangent = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-12)
    return low + share[:, None] * (high - low), tangent
