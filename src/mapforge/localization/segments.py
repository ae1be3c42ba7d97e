"""Pieces of a drive: where its path is cut, and what it saw along one piece as a thinned cloud."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import small_gicp
from numpy.typing import NDArray

from mapforge.geometry.deskew import SweepMotion
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader, Sweep

T = TypeVar("T")

NEIGHBOURS_OF_A_POINT = 10
UPRIGHT_NORMAL_Z = 0.5
"""Surfaces whose normal rises less than this are walls, poles and cars: what tells where one is along the ground."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """A path cut into P pieces of about one length; a drive that stands still is one piece.

    edges_ns: (P + 1,) when one ends and the next begins. centre_ns: (P,) and centre_m: (P, 3) the middle of each.
    sample_m: (M, 3) points of the path every few metres, sample_ns: (M,) when, sample_piece: (M,) in which piece.
    """

    edges_ns: NDArray[np.int64]
    centre_ns: NDArray[np.int64]
    centre_m: Float
    sample_m: Float
    sample_ns: NDArray[np.int64]
    sample_piece: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.centre_ns)


def pieces_of(trajectory: Trajectory, piece_m: float, step_m: float) -> Pieces:
    """Cuts a path by the way driven. step_m: between the samples kept of it."""
    steps = np.linalg.norm(np.diff(trajectory.translation_m, axis=0), axis=1)
    station = np.concatenate([[0.0], np.cumsum(steps)]) + np.arange(len(steps) + 1) * 1e-9
    count = max(round(station[-1] / piece_m), 1)
    edges = np.linspace(0.0, station[-1], count + 1)
    samples = np.linspace(0.0, station[-1], max(round(station[-1] / step_m), 1) * 2 + 1)[1::2]

    def when(at_m: Float) -> NDArray[np.int64]:
        since_ns = np.interp(at_m, station, (trajectory.timestamps_ns - trajectory.start_ns).astype(np.float64))
        return trajectory.start_ns + since_ns.astype(np.int64)

    edges_ns = when(edges)
    edges_ns[0], edges_ns[-1] = trajectory.start_ns, trajectory.end_ns
    centre_ns, sample_ns = when((edges[:-1] + edges[1:]) / 2), when(samples)
    return Pieces(
        edges_ns,
        centre_ns,
        trajectory.poses_at(centre_ns)[1],
        trajectory.poses_at(sample_ns)[1],
        sample_ns,
        np.minimum((samples / station[-1] * count).astype(np.int64), count - 1),
    )


@dataclass(frozen=True)
class Thinning:
    """What of a piece's sweeps is kept: one sweep every `sweep_spacing_m` of way, of it at most `max_returns` returns
    between `min_range_m` and `max_range_m` from the car, and of those one a voxel of `downsampling_m`.
    """

    sweep_spacing_m: float
    max_returns: int
    min_range_m: float
    max_range_m: float
    downsampling_m: float


@dataclass(frozen=True, eq=False)
class PieceCloud:
    """What a drive saw along a piece, relative to the piece's centre. points: with covariances.

    upright_m: (U, 3) those of upright surfaces, upright_normal: (U, 3).
    """

    points: small_gicp.PointCloud
    upright_m: Float
    upright_normal: Float

    @classmethod
    def of(cls, xyz_m: Float, downsampling_m: float) -> PieceCloud | None:
        """Thins (N, 3) points and finds their surfaces; None when there are hardly any."""
        if len(xyz_m) < NEIGHBOURS_OF_A_POINT:
            return None
        cloud, _ = small_gicp.preprocess_points(xyz_m, downsampling_m, NEIGHBOURS_OF_A_POINT, num_threads=1)
        normal = np.asarray(cloud.normals())[:, :3]
        upright = np.abs(normal[:, 2]) < UPRIGHT_NORMAL_Z
        return cls(cloud, np.asarray(cloud.points())[upright, :3], normal[upright])


def sweeps_along(
    reader: DriveReader, trajectory: Trajectory, pieces: Pieces, piece: int, spacing_m: float
) -> NDArray[np.int64]:
    """(K,) indices of the sweeps of one piece, one every so many metres of way."""
    times = reader.sweep_index().timestamps_ns
    low, high = pieces.edges_ns[piece], pieces.edges_ns[piece + 1]
    inside = np.flatnonzero((times >= low) & ((times < high) | (piece == len(pieces) - 1)) & trajectory.covers(times))
    if not len(inside):
        return inside
    steps = np.linalg.norm(np.diff(trajectory.poses_at(times[inside])[1], axis=0), axis=1)
    station = np.concatenate([[0.0], np.cumsum(steps)])
    chosen = np.unique(np.searchsorted(station, np.arange(0.0, station[-1] + 1e-6, spacing_m)))
    return np.asarray(inside[np.minimum(chosen, len(inside) - 1)])


def placed_returns(
    reader: DriveReader, trajectory: Trajectory, sweep: Sweep, keep: NDArray[np.int64], origin_m: Float
) -> Float:
    """(N, 3) the returns `keep` of a sweep, where the trajectory puts them, relative to `origin_m`."""
    offset_ns = sweep.offset_ns[keep] * (0 if reader.manifest.motion_compensated else 1)
    motion = SweepMotion.along(trajectory, sweep.timestamp_ns, offset_ns)
    return np.asarray(motion.transform(sweep.xyz_ego[keep].astype(np.float64), offset_ns, origin_m))


def cloud_of_piece(
    reader: DriveReader, trajectory: Trajectory, pieces: Pieces, piece: int, thinning: Thinning
) -> PieceCloud | None:
    """Thinned returns of one piece, as the drive's own trajectory places them.

    None when there is no sweep.
    """
    chosen = sweeps_along(reader, trajectory, pieces, piece, thinning.sweep_spacing_m)
    if not len(chosen):
        return None
    placed = [_placed(reader, trajectory, i, pieces.centre_m[piece], thinning) for i in chosen.tolist()]
    return PieceCloud.of(np.concatenate(placed), thinning.downsampling_m)


def _placed(reader: DriveReader, trajectory: Trajectory, i: int, origin_m: Float, thinning: Thinning) -> Float:
    """(N, 3) returns of sweep `i` relative to `origin_m`."""
    sweep = reader.sweep(i)
    square = np.einsum("ni,ni->n", sweep.xyz_ego, sweep.xyz_ego)
    keep = np.flatnonzero((square > thinning.min_range_m**2) & (square < thinning.max_range_m**2))
    return placed_returns(reader, trajectory, sweep, keep[:: max(-(-len(keep) // thinning.max_returns), 1)], origin_m)


class PieceCache(Generic[T]):
    """What was made of pieces, made when first asked for; only the `capacity` used last stay in memory."""

    def __init__(self, make: Callable[[str, int], T | None], capacity: int) -> None:
        self._make = make
        self._capacity = capacity
        self._made: OrderedDict[tuple[str, int], T | None] = OrderedDict()

    def of(self, drive: str, piece: int) -> T | None:
        """Of that piece of that drive; None where it shows too little."""
        key = (drive, piece)
        if key not in self._made:
            self._made[key] = self._make(drive, piece)
            while len(self._made) > self._capacity:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]
