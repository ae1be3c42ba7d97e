"""Pass or reject: what a tile must reach to be published."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mapforge.schemas.issues import Issue, Severity


@dataclass(frozen=True)
class TileVerdict:
    """What became of a tile. state: valid or rejected; reasons: why. scores: name -> value, NaN = undefined."""

    tile: str
    state: str
    reasons: tuple[str, ...]
    scores: dict[str, float] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True)
class Gates:
    """Thresholds; see ValidationConfig."""

    max_rule_errors: int
    min_coverage: float
    min_agreement: float
    min_agreement_length_m: float
    min_completeness: float
    min_correctness: float
    max_lateral_median_m: float
    min_truth_length_m: float


def verdict(tile: str, scores: dict[str, float], issues: list[Issue], gates: Gates) -> TileVerdict:
    """Judges a tile by what is known of it: a score that is NaN (no reference, one drive only) rejects nothing."""
    reasons = []
    errors = [issue for issue in issues if issue.severity is Severity.ERROR]
    if len(errors) > gates.max_rule_errors:
        rules = ", ".join(sorted({issue.rule for issue in errors}))
        reasons.append(f"{len(errors)} rule errors ({rules}); at most {gates.max_rule_errors}")
    reasons += _too_low("coverage", scores, gates.min_coverage)
    if scores.get("agreement_length_m", 0.0) >= gates.min_agreement_length_m:
        reasons += _too_low("agreement_0.5m", scores, gates.min_agreement)
    if scores.get("truth_length_m", 0.0) >= gates.min_truth_length_m:
        reasons += _too_low("completeness_0.5m", scores, gates.min_completeness)
        reasons += _too_low("correctness_0.5m", scores, gates.min_correctness)
        reasons += _too_high("lateral_median_m", scores, gates.max_lateral_median_m)
    return TileVerdict(tile, "rejected" if reasons else "valid", tuple(reasons), scores, tuple(issues))


def _too_low(name: str, scores: dict[str, float], least: float) -> list[str]:
    value = scores.get(name, math.nan)
    return [f"{name} is {value:.2f}; at least {least:.2f}"] if value < least else []


def _too_high(name: str, scores: dict[str, float], most: float) -> list[str]:
    value = scores.get(name, math.nan)
    return [f"{name} is {value:.2f}; at most {most:.2f}"] if value > most else []
