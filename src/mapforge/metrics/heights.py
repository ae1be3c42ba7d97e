"""How far lines lie above or below the truth."""

from __future__ import annotations

import numpy as np

from mapforge.metrics.lateral import Offsets, weighted_quantile


def height_errors(matched: Offsets) -> dict[str, float]:
    """height_median_m, height_p95_m of the absolute and height_bias_m of the signed height error of matched length.

    NaN where no matched sample has a height on both sides.
    """
    known = np.isfinite(matched.height_m)
    height, weight = matched.height_m[known], matched.length_m[known]
    return {
        "height_median_m": weighted_quantile(np.abs(height), weight, 0.5),
        "height_p95_m": weighted_quantile(np.abs(height), weight, 0.95),
        "height_bias_m": weighted_quantile(height, weight, 0.5),
    }
