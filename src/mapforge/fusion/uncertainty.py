"""How far a fused line may be from the truth, across it: a one-sigma figure that holds what it says.

Four parts, independent of each other. What each drive states (its detection, and its pose against the other drives;
both are the same over metres, so that neighbouring vertices do not average them out) falls with the number of drives.
How far the drives actually disagree, pooled along the line, raises it. What all drives see wrongly in the same way
(where the network takes the line to be) stays however many there are. The datum, which all drives share, is added last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.along_line import sums_along
from mapforge.fusion.consensus import Observed, Placed
from mapforge.fusion.samples import LineSamples

Float = NDArray[np.float64]

_PRIOR_DRIVES = 2.0
"""Weight of the stated sigmas against the disagreement that was found, in drives."""
_INDEPENDENT_PLACES = 8.0
"""Stations over which a drive's error is one and the same."""


def relative_sigma(
    guides: LineSamples, seen: Observed, placed: Placed, places: int, stated_scale: float, common_m: float
) -> Float:
    """(N,) one-sigma across each guide, without the datum.

    places: stations on either side over which disagreement is pooled. stated_scale: truth of the stated sigmas.
    common_m: error that all drives share because they look with the same eyes.
    """
    weight = placed.weight
    total = np.maximum(weight.sum(axis=1), 1e-12)
    own = (weight * stated_scale * seen.sigma_m) ** 2
    stated = own.sum(axis=1) / total**2
    known = weight > 0.0
    residual = np.where(known, seen.offset_m - placed.shift_m[:, None], 0.0)
    bounded = np.minimum((residual / (stated_scale * np.maximum(seen.sigma_m, 1e-9))) ** 2, 16.0)
    spread = np.where(known, bounded, 0.0).sum(axis=1)
    freedom = np.maximum(known.sum(axis=1) - 1.0, 0.0)
    pooled = sums_along(guides, np.stack([spread, freedom], axis=1), places) / _INDEPENDENT_PLACES
    inflation = (_PRIOR_DRIVES + pooled[:, 0]) / (_PRIOR_DRIVES + pooled[:, 1])
    return np.asarray(np.sqrt(stated * inflation + common_m**2))


def datum_variance(placed: Placed, datum_sigma_m: Float) -> Float:
    """(N,) variance of the place all drives share, from each drive's own statement (drives,)."""
    total = np.maximum(placed.weight.sum(axis=1), 1e-12)
    return np.asarray((placed.weight * datum_sigma_m**2).sum(axis=1) / total)
