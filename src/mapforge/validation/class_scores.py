"""All scores of one class of lines or areas against a reference."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mapforge.metrics.average_precision import THRESHOLDS_M, AveragePrecision, Matching, average_precision
from mapforge.metrics.heights import height_errors
from mapforge.metrics.judged_area import inside, of_unseen_truth
from mapforge.metrics.lateral import Offsets, lateral_errors, longitudinal_errors, offsets, weighted_quantile
from mapforge.metrics.length_based import TOLERANCES_M, duplicated, share_within
from mapforge.metrics.stations import SegmentIndex, Stations
from mapforge.metrics.uncertainty import STATION_M, interval_coverage
from mapforge.schemas.elements import ElementClass
from mapforge.validation.class_lines import ClassLines
from mapforge.validation.judgement import Judgement

Float = NDArray[np.float64]

SPACING_M = 0.5
FOUND_M = 0.5
_ALONG_THE_ROAD = (ElementClass.STOP_LINE, ElementClass.PED_CROSSING)


@dataclass(frozen=True, eq=False)
class ClassScores:
    """values: name -> score (NaN = undefined). truth, predicted: judged samples, with whether the other side has
    something within 0.5 m. matched: offsets of predicted samples. index: the truth."""

    values: dict[str, float]
    precision: AveragePrecision
    truth: Stations
    found: NDArray[np.bool_]
    predicted: Stations
    true: NDArray[np.bool_]
    matched: Offsets
    index: SegmentIndex
    extra: dict[str, float] = field(default_factory=dict)


def class_scores(
    element_class: ElementClass, truth: ClassLines, predicted: ClassLines, judgement: Judgement
) -> ClassScores:
    """Everything DESIGN.md section 6 asks of one class."""
    index = truth.index()
    true_stations = _judged(truth.stations(SPACING_M), judgement)
    stations = _judged_predictions(predicted.stations(SPACING_M), index, judgement)
    stated = _judged_predictions(predicted.stations(STATION_M), index, judgement)
    precision, maptr = (
        average_precision(
            truth.shapes,
            predicted.shapes,
            predicted.confidence,
            judgement.windows,
            judgement.area,
            judgement.window_size_m,
            matching,
        )
        for matching in (Matching.streammapnet, Matching.maptr)
    )
    predicted_index = predicted.index()
    matched = offsets(stations, index)
    values = {
        **_precision_values(precision),
        **_length_values(true_stations, predicted_index, stations, index),
        **_duplicates(stations, predicted_index, predicted.line_confidence),
        **lateral_errors(matched),
        **height_errors(matched),
        **interval_coverage(offsets(stated, index)),
        "mAP_easy_maptr": maptr.easy,
    }
    if element_class in _ALONG_THE_ROAD:
        values |= _longitudinal_values(truth, predicted, judgement)
    return ClassScores(
        values,
        precision,
        true_stations,
        _has(predicted_index, true_stations),
        stations,
        _has(index, stations),
        matched,
        index,
    )


def _judged(stations: Stations, judgement: Judgement) -> Stations:
    return stations.where(inside(judgement.area, stations.xyz))


def _judged_predictions(stations: Stations, truth: SegmentIndex, judgement: Judgement) -> Stations:
    here = _judged(stations, judgement)
    return here.where(~of_unseen_truth(here.xyz, truth, judgement.area))


def _has(index: SegmentIndex, stations: Stations) -> NDArray[np.bool_]:
    mask = np.zeros(len(stations), dtype=bool)
    mask[index.nearest(stations.xyz, FOUND_M).query] = True
    return mask


def _precision_values(precision: AveragePrecision) -> dict[str, float]:
    return {
        **{f"AP_{threshold}": precision.ap[threshold] for threshold in THRESHOLDS_M},
        "mAP_easy": precision.easy,
        "mAP_hard": precision.hard,
    }


def _length_values(
    truth: Stations, predicted_index: SegmentIndex, predicted: Stations, truth_index: SegmentIndex
) -> dict[str, float]:
    values = {}
    for tolerance in TOLERANCES_M:
        values[f"completeness_{tolerance}m"] = share_within(truth, predicted_index, tolerance)
        values[f"correctness_{tolerance}m"] = share_within(predicted, truth_index, tolerance)
    return {
        **values,
        "truth_length_m": float(truth.length_m.sum()),
        "predicted_length_m": float(predicted.length_m.sum()),
    }


def _duplicates(stations: Stations, index: SegmentIndex, confidence: Float) -> dict[str, float]:
    doubled = float(stations.length_m[duplicated(stations, index, confidence)].sum())
    total = float(stations.length_m.sum())
    return {"duplicated_length": doubled / total if total else float("nan"), "duplicated_length_m": doubled}


def _longitudinal_values(truth: ClassLines, predicted: ClassLines, judgement: Judgement) -> dict[str, float]:
    def judged(shapes: list) -> list:
        centres = np.array([(s.centroid.x, s.centroid.y) for s in shapes]).reshape(-1, 2)
        return [s for s, kept in zip(shapes, inside(judgement.area, centres)) if kept]

    errors = longitudinal_errors(judged(truth.shapes), judged(predicted.shapes))
    return {
        f"longitudinal_{name}_m": weighted_quantile(errors, np.ones(len(errors)), share)
        for name, share in (("median", 0.5), ("p95", 0.95))
    }
