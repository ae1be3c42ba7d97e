"""What an evaluation says of weights, short enough for their model card."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mapforge.evaluation.reliability import Bins, added, calibration_error
from mapforge.evaluation.spread import Summary
from mapforge.evaluation.world_scores import WorldScores
from mapforge.io.atomic import write_text
from mapforge.io.json_text import read_object
from mapforge.schemas.elements import POINT_CLASSES

FIGURES = (
    "mAP_easy", "mAP_hard", "lateral_median_m", "lateral_p95_m", "completeness", "correctness",
    "marking_type_accuracy", "colour_accuracy", "boundary_type_accuracy", "recall", "precision", "type_accuracy",
    "successor_precision", "successor_recall", "neighbour_precision", "neighbour_recall", "wrong_way",
)  # fmt: skip


def calibration(worlds: Sequence[WorldScores]) -> dict[str, dict[str, float]]:
    """Expected calibration error of cells and of instances, by class, over all worlds."""
    errors = {}
    for what in ("cells", "instances"):
        names = sorted({name for world in worlds for name in getattr(world, what)})
        found = {name: calibration_error(bins_over(worlds, what, name)) for name in names}
        errors[what] = {name: round(value, 4) for name, value in found.items() if math.isfinite(value)}
    return errors


def bins_over(worlds: Sequence[WorldScores], what: str, name: str) -> Bins:
    """Of one class over all worlds. what: `cells` or `instances`."""
    return added([getattr(world, what)[name] for world in worlds if name in getattr(world, what)])


def evaluation_of(worlds: Sequence[WorldScores], summary: Summary, code_version: str) -> dict[str, Any]:
    """The card's entry: mean, interval and number of worlds of each figure, by group of worlds, map and class."""
    scores = {
        group: {
            kind: {
                name: {figure: figures[figure].as_list() for figure in FIGURES if figure in figures}
                for name, figures in classes.items()
            }
            for kind, classes in kinds.items()
            if classes
        }
        for group, kinds in summary.items()
    }
    return {
        "what": "held-out simulated worlds, true poses; [mean, low, high, worlds]",
        "worlds": [world.name for world in worlds],
        "drives_alone_and_fused": {world.name: sorted(world.maps) for world in worlds},
        "calibration_error": calibration(worlds),
        "code_version": code_version,
        "scores": scores,
    }


def _of(points: bool, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with the scores of signs and lights only, or of all but them; groups without any are left out."""

    def kept(own: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in own.items() if (name in POINT_CLASSES) is points}

    scores = {group: {kind: kept(own) for kind, own in kinds.items()} for group, kinds in entry["scores"].items()}
    errors = {what: kept(own) for what, own in entry["calibration_error"].items()}
    return {
        **entry,
        "scores": {group: kinds for group, kinds in scores.items() if any(kinds.values())},
        "calibration_error": {what: own for what, own in errors.items() if own},
    }


def merge_into_card(weights: Path, entry: dict[str, Any], of_points: bool, tmp: Path) -> Path:
    """Puts the entry under `evaluation` in the card beside the weights; all else stays.

    of_points: the weights find signs and lights: of the figures, the card gets those that are theirs.
    """
    path = weights.with_suffix(".json")
    card = read_object(path, "restore it: it was written with the weights")
    write_text(path, _readable({**card, "evaluation": _of(of_points, entry)}), tmp)
    return path


def _readable(card: dict[str, Any]) -> str:
    """JSON, indented, with every list of numbers on one line."""
    text = json.dumps(card, indent=1, sort_keys=True)
    return re.sub(r"\[[\s\d.,eE+-]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"
