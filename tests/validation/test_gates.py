"""A tile passes or is rejected for reasons that are said."""

from __future__ import annotations

import pytest

from mapforge.errors import ConfigurationError
from mapforge.schemas.issues import Issue, Severity
from mapforge.validation.config import ValidationConfig
from mapforge.validation.gates import Gates, verdict

GATES = Gates(0, 0.3, 0.5, 20.0, 0.4, 0.5, 0.3, 20.0)
GOOD = {
    "coverage": 0.9,
    "agreement_0.5m": 0.9,
    "agreement_length_m": 300.0,
    "truth_length_m": 300.0,
    "completeness_0.5m": 0.9,
    "correctness_0.5m": 0.9,
    "lateral_median_m": 0.05,
}


def issue(severity: Severity) -> Issue:
    return Issue(severity, "open_seam", "a", "t", "m", 0.0, 0.0, 0.0, 0.0)


def test_good_is_valid_and_nothing_known_rejects_nothing() -> None:
    assert verdict("t", GOOD, [issue(Severity.WARNING)], GATES).state == "valid"
    assert verdict("t", {}, [], GATES).state == "valid"
    assert verdict("t", dict.fromkeys(GOOD, float("nan")), [], GATES).state == "valid"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("coverage", 0.1),
        ("agreement_0.5m", 0.2),
        ("completeness_0.5m", 0.2),
        ("correctness_0.5m", 0.2),
        ("lateral_median_m", 0.5),
    ],
)
def test_each_gate_rejects_and_says_so(name: str, value: float) -> None:
    judged = verdict("t", {**GOOD, name: value}, [], GATES)
    assert judged.state == "rejected"
    assert name in judged.reasons[0]


def test_little_length_is_not_held_against_a_tile() -> None:
    little = {**GOOD, "agreement_0.5m": 0.0, "agreement_length_m": 5.0, "truth_length_m": 5.0, "completeness_0.5m": 0.0}
    assert verdict("t", little, [], GATES).state == "valid"


def test_rule_errors_reject_by_name() -> None:
    judged = verdict("t", GOOD, [issue(Severity.ERROR)], GATES)
    assert judged.state == "rejected"
    assert "open_seam" in judged.reasons[0]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="min_coverage"):
        ValidationConfig(min_coverage=1.5)
    with pytest.raises(ConfigurationError, match="window"):
        ValidationConfig(window_spacing_m=0.0)
    with pytest.raises(ConfigurationError, match="lane_width"):
        ValidationConfig(min_lane_width_m=9.0)
