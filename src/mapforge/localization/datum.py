"""The error a set of aligned drives has in common: no log can tell it, so it is estimated and stated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mapforge.localization.settled import SettledDrive


@dataclass(frozen=True)
class Datum:
    """Of one set. drives: how many. offset_m: (x, y, z) by which the set lies off where the GNSS of its drives, each by
    its certainty, puts it on average. It holds how far new drives would pull a set that grew, but is not zero even for
    a set aligned at once, since paths bend and are shared unevenly (1.4 sigmas were seen).
    sigma_m: (x or y, z) error of that mean, and so of the set against the earth after readjusting.
    disagreement_m: median horizontal misfit of its registrations.
    """

    drives: int
    offset_m: tuple[float, float, float]
    sigma_m: tuple[float, float]
    disagreement_m: float

    @property
    def offset_sigmas(self) -> float:
        """Horizontal size of the offset in units of its sigma."""
        return float(np.hypot(*self.offset_m[:2]) / max(self.sigma_m[0], 1e-6))


def datum_of_sets(drives: Mapping[str, SettledDrive]) -> dict[str, Datum]:
    """By name of the set, of all sets of two or more drives."""
    members: dict[str, list[SettledDrive]] = defaultdict(list)
    for _, drive in sorted(drives.items()):
        if drive.aligned_set:
            members[drive.aligned_set].append(drive)
    return {name: _datum(own) for name, own in sorted(members.items()) if len(own) > 1}


def datum_sigma_m(gnss_sigma_m: Iterable[float]) -> float:
    """Error of the weighted mean of independent positions, each with its own sigma."""
    return float(1.0 / np.sqrt(sum(1.0 / max(sigma, 1e-3) ** 2 for sigma in gnss_sigma_m)))


def _datum(drives: list[SettledDrive]) -> Datum:
    sigma = np.array([(d.gnss_sigma_m[0], d.gnss_sigma_m[0], d.gnss_sigma_m[1]) for d in drives])
    weight = 1.0 / np.maximum(sigma, 1e-3) ** 2
    x, y, z = np.round((weight * [d.shift_m for d in drives]).sum(axis=0) / weight.sum(axis=0), 4).tolist()
    spread = [round(datum_sigma_m(sigma[:, part]), 4) for part in (0, 2)]
    disagreement = round(float(np.median([d.disagreement_m for d in drives])), 4)
    return Datum(len(drives), (x, y, z), (spread[0], spread[1]), disagreement)
