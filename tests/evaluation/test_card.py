"""What of an evaluation goes into whose card."""

from __future__ import annotations

import json
from pathlib import Path

from mapforge.evaluation.card import merge_into_card

ENTRY = {
    "what": "worlds",
    "scores": {
        "all worlds": {"fused": {"lane_divider": {"mAP_easy": 0.5}, "all": {}, "traffic_sign": {"recall": 0.9}}},
        "condition wet": {"fused": {"lane_divider": {"mAP_easy": 0.2}}},
    },
    "calibration_error": {"cells": {"lane_divider": 0.02}, "instances": {"lane_divider": 0.1, "traffic_light": 0.3}},
}


def card_of(folder: Path, of_points: bool) -> dict:
    weights = folder / "model.safetensors"
    weights.with_suffix(".json").write_text('{"limits": ["some"], "evaluation": "older"}')
    return json.loads(merge_into_card(weights, ENTRY, of_points, folder / "tmp").read_text())


def test_each_card_has_the_figures_of_its_own_classes(tmp_path: Path) -> None:
    lines, signs = card_of(tmp_path, False), card_of(tmp_path, True)
    assert lines["limits"] == ["some"]
    assert set(lines["evaluation"]["scores"]["all worlds"]["fused"]) == {"lane_divider", "all"}
    assert signs["evaluation"]["scores"] == {"all worlds": {"fused": {"traffic_sign": {"recall": 0.9}}}}
    assert signs["evaluation"]["calibration_error"] == {"instances": {"traffic_light": 0.3}}
