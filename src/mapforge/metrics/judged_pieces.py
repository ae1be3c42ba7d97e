"""Which pieces of lines and areas average precision compares: what was seen, whole where most of it was.

Instances are compared as wholes, so a line must not fall into crumbs where a shadow of the scan crosses it: it counts
from the first to the last of what was seen of it when that is at least half of the way, else stretch by stretch.
Predictions count where the truth beside them does, on the same stretch; where there is no truth, where lidar looked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray

from mapforge.metrics.judged_area import UNSEEN_REACH_M, inside
from mapforge.metrics.polygons import outline_vertices, vertices_of
from mapforge.metrics.stations import SegmentIndex

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Bool = NDArray[np.bool_]
Pieces = tuple[NDArray, Index, Index]

SPACING_M = 0.25
MOSTLY = 0.5
SAME_PLACE_M = 0.05
_APART_M = 1e5
"""Windows are moved this far from each other, so that one search over all of them meets only its own."""


def judged_lines(
    truth: Pieces, predictions: Pieces, shapes: Sequence[shapely.Geometry], area: shapely.Geometry
) -> tuple[Pieces, Pieces]:
    """truth, predictions: lines (P,) clipped to windows, their shape (P,) and window (P,). shapes: the whole truth."""
    xy, _ = _stations(truth[0])
    kept = _stretches(truth, [inside(area, own) for own in xy])
    whole = SegmentIndex(outline_vertices(shapes)[0])
    own_window = SegmentIndex(vertices_of(_apart(kept[0], kept[2])))
    places, counts = _stations(predictions[0])
    if not len(counts):
        return kept, predictions
    flat, window = np.concatenate(places), np.repeat(predictions[2], counts)
    to_any = _distance(whole, flat)
    to_kept = _distance(own_window, flat + np.column_stack([window * _APART_M, np.zeros(len(flat))]))
    judged = np.where(np.isfinite(to_any), to_kept <= to_any + SAME_PLACE_M, inside(area, flat))
    return kept, _stretches(predictions, np.split(judged, np.cumsum(counts)[:-1]))


def judged_areas(truth: NDArray, predictions: NDArray, area: shapely.Geometry) -> tuple[Bool, Bool]:
    """Of areas (T,) and (P,), those that count: true ones seen to at least half, predictions of these or of none."""
    seen = [_seen_share(shapes, area) >= MOSTLY for shapes in (truth, predictions)]
    kept = seen[1].copy()
    if len(truth) and len(predictions):
        p, t = shapely.STRtree(truth).query(predictions, predicate="intersects")
        shared = shapely.area(shapely.intersection(predictions[p], truth[t]))
        order = np.lexsort((t, -shared, p))
        first = order[np.unique(p[order], return_index=True)[1]]
        kept[p[first]] = seen[0][t[first]]
    return seen[0], kept


def _seen_share(shapes: NDArray, area: shapely.Geometry) -> Float:
    return np.asarray(shapely.area(shapely.intersection(shapes, area)) / np.maximum(shapely.area(shapes), 1e-9))


def _stations(lines: NDArray) -> tuple[list[Float], Index]:
    """Points (K, 2) of each line, both ends among them, and how many."""
    if not len(lines):
        return [], np.zeros(0, dtype=np.int64)
    counts = np.maximum(2, np.ceil(shapely.length(lines) / SPACING_M).astype(np.int64) + 1)
    line = np.repeat(np.arange(len(lines)), counts)
    rank = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    points = shapely.line_interpolate_point(lines[line], rank / (counts[line] - 1), normalized=True)
    return np.split(shapely.get_coordinates(points), np.cumsum(counts)[:-1]), counts


def _stretches(pieces: Pieces, judged: Sequence[Bool]) -> Pieces:
    """The stretches of lines that count. judged: of each, at its stations."""
    lines, shape, window = pieces
    found: list[shapely.Geometry] = []
    owner: list[int] = []
    for number, (whole, seen) in enumerate(zip(lines, judged)):
        line, own = _opened(whole, seen)
        for first, last in _runs(own):
            part = line if first == 0 and last == len(own) - 1 else _part(line, first, last, len(own))
            found.append(part)
            owner.append(number)
    at = np.array(owner, dtype=np.int64)
    held = np.empty(len(found), dtype=object)
    held[:] = found
    return held, shape[at], window[at]


def _opened(line: shapely.LineString, judged: Bool) -> tuple[shapely.LineString, Bool]:
    """A line that closes on itself, begun in the middle of the longest stretch that does not count, and its stations.

    What was seen of a ring is then one stretch, wherever the ring happens to begin.
    """
    if not line.is_closed or judged.all() or not judged.any():
        return line, judged
    around = judged[:-1]
    seen = np.flatnonzero(around)
    unseen_after = np.diff(seen, append=seen[0] + len(around))
    longest = int(np.argmax(unseen_after))
    start = int(seen[longest] + unseen_after[longest] // 2) % len(around)
    share = start / len(around)
    halves = [shapely.ops.substring(line, *ends, normalized=True) for ends in ((share, 1.0), (0.0, share))]
    xy = np.concatenate([shapely.get_coordinates(half) for half in halves])
    turned = np.roll(around, -start)
    return shapely.LineString(xy), np.append(turned, turned[0])


def _runs(judged: Bool) -> list[tuple[int, int]]:
    """First and last station of what counts of a line."""
    there = np.flatnonzero(judged)
    if len(there) < 2:
        return []
    if judged[there[0] : there[-1] + 1].mean() >= MOSTLY:
        return [(int(there[0]), int(there[-1]))]
    runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs if len(run) > 1]


def _part(line: shapely.LineString, first: int, last: int, count: int) -> shapely.Geometry:
    return shapely.ops.substring(line, first / (count - 1), last / (count - 1), normalized=True)


def _apart(lines: NDArray, window: Index) -> NDArray:
    """Lines moved by their window's number."""
    xy, index = shapely.get_coordinates(lines, return_index=True)
    if not len(xy):
        return lines
    xy[:, 0] += window[index] * _APART_M
    return np.asarray(shapely.linestrings(xy, indices=index))


def _distance(index: SegmentIndex, xy: Float) -> Float:
    """(N,) to the nearest line, infinite from UNSEEN_REACH_M on."""
    found = np.full(len(xy), np.inf)
    feet = index.nearest(xy, UNSEEN_REACH_M)
    found[feet.query] = feet.distance_m
    return found
