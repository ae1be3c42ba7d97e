"""What a drive saw of the ground along one piece: paint, patches and curbs, as points with brightness and height.

Where nothing stands upright the ground still looks like something. Brightness is a return's intensity over the median
of the same laser at the same range along the piece, which takes out the sensor's gain and the angle of incidence
without anything learned before; it is 0 on plain road. Alignment comes before perception, so no lines are known yet,
and the raw surface is better evidence anyway: a worn dash, a seam or a manhole tells where one is as well as a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader, Sweep
from mapforge.localization.segments import Pieces, placed_returns, sweeps_along

CELL_M = 0.1
"""Of the returns in a cell only their mean is kept."""
GROUND_CELL_M = 1.0
GROUND_RANK = 0.1
"""Share of a ground cell's returns that lie below the ground's height."""
GROUND_ABOVE_M = 0.25
"""Returns this far above the lowest of their place are of things on the road."""
STEP_M = 0.5
"""Ground lies no higher than this above the lowest within `STEP_CELLS` (roofs of cars do)."""
STEP_CELLS = 5
RANGE_BIN_M = 2.0
FAINTEST, BRIGHTEST = -0.7, 1.5
MIN_CELLS = 500
RING_SPAN = 1 << 16
"""Above any ring number: keys of lasers by range."""


@dataclass(frozen=True)
class SurfaceThinning:
    """What of a piece's sweeps is looked at: one sweep every `sweep_spacing_m` of way, its returns between
    `min_range_m` and `max_range_m` from the car.
    """

    sweep_spacing_m: float
    min_range_m: float
    max_range_m: float


@dataclass(frozen=True, eq=False)
class PieceSurface:
    """Ground cells of a piece, in order of their place. xyz_m: (N, 3) float32 mean place of the returns, relative to
    the piece's centre. brightness: (N,) float32, relative to plain road. returns: (N,) float32, how many they were.
    """

    xyz_m: NDArray[np.float32]
    brightness: NDArray[np.float32]
    returns: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Returns:
    """(N, 3), (N,) and (N,): place, intensity, and a number for the laser and its range."""

    xyz_m: Float
    intensity: Float
    laser: NDArray[np.int64]


def surface_of_piece(
    reader: DriveReader, trajectory: Trajectory, pieces: Pieces, piece: int, thinning: SurfaceThinning
) -> PieceSurface | None:
    """The ground along one piece as the drive's own trajectory places it; None where there is hardly any."""
    chosen = sweeps_along(reader, trajectory, pieces, piece, thinning.sweep_spacing_m)
    if not len(chosen):
        return None
    seen = [_returns(reader, trajectory, reader.sweep(i), pieces.centre_m[piece], thinning) for i in chosen.tolist()]
    joined = _Returns(*(np.concatenate([getattr(s, name) for s in seen]) for name in _Returns.__dataclass_fields__))
    if not len(joined.xyz_m):
        return None
    ground = _is_ground(joined.xyz_m)
    xyz, intensity, laser = joined.xyz_m[ground], joined.intensity[ground], joined.laser[ground]
    return _thinned(xyz, _brightness(intensity, laser)) if len(xyz) else None


def _returns(
    reader: DriveReader, trajectory: Trajectory, sweep: Sweep, origin_m: Float, thinning: SurfaceThinning
) -> _Returns:
    square = np.einsum("ni,ni->n", sweep.xyz_ego, sweep.xyz_ego)
    keep = np.flatnonzero((square > thinning.min_range_m**2) & (square < thinning.max_range_m**2))
    xyz = placed_returns(reader, trajectory, sweep, keep, origin_m)
    laser = (sweep.ring[keep].astype(np.int64) + 1) + RING_SPAN * (np.sqrt(square[keep]) / RANGE_BIN_M).astype(np.int64)
    return _Returns(xyz, sweep.intensity[keep].astype(np.float64), laser)


def _is_ground(xyz_m: Float) -> NDArray[np.bool_]:
    """(N,) near the lowest returns of their place, where these are no higher than their surroundings."""
    index = np.floor(xyz_m[:, :2] / GROUND_CELL_M).astype(np.int64)
    index -= index.min(axis=0)
    shape = index.max(axis=0) + 1
    cell = index[:, 0] * shape[1] + index[:, 1]
    order = np.lexsort((xyz_m[:, 2], cell))
    there, first, count = np.unique(cell[order], return_index=True, return_counts=True)
    low = np.full(shape[0] * shape[1], np.inf)
    low[there] = xyz_m[order, 2][first + (GROUND_RANK * count).astype(np.int64)]
    lowest = minimum_filter(low.reshape(shape), size=STEP_CELLS, mode="constant", cval=np.inf).ravel()
    return (xyz_m[:, 2] < low[cell] + GROUND_ABOVE_M) & (low[cell] < lowest[cell] + STEP_M)


def _brightness(intensity: Float, laser: NDArray[np.int64]) -> Float:
    """(N,) relative to the median of the same laser at the same range, which is plain road."""
    order = np.lexsort((intensity, laser))
    _, first, group, count = np.unique(laser[order], return_index=True, return_inverse=True, return_counts=True)
    median = intensity[order][first + count // 2]
    relative = np.zeros(len(intensity))
    relative[order] = intensity[order] / np.maximum(median, 1e-6)[group] - 1.0
    return np.clip(relative, FAINTEST, BRIGHTEST)


def _thinned(xyz_m: Float, brightness: Float) -> PieceSurface | None:
    index = np.floor(xyz_m[:, :2] / CELL_M).astype(np.int64)
    _, cell = np.unique(index[:, 0] * (1 << 32) + index[:, 1], return_inverse=True)
    count = np.bincount(cell)
    if len(count) < MIN_CELLS:
        return None
    columns = [np.bincount(cell, values) / count for values in (*xyz_m.T, brightness)]
    return PieceSurface(
        np.stack(columns[:3], axis=1).astype(np.float32), columns[3].astype(np.float32), count.astype(np.float32)
    )
