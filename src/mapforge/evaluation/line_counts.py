"""Lengths of lines and areas found, true, and rightly named, tile by tile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.evaluation.counts import TileCounts, add_up
from mapforge.metrics.judged_area import inside, of_unseen_truth
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.stage import ValidationResult

Float = NDArray[np.float64]

SPACING_M = 0.5
SAME_LINE_M = 0.5
"""A prediction this near to a true line speaks of it."""
_TURNED = {"solid_dashed": "dashed_solid", "dashed_solid": "solid_dashed"}
"""What a marking is called when its line runs the other way."""


def line_counts(result: ValidationResult) -> TileCounts:
    """Of every scored class of lines and areas. Found and true: within 0.5 m of the other side, as validation says."""
    counts: TileCounts = {}
    assert result.scores is not None
    for name, own in result.scores.classes.items():
        truth, predicted = own.truth, own.predicted
        values = {"truth_m": truth.length_m, "found_m": truth.length_m * own.found}
        add_up(counts, result.frame, name, truth.xyz, values)
        values = {"predicted_m": predicted.length_m, "true_m": predicted.length_m * own.true}
        add_up(counts, result.frame, name, predicted.xyz, values)
    _add_names(counts, result, ElementClass.LANE_DIVIDER, "marking_type", ("typed_m", "type_right_m"), "none")
    _add_names(counts, result, ElementClass.LANE_DIVIDER, "colour", ("coloured_m", "colour_right_m"), "unknown")
    _add_names(counts, result, ElementClass.ROAD_BOUNDARY, "boundary_type", ("kind_m", "kind_right_m"), "")
    return counts


def _add_names(
    counts: TileCounts,
    result: ValidationResult,
    element_class: ElementClass,
    attribute: str,
    names: tuple[str, str],
    blank: str,
) -> None:
    """Length of predictions beside truth of a known attribute, and of those that name it right.

    Lines are taken as they are, not joined: where a marking changes its type, another element begins.
    """
    truth, predicted = (
        [e for e in side if e.element_class is element_class and e.attributes.get("marking_type") != "none"]
        for side in (result.truth, result.predicted)
    )
    index = SegmentIndex([e.xyz_map for e in truth])
    stations = stations_along([e.xyz_map for e in predicted], SPACING_M)
    stations = stations.where(inside(result.judgement.area, stations.xyz))
    stations = stations.where(~of_unseen_truth(stations.xyz, index, result.judgement.area))
    feet = index.nearest(stations.xyz, SAME_LINE_M)
    along = np.column_stack([feet.normal[:, 1], -feet.normal[:, 0]])
    same_way = (along * stations.tangent[feet.query]).sum(axis=1) >= 0.0
    said = _names(predicted, attribute)[stations.line[feet.query]] if len(predicted) else np.zeros(0, object)
    true = _names(truth, attribute)[feet.line] if len(truth) else np.zeros(0, object)
    turned = np.array([_TURNED.get(str(name), str(name)) for name in said], dtype=np.object_)
    right = np.where(same_way, said, turned) == true
    known = (true != blank) & (true != "")
    length = stations.length_m[feet.query] * known
    xyz = stations.xyz[feet.query]
    add_up(counts, result.frame, str(element_class), xyz, {names[0]: length, names[1]: length * right})


def _names(elements: list[MapElement], attribute: str) -> NDArray[np.object_]:
    return np.array([str(e.attributes.get(attribute) or "") for e in elements], dtype=object)
