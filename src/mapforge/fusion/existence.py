"""How likely something exists: drives that saw it against drives that looked there and did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.areas import mask_of, parts_of
from mapforge.geometry.grid import BevGrid

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

COVERAGE_CELL_M = 1.0


@dataclass(frozen=True, eq=False)
class Visibility:
    """Where each drive looked. seen: (drives, rows, columns) bool over the grid."""

    grid: BevGrid
    seen: Bool

    @classmethod
    def of(cls, coverage: list[list[shapely.Polygon]], bounds_m: tuple[float, float, float, float]) -> Visibility:
        """coverage[d]: where drive d looked, at least inside the bounds (whole metres)."""
        xmin, ymin, xmax, ymax = bounds_m
        rows, columns = round((ymax - ymin) / COVERAGE_CELL_M), round((xmax - xmin) / COVERAGE_CELL_M)
        grid = BevGrid(xmin, ymin, COVERAGE_CELL_M, rows, columns)
        masks = [mask_of([part for area in areas for part in parts_of(area)], grid) for areas in coverage]
        return cls(grid, np.array(masks, dtype=bool).reshape(len(coverage), rows, columns))

    def at(self, xy_map: Float) -> Bool:
        """(N, drives): did the drive look at the point? False outside the bounds."""
        rows, columns = self.grid.cells_of(xy_map)
        inside = self.grid.contains(rows, columns)
        looked = np.zeros((len(xy_map), len(self.seen)), dtype=bool)
        looked[inside] = self.seen[:, rows[inside], columns[inside]].T
        return looked


def confidence(
    hit_confidence: Float, looked: Bool, prior_log_odds: float, hit_weight: float, miss_log_odds: float
) -> Float:
    """(N,) probability of existence from (N, drives) confidences of the drives that saw it, 0 where one did not.

    Log odds add up, drives counted as independent; a drive that saw it counts as having looked.
    """
    hits = hit_confidence > 0.0
    sure = np.clip(hit_confidence, 0.05, 0.98)
    gain = np.where(hits, hit_weight * np.log(sure / (1.0 - sure)), 0.0).sum(axis=1)
    loss = miss_log_odds * (looked & ~hits).sum(axis=1)
    return np.asarray(1.0 / (1.0 + np.exp(-(prior_log_odds + gain - loss))))
