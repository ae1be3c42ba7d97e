"""Where rays meet segments."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.int64]


def hits(origin: Float, ray: Float, start: Float, step: Float) -> tuple[Index, Index, Float, Float]:
    """Every meeting of a ray with a segment: ray, segment, share of the ray and share of the segment (0..1) there.

    origin, ray: (R, 2). start, step: (S, 2) where segments begin and where they go.
    """
    if not len(origin) or not len(start):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, np.zeros(0), np.zeros(0)
    tree = shapely.STRtree(shapely.linestrings(np.stack([start, start + step], axis=1)))
    r, k = tree.query(shapely.linestrings(np.stack([origin, origin + ray], axis=1)))
    cross = ray[r, 0] * step[k, 1] - ray[r, 1] * step[k, 0]
    cross = np.where(np.abs(cross) < 1e-12, np.nan, cross)
    to = start[k] - origin[r]
    reach = (to[:, 0] * step[k, 1] - to[:, 1] * step[k, 0]) / cross
    share = (to[:, 0] * ray[r, 1] - to[:, 1] * ray[r, 0]) / cross
    met = (reach >= 0.0) & (reach <= 1.0) & (share >= 0.0) & (share <= 1.0)
    return r[met], k[met], reach[met], share[met]


def nearest(ray: Index, reach: Float, segment: Index) -> Index:
    """Of each ray its first meeting, as positions in the arrays."""
    order = np.lexsort((segment, reach, ray))
    return np.asarray(order[np.flatnonzero(np.diff(ray[order], prepend=-1))])
