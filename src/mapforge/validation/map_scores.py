"""A whole map against a reference: scores a class, shifts of windows, signs, lanes, and the same by tile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TILE_SIZE_M, TileId
from mapforge.metrics.centreline_graph import THRESHOLDS_M, matched_centrelines, strict_edge_scores, top_ll
from mapforge.metrics.judged_area import inside
from mapforge.metrics.lateral import lateral_errors, offsets, weighted_quantile
from mapforge.metrics.signs import sign_scores
from mapforge.metrics.topology import edge_scores, judged_lanes, lanes_along, wrong_way_share
from mapforge.metrics.uncertainty import interval_coverage
from mapforge.metrics.window_shift import Shift, window_shifts
from mapforge.schemas.elements import POINT_CLASSES, ElementClass, MapElement
from mapforge.validation.class_lines import class_lines
from mapforge.validation.class_scores import ClassScores, class_scores
from mapforge.validation.judgement import Judgement

Float = NDArray[np.float64]

SCORED_CLASSES = (
    ElementClass.LANE_DIVIDER,
    ElementClass.ROAD_BOUNDARY,
    ElementClass.PED_CROSSING,
    ElementClass.STOP_LINE,
)
MAP_CLASSES = SCORED_CLASSES[:3]
"""The classes that the mAP of a whole map is the mean of."""
SIGN_MARGIN_M = 2.0
_EDGES = ("successor", "neighbour")


@dataclass(frozen=True, eq=False)
class MapScores:
    """values: class (or `all`) -> name -> score. classes: what the scores were made from. shifts: of windows."""

    values: dict[str, dict[str, float]]
    classes: dict[str, ClassScores]
    shifts: list[Shift]


def map_scores(
    truth: list[MapElement], predicted: list[MapElement], judgement: Judgement, datum_sigma_m: float = 0.0
) -> MapScores:
    """Every class that the truth or the prediction has.

    datum_sigma_m: the part of the stated sigmas that the shift of a window takes away.
    """
    classes: dict[str, ClassScores] = {}
    for element_class in SCORED_CLASSES:
        true_lines, lines = class_lines(truth, element_class), class_lines(predicted, element_class)
        if true_lines.vertices or lines.vertices:
            classes[str(element_class)] = class_scores(element_class, true_lines, lines, judgement)
    shifts = _shift(classes, judgement, datum_sigma_m)
    values = {name: scores.values | scores.extra for name, scores in classes.items()}
    for point_class in POINT_CLASSES:
        if any(e.element_class is point_class for e in truth):
            values[str(point_class)] = _point_values(point_class, truth, predicted, judgement)
    if any(e.element_class is ElementClass.LANE for e in truth):
        values[str(ElementClass.LANE)] = lane_values(truth, predicted, judgement)
    values["all"] = _means(values)
    return MapScores(values, classes, shifts)


def tile_values(scores: MapScores, tile: TileId, frame: MapFrame) -> dict[str, float]:
    """Length based scores of what lies in one tile, over the line and area classes together."""
    length = found = predicted = true = 0.0
    errors, weights = [np.zeros(0)], [np.zeros(0)]
    for own in scores.classes.values():
        here = _in_tile(own.truth.xyz, tile, frame)
        length += float(own.truth.length_m[here].sum())
        found += float(own.truth.length_m[here & own.found].sum())
        here = _in_tile(own.predicted.xyz, tile, frame)
        predicted += float(own.predicted.length_m[here].sum())
        true += float(own.predicted.length_m[here & own.true].sum())
        matched_here = here[own.matched.sample]
        errors.append(np.abs(own.matched.offset_m[matched_here]))
        weights.append(own.matched.length_m[matched_here])
    return {
        "truth_length_m": length,
        "predicted_length_m": predicted,
        "completeness_0.5m": found / length if length else float("nan"),
        "correctness_0.5m": true / predicted if predicted else float("nan"),
        "lateral_median_m": weighted_quantile(np.concatenate(errors), np.concatenate(weights), 0.5),
    }


def _in_tile(xyz: Float, tile: TileId, frame: MapFrame) -> NDArray[np.bool_]:
    xmin, ymin, _, _ = tile.bounds_map(frame)
    x, y = xyz[:, 0] - xmin, xyz[:, 1] - ymin
    return np.asarray((x >= 0.0) & (x < TILE_SIZE_M) & (y >= 0.0) & (y < TILE_SIZE_M))


def _shift(classes: dict[str, ClassScores], judgement: Judgement, datum_sigma_m: float) -> list[Shift]:
    """Estimates the shifts over all classes and adds each class's lateral errors, and what of them lies inside the
    stated intervals less the datum's part, after them."""
    shifts, moved = window_shifts(
        {name: scores.predicted for name, scores in classes.items()},
        {name: scores.index for name, scores in classes.items()},
        judgement.anchors,
    )
    for name, scores in classes.items():
        left = offsets(moved[name], scores.index)
        own = replace(left, sigma_m=np.sqrt(np.maximum(left.sigma_m**2 - datum_sigma_m**2, 0.0)))
        after = lateral_errors(left) | interval_coverage(own)
        scores.extra.update({_after_shift(key): value for key, value in after.items() if key != "interval_stations"})
    return shifts


