"""How far one set of lines lies beside another, in the directions that the lines can tell.

Robust point-to-line registration of the translation alone. A move along parallel lines leaves no trace in them, so the
shift is given only along the eigenvectors of the normal matrix that enough of the samples speak for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mapforge.metrics.stations import SegmentIndex, Stations

Float = NDArray[np.float64]

REACHES_M = (3.0, 2.0, 1.0, 1.0, 1.0)
ROBUST_M, ROBUST_OF_REACH = 0.2, 0.3
LEAST_STATIONS = 100
OBSERVED_SHARE = 0.15
"""Of the samples, that must lie across a direction for it to count as observed."""


def observed_shift(lines: Mapping[str, Stations], others: Mapping[str, SegmentIndex]) -> Float | None:
    """(2,) metres, what brings the lines onto the others; 0 in directions nobody can tell. None: too little in common.

    lines, others: by class; a class is compared with itself.
    """
    shift = np.zeros(2)
    for reach_m in REACHES_M:
        normals, missing = _equations(lines, others, shift, reach_m)
        if len(missing) < LEAST_STATIONS:
            return None
        weight = 1.0 / (1.0 + (missing / max(ROBUST_M, ROBUST_OF_REACH * reach_m)) ** 2)
        shift = shift + _solved(normals, missing, weight)
    return shift


def _solved(normals: Float, missing: Float, weight: Float) -> Float:
    """The weighted least squares step within the observed directions."""
    samples, directions = np.linalg.eigh(normals.T @ normals)
    observed = directions[:, samples >= OBSERVED_SHARE * len(missing)]
    across = normals @ observed
    return np.asarray(observed @ np.linalg.solve(across.T @ (weight[:, None] * across), across.T @ (weight * missing)))


def _equations(
    lines: Mapping[str, Stations], others: Mapping[str, SegmentIndex], shift: Float, reach_m: float
) -> tuple[Float, Float]:
    """(K, 2) normals of the others where samples lie beside them, and (K,) what is missing to them."""
    normals, missing = [np.zeros((0, 2))], [np.zeros(0)]
    for name, stations in lines.items():
        feet = others[name].nearest(stations.xyz[:, :2] + shift, reach_m)
        beside = ~feet.beyond_end
        normals.append(feet.normal[beside])
        missing.append(-feet.offset_m[beside])
    return np.concatenate(normals), np.concatenate(missing)
