"""Drives that do not fit the others: they are left out, not smeared in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.corrections import Adjustment
from mapforge.localization.placed_drives import PlacedDrive

MIN_REGISTRATIONS = 3
"""Fewer say nothing about a drive."""


@dataclass(frozen=True)
class Contradiction:
    """severity: above 1 the drive is left out."""

    drive: str
    severity: float
    reason: str
    neighbours: tuple[str, ...]


def worst_contradiction(
    adjustment: Adjustment, drives: Mapping[str, PlacedDrive], config: AlignmentConfig
) -> Contradiction | None:
    """The moving drive that fits least, if any does not; of equals the one whose name comes last."""
    found = []
    for name in sorted(adjustment.corrections):
        for contradiction in (_of_registrations(name, adjustment, config), _of_shift(name, adjustment, drives, config)):
            if contradiction is not None and contradiction.severity > 1.0:
                found.append(contradiction)
    return max(found, key=lambda c: (round(c.severity, 3), c.drive), default=None)


def _own(name: str, adjustment: Adjustment) -> tuple[list[int], tuple[str, ...]]:
    """Agreements between a drive and others, and those others."""
    agreements = adjustment.network.agreements
    own = [n for n, a in enumerate(agreements) if name in (a.a, a.b) and a.a != a.b]
    others = {drive for n in own for drive in (agreements[n].a, agreements[n].b)} - {name}
    return own, tuple(sorted(others))


def _of_registrations(name: str, adjustment: Adjustment, config: AlignmentConfig) -> Contradiction | None:
    own, others = _own(name, adjustment)
    if len(own) < MIN_REGISTRATIONS:
        return None
    contradicted = [n for n in own if adjustment.weights[n] == 0.0]
    share = len(contradicted) / len(own)
    reason = (
        f"{len(contradicted)} of its {len(own)} registrations to {', '.join(others)} contradict the others "
        f"(localization.alignment.max_contradicted={config.max_contradicted})"
    )
    return Contradiction(name, share / config.max_contradicted, reason, others)


def _of_shift(
    name: str, adjustment: Adjustment, drives: Mapping[str, PlacedDrive], config: AlignmentConfig
) -> Contradiction | None:
    shift = adjustment.corrections[name].shift_m.mean(axis=0)
    sigma_xy, sigma_z = drives[name].mean_sigma_m()
    sigmas = max(float(np.hypot(shift[0], shift[1])) / max(sigma_xy, 0.01), abs(float(shift[2])) / max(sigma_z, 0.02))
    _, others = _own(name, adjustment)
    reason = (
        f"{', '.join(others)} would move it by ({shift[0]:.2f}, {shift[1]:.2f}, {shift[2]:.2f}) m, {sigmas:.1f} times "
        f"its own uncertainty of {sigma_xy:.2f} m (height {sigma_z:.2f} m); "
        f"localization.alignment.max_shift_sigmas={config.max_shift_sigmas}"
    )
    return Contradiction(name, sigmas / config.max_shift_sigmas, reason, others)
