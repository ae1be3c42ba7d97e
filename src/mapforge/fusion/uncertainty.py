"""How far a fused line may be from the truth, across it: a one-sigma figure that holds what it says.

Four parts, independent of each other. What each drive states (its detection, and its pose against the other drives;
both are the same over metres, so that neighbouring vertices do not average them out) falls with the number of drives.
How far the drives actually disagree, pooled along the line, raises it. What all drives see wrongly in the same way
(where the network takes the line to be) stays however many there are; it is larger where the line is in doubt, far from
every path, and at its ends. The datum, which all drives share, is added last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.along_line import sums_along
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.consensus import Observed, Placed
from mapforge.fusion.labels import Labels
from mapforge.fusion.samples import LineSamples
from mapforge.schemas.elements import ElementClass

Float = NDArray[np.float64]

_PRIOR_DRIVES = 2.0
"""Weight of the stated sigmas against the disagreement that was found, in drives."""
_DOUBTED = 0.05
"""Share of the votes for other marking types from which on a type is in doubt."""
_USUAL_DOUBT, _LEAST_DOUBT = 0.1, 0.01
_BESIDE_M, FAR_M = 3.0, 30.0
"""Between these distances from the nearest path errors grow."""
_SIGHT_M = 20.0
_END_REACH_M = 8.0
_PER_DOUBT, _PER_SIGHT, _AT_END = 0.5, 0.7, 0.35
"""Growth of the logarithm of errors: with ten times the doubt, with 20 m of distance, at an end."""
_INDEPENDENT_PLACES = 8.0
"""Stations over which a drive's error is one and the same."""


def relative_sigma(
    guides: LineSamples, seen: Observed, placed: Placed, pooling_m: float, station_m: float, stated_scale: float
) -> Float:
    """(N,) one-sigma across each guide that comes from the drives, each with an error of its own.

    pooling_m: half length over which disagreement is pooled. stated_scale: truth of the sigmas that drives state.
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
    pooled = sums_along(guides, np.stack([spread, freedom], axis=1), round(pooling_m / station_m)) / _INDEPENDENT_PLACES
    inflation = (_PRIOR_DRIVES + pooled[:, 0]) / (_PRIOR_DRIVES + pooled[:, 1])
    return np.asarray(np.sqrt(stated * inflation))


def common_sigma(
    element_class: ElementClass, labels: Labels, exists: Float, path_m: Float, end_m: Float, config: FusionConfig
) -> Float:
    """(N,) one-sigma across each guide of what all drives see wrongly alike.

    exists: (N,) probability of existence. path_m: (N,) distance to the nearest path. end_m: (N,) to the line's end.
    """
    common_m = {
        ElementClass.LANE_DIVIDER: config.common_divider_sigma_m,
        ElementClass.ROAD_BOUNDARY: config.common_boundary_sigma_m,
    }.get(element_class)
    if common_m is None:
        return np.full(len(exists), config.common_stop_line_sigma_m)
    strands = config.strands_sigma_m * np.sqrt(np.minimum(labels.doubt / _DOUBTED, 1.0))
    return np.asarray(np.hypot(common_m * _difficulty(exists, path_m, end_m), strands))


def _difficulty(exists: Float, path_m: Float, end_m: Float) -> Float:
    """(N,) how many times larger the network's error is than of a line that exists with 0.9, beside the path.

    Log-linear in what is known of a line, as errors on ten development worlds were.
    """
    doubt = np.log10(np.maximum(1.0 - exists, _LEAST_DOUBT) / _USUAL_DOUBT)
    far = (np.clip(path_m, _BESIDE_M, FAR_M) - _BESIDE_M) / _SIGHT_M
    # an end beyond its reach has no say at all: another tile may not know of it
    end = np.maximum(1.0 - end_m / _END_REACH_M, 0.0) ** 2
    return np.asarray(np.exp(_PER_DOUBT * doubt + _PER_SIGHT * far + _AT_END * end))


def datum_variance(placed: Placed, datum_sigma_m: Float) -> Float:
    """(N,) variance of the place all drives share, from each drive's own statement (drives,)."""
    total = np.maximum(placed.weight.sum(axis=1), 1e-12)
    return np.asarray((placed.weight * datum_sigma_m**2).sum(axis=1) / total)
