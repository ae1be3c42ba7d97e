"""How much paths bend, from how much registrations of neighbouring pieces differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.corrections import Agreement
from mapforge.localization.placed_drives import PlacedDrive

BELIEVED_PAIRS = 10.0
"""The configured bending counts like so many pairs of registrations."""
MEDIAN_TO_SIGMA = 1.4826


def bending_sigma_m(
    drives: Mapping[str, PlacedDrive],
    moving: frozenset[str],
    agreements: Sequence[Agreement],
    config: AlignmentConfig,
) -> float:
    """Change of a path's horizontal error over `config.segment_m`, along one axis.

    Two drives that pass each other over several pieces disagree by something that changes from piece to piece: that is
    the bending of both (of one, where the other is settled) and the error of both registrations. Medians keep false
    registrations out; few pairs leave the configured value as it is.
    """
    changes, bends = [], []
    noise = 2.0 * config.registration_sigma_m**2
    by_pass = {(a.a, a.knot, a.b): a for a in agreements}
    for (drive, knot, other), later in sorted(by_pass.items(), key=lambda entry: entry[0]):
        earlier = by_pass.get((drive, knot - 1, other))
        if earlier is None or abs(earlier.b_ns - later.b_ns) > 2 * abs(_piece_ns(drives[drive], knot)):
            continue
        centre = drives[drive].pieces.centre_m
        way = max(float(np.linalg.norm(centre[knot] - centre[knot - 1])) / config.segment_m, 0.01)
        changes.append((later.shift_m[:2] - earlier.shift_m[:2]) / np.sqrt(way))
        bends.append(2.0 if other in moving else 1.0)
    if not changes:
        return config.bending_sigma_m
    spread = (MEDIAN_TO_SIGMA * float(np.median(np.abs(changes)))) ** 2
    found = max(spread - noise, 0.0) / float(np.mean(bends))
    pairs = len(changes)
    return float(np.sqrt((BELIEVED_PAIRS * config.bending_sigma_m**2 + pairs * found) / (BELIEVED_PAIRS + pairs)))


def _piece_ns(drive: PlacedDrive, knot: int) -> int:
    return int(drive.pieces.centre_ns[knot] - drive.pieces.centre_ns[knot - 1])
