"""The model card of the BEV network: what it was trained on, how it scores, where it ends."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mapforge.io.fingerprint import code_version
from mapforge.models.bev_segmenter import ARCHITECTURE, CLASSES, REACH_CELLS, BevSegmenter
from mapforge.models.normalisation import CAMERA_INPUTS, FINE_INPUTS
from mapforge.schemas.rasters import OBSERVATION_RESOLUTION_M
from mapforge.training.config import BevTrainingConfig

_LIMITS = [
    "needs lidar surface returns: no camera-only input",
    "worn paint below about 1.2 times the road's brightness is often missed",
    "gaps of 12 m between the dashes of worn or wet lines are often not seen as line; vectorization joins them",
    "what was never within 1 m of a return is not reported",
    "colour needs a camera; without one it is a guess from brightness and type",
    "trained on right-hand traffic, mirrored at random; tracks in construction zones were not trained",
]


def bev_card(
    model: BevSegmenter,
    config: BevTrainingConfig,
    scores: dict[str, dict[str, dict[str, float]]],
    sources: list[str],
    places: list[str],
    started_from: str,
    cost: dict[str, Any],
) -> dict[str, Any]:
    """Card as JSON values.

    scores: by evaluation set. sources: what the samples showed. places: simulated worlds it was trained or
    calibrated on, which no evaluation may take. started_from: sha or ''. cost: device, hours, samples.
    """
    return {
        "model": ARCHITECTURE,
        "classes": list(CLASSES),
        "inputs": [*FINE_INPUTS, *CAMERA_INPUTS],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "reach_m": round(REACH_CELLS * OBSERVATION_RESOLUTION_M, 2),
        "training": asdict(config),
        "data": sources,
        "places": places,
        "started_from": started_from,
        "cost": cost,
        "code_version": code_version("mapforge.training", "mapforge.models"),
        "scores": scores,
        "limits": _LIMITS,
    }
