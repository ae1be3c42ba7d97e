"""Polylines as (N, 2) or (N, 3) float64 arrays of vertices, metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def arc_length(line: Float) -> Float:
    """(N,) horizontal distance along the line at each vertex, starting at 0."""
    steps = np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def length(line: Float) -> float:
    """Horizontal length."""
    return float(np.linalg.norm(np.diff(line[:, :2], axis=0), axis=1).sum())


def at_stations(line: Float, stations_m: Float) -> Float:
    """(M, D) points of the line at distances along it, clamped to its ends."""
    along = arc_length(line)
    return np.stack([np.interp(stations_m, along, line[:, d]) for d in range(line.shape[1])], axis=1)


def resample(line: Float, spacing_m: float) -> Float:
    """Equally spaced vertices at most `spacing_m` apart, both ends kept."""
    total = length(line)
    count = max(2, int(np.ceil(total / spacing_m - 1e-9)) + 1)
    return at_stations(line, np.linspace(0.0, total, count))


def resample_count(line: Float, count: int) -> Float:
    """`count` equally spaced vertices, both ends kept."""
    return at_stations(line, np.linspace(0.0, length(line), count))


def tangents(line: Float) -> Float:
    """(N, 2) unit tangents at the vertices (central differences, one-sided at the ends)."""
    step = np.gradient(line[:, :2], axis=0)
    norm = np.linalg.norm(step, axis=1, keepdims=True)
    return step / np.maximum(norm, 1e-12)


def normals_left(line: Float) -> Float:
    """(N, 2) unit normals pointing left of the direction of the line."""
    tangent = tangents(line)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def offset_left(line: Float, offset_m: float | Float) -> Float:
    """The line moved to its left by `offset_m` (scalar or one a vertex); further columns are kept."""
    moved = np.array(line, dtype=np.float64)
    moved[:, :2] += normals_left(line) * np.broadcast_to(offset_m, len(line))[:, None]
    return moved


def project(points: Float, line: Float) -> tuple[Float, Float]:
    """Station along the line and signed distance (left positive) of points (M, >=2) to their nearest point on it.

    Beyond the ends the distance is to the end vertex. O(M * N), vectorised: meant for single lines.
    """
    start, end = line[:-1, :2], line[1:, :2]
    segment = end - start
    squared = np.maximum((segment**2).sum(axis=1), 1e-18)
    relative = points[:, None, :2] - start[None]
    share = np.clip((relative * segment).sum(axis=2) / squared, 0.0, 1.0)
    delta = points[:, None, :2] - (start + share[..., None] * segment)
    distance = np.linalg.norm(delta, axis=2)
    nearest = distance.argmin(axis=1)
    index = np.arange(len(points))
    station = arc_length(line)[nearest] + share[index, nearest] * np.sqrt(squared[nearest])
    cross = segment[nearest, 0] * relative[index, nearest, 1] - segment[nearest, 1] * relative[index, nearest, 0]
    return station, np.where(cross >= 0, 1.0, -1.0) * distance[index, nearest]


def first_loop(line: Float) -> tuple[int, int] | None:
    """Segments (i, j), i < j, that cross each other with the shortest way between them; None when none do.

    Neighbouring segments, and the ends of a closed ring, do not count.
    """
    start, end = line[:-1, :2], line[1:, :2]
    i, j = np.triu_indices(len(start), k=2)
    near = (np.maximum(start[i], end[i]) >= np.minimum(start[j], end[j])).all(axis=1)
    near &= (np.maximum(start[j], end[j]) >= np.minimum(start[i], end[i])).all(axis=1)
    if np.allclose(line[0, :2], line[-1, :2]):
        near &= ~((i == 0) & (j == len(start) - 1))
    i, j = i[near], j[near]
    apart_j = _side(start[i], end[i], start[j]) * _side(start[i], end[i], end[j]) <= 0
    apart_i = _side(start[j], end[j], start[i]) * _side(start[j], end[j], end[i]) <= 0
    i, j = i[apart_i & apart_j], j[apart_i & apart_j]
    if len(i) == 0:
        return None
    along = arc_length(line)
    best = int(np.argmin(along[j] - along[i]))
    return int(i[best]), int(j[best])


def _side(a: Float, b: Float, point: Float) -> Float:
    """(N,) which side of a->b a point lies on: the sign of the cross product."""
    step, to = b - a, point - a
    return np.asarray(step[:, 0] * to[:, 1] - step[:, 1] * to[:, 0])
