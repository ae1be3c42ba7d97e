"""How likely something exists: drives that saw it against drives that looked there and did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.areas import mask_of, parts_of
from mapforge.geometry.grid import BevGrid

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

COVERAGE_CELL_M = 1.0
_LEVEL_SCALE = 4.0
"""A metre up counts as this many along the ground, so that a road is seen from itself and not from a bridge over it."""


@dataclass(frozen=True, eq=False)
class Visibility:
    """Where each drive looked, and how well.

    seen: (drives, rows, columns) bool over the grid. paths: of each drive (K, 3) places it passed, None where unknown.
    clear_m: up to this distance from its path a drive sees what is there; from `far_m` on it sees `far_share` of it.
    """

    grid: BevGrid
    seen: Bool
    paths: tuple[Float | None, ...]
    clear_m: float
    far_m: float
    far_share: float

    @classmethod
    def of(
        cls,
        coverage: list[list[shapely.Polygon]],
        bounds_m: tuple[float, float, float, float],
        paths: list[Float | None] | None = None,
        clear_m: float = 12.0,
        far_m: float = 25.0,
        far_share: float = 0.3,
    ) -> Visibility:
        """coverage[d]: where drive d looked, at least inside the bounds (whole metres)."""
        xmin, ymin, xmax, ymax = bounds_m
        rows, columns = round((ymax - ymin) / COVERAGE_CELL_M), round((xmax - xmin) / COVERAGE_CELL_M)
        grid = BevGrid(xmin, ymin, COVERAGE_CELL_M, rows, columns)
        masks = [mask_of([part for area in areas for part in parts_of(area)], grid) for areas in coverage]
        known = tuple(paths) if paths is not None else (None,) * len(coverage)
        seen = np.array(masks, dtype=bool).reshape(len(coverage), rows, columns)
        return cls(grid, seen, known, clear_m, far_m, far_share)

    def looked(self, xy_map: Float) -> Bool:
        """(N, drives): did the drive look at the point (N, >=2)? False outside the bounds."""
        rows, columns = self.grid.cells_of(xy_map)
        inside = self.grid.contains(rows, columns)
        looked = np.zeros((len(xy_map), len(self.seen)), dtype=bool)
        looked[inside] = self.seen[:, rows[inside], columns[inside]].T
        return looked

    def at(self, xyz_map: Float) -> Float:
        """(N, drives) how well each drive looked at points (N, 2) or (N, 3), 0..1; 0 outside the bounds."""
        looked = self.looked(xyz_map).astype(np.float64)
        for d, path in enumerate(self.paths):
            if path is not None:
                looked[:, d] *= self._clearness(xyz_map, path)
        return looked

    def to_nearest_path_m(self, xyz_map: Float, reach_m: float) -> Float:
        """(N,) distance of points (N, 3) to where a drive passed, at most `reach_m`; 0 where no path is known."""
        known = [path for path in self.paths if path is not None]
        if not known:
            return np.zeros(len(xyz_map))
        near = np.concatenate(known)
        if not len(near):
            return np.full(len(xyz_map), reach_m)
        scale = np.array([1.0, 1.0, _LEVEL_SCALE])
        return np.minimum(cKDTree(near * scale).query(xyz_map * scale)[0], reach_m)

    def _clearness(self, xyz: Float, path: Float) -> Float:
        """(N,) 1 near the path, less further away, 0 beyond sight (which is where another level is)."""
        scale = np.array([1.0, 1.0, _LEVEL_SCALE])[: xyz.shape[1]]
        if not len(path):
            return np.zeros(len(xyz))
        distance = cKDTree(path[:, : xyz.shape[1]] * scale).query(xyz * scale)[0]
        fall = np.clip((distance - self.clear_m) / (self.far_m - self.clear_m), 0.0, 1.0)
        return np.asarray(1.0 - (1.0 - self.far_share) * fall)


def confidence(
    hit_confidence: Float, missed: Float, prior_log_odds: float, hit_weight: float, miss_log_odds: float
) -> Float:
    """(N,) probability of existence from (N, drives) confidences of the drives that saw it, 0 where one did not.

    missed: (N, drives) how well each drive looked; a drive that saw it missed nothing. Log odds add up, drives counted
    as independent.
    """
    hits = hit_confidence > 0.0
    sure = np.clip(hit_confidence, 0.05, 0.98)
    gain = np.where(hits, hit_weight * np.log(sure / (1.0 - sure)), 0.0).sum(axis=1)
    loss = miss_log_odds * np.where(hits, 0.0, missed).sum(axis=1)
    return np.asarray(1.0 / (1.0 + np.exp(-(prior_log_odds + gain - loss))))
