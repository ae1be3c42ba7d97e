"""Whether probabilities are true: of cells, and of what the map says exists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapforge.io.rasters import read_raster
from mapforge.metrics.judged_area import inside, of_unseen_truth
from mapforge.metrics.polygons import outline_vertices
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.schemas.elements import MapElement
from mapforge.schemas.rasters import OBSERVED_AREA_CLASSES, OBSERVED_LINE_CLASSES
from mapforge.training.label_raster import IGNORED_BIT
from mapforge.training.labels import render_labels
from mapforge.validation.map_scores import SCORED_CLASSES
from mapforge.validation.stage import ValidationResult

Float = NDArray[np.float64]

BINS = 20
COUNTED_FROM = 0.05
"""Less probable cells are left out: nearly all of a tile is empty road, and everybody is right about that."""
RIGHT_SHARE = 0.5
"""An element is right when at least this share of its judged length lies within `NEAR_M` of truth of its class."""
NEAR_M = 0.5
LEAST_LENGTH_M = 1.0
"""Elements of which less is judged take no part."""
_BYTE = 255.0

Bins = list[list[float]]
"""(BINS, 3): number, sum of probabilities, number that were true."""


def bins_of(probability: Float, true: NDArray[np.bool_]) -> Bins:
    """Both (N,)."""
    index = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    columns = (np.ones(len(index)), probability, true.astype(np.float64))
    return np.stack([np.bincount(index, column, BINS) for column in columns], axis=1).round(4).tolist()


def added(parts: Sequence[Bins]) -> Bins:
    """Bins of all together."""
    total: Bins = np.sum([np.array(part) for part in parts], axis=0).tolist() if parts else np.zeros((BINS, 3)).tolist()
    return total


def calibration_error(bins: Bins) -> float:
    """Expected calibration error (Naeini et al. 2015): mean gap between what is said and what is, by number."""
    count, said, true = np.array(bins).T
    return float(np.abs(said - true).sum() / count.sum()) if count.sum() else float("nan")


def reliability(bins: Bins) -> tuple[Float, Float]:
    """Mean probability and share true of every bin that holds something."""
    count, said, true = np.array(bins).T
    held = count > 0
    return said[held] / count[held], true[held] / count[held]


def cell_bins(observations: Sequence[Path], truth: list[MapElement]) -> dict[str, Bins]:
    """Of the network's classes, over observations of single drives, where the drive looked. truth: in their frame."""
    found: dict[str, list[Bins]] = {name: [] for name in (*OBSERVED_LINE_CLASSES, *OBSERVED_AREA_CLASSES)}
    for path in observations:
        seen = read_raster(path)
        flags = render_labels(truth, seen.grid, seen.channels["seen"] == 0).flags
        known = flags >> IGNORED_BIT & 1 == 0
        for bit, name in enumerate(found):
            probability = seen.channels[f"p_{name}"] / _BYTE
            counted = known & (probability >= COUNTED_FROM)
            found[name].append(bins_of(probability[counted], (flags >> bit & 1)[counted] > 0))
    return {name: added(parts) for name, parts in found.items()}


def instance_bins(result: ValidationResult) -> dict[str, Bins]:
    """Of the confidence of the map's lines and areas, one by one, as far as they were judged."""
    found: dict[str, Bins] = {}
    for element_class in SCORED_CLASSES:
        elements = [e for e in result.predicted if e.element_class is element_class]
        truth = [e for e in result.truth if e.element_class is element_class]
        truth = [e for e in truth if e.attributes.get("marking_type") != "none"]
        lines, owner = outline_vertices([e.geometry for e in elements])
        index = SegmentIndex(outline_vertices([e.geometry for e in truth])[0])
        stations = stations_along(lines, NEAR_M)
        stations = stations.where(inside(result.judgement.area, stations.xyz))
        stations = stations.where(~of_unseen_truth(stations.xyz, index, result.judgement.area))
        near = np.zeros(len(stations), dtype=bool)
        near[index.nearest(stations.xyz, NEAR_M).query] = True
        whose = owner[stations.line] if len(owner) else np.zeros(0, dtype=np.int64)
        judged = np.bincount(whose, stations.length_m, len(elements))
        right = np.bincount(whose, stations.length_m * near, len(elements)) >= RIGHT_SHARE * judged
        counted = judged >= LEAST_LENGTH_M
        confidence = np.array([e.confidence for e in elements], dtype=np.float64)
        found[str(element_class)] = bins_of(confidence[counted], right[counted])
    return found
