"""Signs that a camera saw: found, rightly named, and what was taken for a sign."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.evaluation.counts import TileCounts, add_up
from mapforge.evaluation.mapping import JudgedMap
from mapforge.evaluation.sign_views import seen_from_m
from mapforge.evaluation.worlds import WorldFiles
from mapforge.metrics.signs import MATCH_M, match_points
from mapforge.schemas.elements import POINT_CLASSES, ElementClass, MapElement

Float = NDArray[np.float64]


def sign_counts(files: WorldFiles, mapped: JudgedMap, range_max_m: float) -> TileCounts:
    """Of traffic signs and lights, tile by tile.

    Truth: those that some camera of the map's drives saw from no further than `range_max_m`. A prediction is right when
    it is paired with a sign, in view or not; only those within `range_max_m` of a driven path are judged.
    """
    counts: TileCounts = {}
    ranges = seen_from_m(files.simulation, mapped.drives)
    path = np.concatenate(list(mapped.result.paths.values()))
    for point_class in POINT_CLASSES:
        truth = [e for e in mapped.result.truth if e.element_class is point_class]
        in_view = _in_view(truth, ranges, range_max_m)
        predicted = [e for e in mapped.result.predicted if e.element_class is point_class]
        predicted = [e for e in predicted if _distance_m(e.xyz_map, path) <= range_max_m]
        _add(counts, mapped, point_class, truth, in_view, predicted)
    return counts


def _add(
    counts: TileCounts,
    mapped: JudgedMap,
    point_class: ElementClass,
    truth: list[MapElement],
    in_view: NDArray[np.bool_],
    predicted: list[MapElement],
) -> None:
    true_xyz, xyz = (np.array([e.xyz_map[0] for e in side]).reshape(-1, 3) for side in (truth, predicted))
    pairs = match_points(true_xyz, xyz, MATCH_M)
    found, right = np.zeros(len(truth), dtype=bool), np.zeros(len(predicted), dtype=bool)
    found[pairs.truth], right[pairs.predicted] = True, True
    named = np.zeros(len(truth), dtype=bool)
    named[pairs.truth] = [_type(truth[t]) == _type(predicted[p]) for p, t in zip(pairs.predicted, pairs.truth)]
    found &= in_view
    frame, name = mapped.result.frame, str(point_class)
    values = {"truth": in_view, "found": found, "typed": found, "type_right": found & named}
    add_up(counts, frame, name, true_xyz, {key: value.astype(np.float64) for key, value in values.items()})
    add_up(counts, frame, name, xyz, {"predicted": np.ones(len(xyz)), "right": right.astype(np.float64)})


def _type(element: MapElement) -> str:
    return str(element.attributes.get("sign_type", ""))


def _in_view(truth: list[MapElement], ranges: list[tuple[Float, float]], range_max_m: float) -> NDArray[np.bool_]:
    """(N,) truth at the place of a face that was seen from near enough."""
    near = np.array([xyz for xyz, range_m in ranges if range_m <= range_max_m]).reshape(-1, 3)
    xyz = np.array([e.xyz_map[0] for e in truth]).reshape(-1, 3)
    gap = np.linalg.norm(xyz[:, None, :2] - near[None, :, :2], axis=2)
    return np.asarray((gap < 0.3).any(axis=1)) if len(near) else np.zeros(len(truth), dtype=bool)


def _distance_m(xyz: Float, path: Float) -> float:
    return float(np.linalg.norm(path[:, :2] - xyz[0, :2], axis=1).min())