def _after_shift(name: str) -> str:
    return name.replace("lateral_", "lateral_shifted_").replace("interval_", "interval_shifted_")


def _point_values(
    point_class: ElementClass, truth: list[MapElement], predicted: list[MapElement], judgement: Judgement
) -> dict[str, float]:
    """Signs stand beside the ground that was covered: the area is widened a little for them."""
    area = None if judgement.area is None else shapely.buffer(judgement.area, SIGN_MARGIN_M)
    sides = []
    for elements in (truth, predicted):
        chosen = [e for e in elements if e.element_class is point_class]
        xyz = np.array([e.xyz_map[0] for e in chosen]).reshape(-1, 3)
        kept = inside(area, xyz)
        types = [str(e.attributes.get("sign_type", "")) for e, k in zip(chosen, kept) if k]
        sides.append((xyz[kept], types))
    return sign_scores(*sides[0], *sides[1])


def lane_values(truth: list[MapElement], predicted: list[MapElement], judgement: Judgement) -> dict[str, float]:
    """Edges between lanes that lie mostly in the judged area: by the published matching (`strict`) and the looser.

    Predictions that run along true lanes of all of which less was seen are left out, as of other classes.
    """
    true_lanes, lanes = (_judged_lanes(elements, judgement) for elements in (truth, predicted))
    whole = {e.element_id: e.xyz_map for e in truth if e.element_class is ElementClass.LANE}
    kept = judged_lanes(lanes, lanes_along(whole, _centrelines(lanes)), true_lanes)
    lanes = {name: lanes[name] for name in kept}
    lines = _centrelines(true_lanes), _centrelines(lanes)
    loose, strict = lanes_along(*lines), matched_centrelines(*lines, {}, max(THRESHOLDS_M))
    onward = _edges(true_lanes, "successor"), _edges(lanes, "successor")
    values = {"n_truth": float(len(true_lanes)), "n_predictions": float(len(lanes))}
    values["wrong_way"] = wrong_way_share(whole, lines[1])
    values["top_ll"] = top_ll(lines[0], onward[0], lines[1], onward[1])
    for kind in _EDGES:
        edges = _edges(true_lanes, kind), _edges(lanes, kind)
        scores = edge_scores(*edges, loose)
        values |= {f"{kind}_{name}": scores[name] for name in ("precision", "recall")}
        values |= {f"{kind}_strict_{name}": value for name, value in strict_edge_scores(*edges, strict).items()}
    return values


def _judged_lanes(elements: list[MapElement], judgement: Judgement) -> dict[str, MapElement]:
    lanes = (e for e in elements if e.element_class is ElementClass.LANE)
    return {e.element_id: e for e in lanes if inside(judgement.area, e.xyz_map).mean() > 0.5}


def _centrelines(lanes: dict[str, MapElement]) -> dict[str, Float]:
    return {name: lane.xyz_map for name, lane in lanes.items()}


def _edges(lanes: dict[str, MapElement], kind: str) -> list[tuple[str, str]]:
    """Edges of which both ends are among the lanes."""
    edges = []
    for lane in lanes.values():
        if kind == "successor":
            others = lane.attributes.get("successor_ids") or []
        else:
            others = [lane.attributes.get(f"{side}_neighbour_id") for side in ("left", "right")]
        edges += [(lane.element_id, other) for other in others if other in lanes]
    return edges


def _means(values: dict[str, dict[str, float]]) -> dict[str, float]:
    """mAP over the map classes that have truth."""
    known = [values[c] for c in MAP_CLASSES if c in values and not np.isnan(values[c]["mAP_easy"])]
    return {
        name: float(np.mean([own[name] for own in known])) if known else float("nan")
        for name in ("mAP_easy", "mAP_hard", "mAP_easy_maptr")
    }
