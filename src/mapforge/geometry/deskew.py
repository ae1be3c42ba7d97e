"""Motion compensation: brings each point of a sweep from the moving ego frame to where the map says it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.trajectory import Trajectory

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SweepMotion:
    """`out_SE3_ego` over the duration of a sweep, as a quadratic in time through three poses.

    A sweep is so short that the quadratic is exact: 0.3 mm at 40 m while turning at 57 deg/s for 0.1 s.
    A point at share s of the span becomes (A0 + s A1 + s^2 A2) p + (b0 + s b1 + s^2 b2).

    low_offset_ns, span_ns: of the point times, from the sweep time. turn: (3, 3, 3) float64, A0..A2.
    shift_m: (3, 3) float64, b0..b2.
    """

    low_offset_ns: int
    span_ns: int
    turn: Float
    shift_m: Float

    @classmethod
    def along(cls, trajectory: Trajectory, sweep_ns: int, offset_ns: NDArray[np.integer]) -> SweepMotion:
        """`map_SE3_ego` over the times of a sweep's points. offset_ns: (N,), from the sweep time."""
        low, high = (int(offset_ns.min()), int(offset_ns.max())) if len(offset_ns) else (0, 0)
        times = sweep_ns + np.array([low, (low + high) // 2, high], dtype=np.int64)
        return cls.through(low, high - low, *trajectory.poses_at(times))

    @classmethod
    def through(cls, low_offset_ns: int, span_ns: int, rotation: Float, translation_m: Float) -> SweepMotion:
        """rotation: (3, 3, 3), translation_m: (3, 3): poses at the start, the middle and the end of the span."""
        turn, shift = (
            np.stack([v[0], -3.0 * v[0] + 4.0 * v[1] - v[2], 2.0 * v[0] - 4.0 * v[1] + 2.0 * v[2]])
            for v in (rotation, translation_m)
        )
        return cls(low_offset_ns, span_ns, turn, shift)

    def transform(
        self, xyz_ego: NDArray[np.floating], offset_ns: NDArray[np.integer], origin_out: Float | None = None
    ) -> NDArray[np.floating]:
        """xyz_ego: (N, 3), each point in the ego frame of its own time.

        Returns (N, 3) of the dtype of xyz_ego in the `out` frame, minus `origin_out` (3,), which keeps float32 exact.
        """
        kind = xyz_ego.dtype
        shift = self.shift_m.copy()
        shift[0] -= np.zeros(3) if origin_out is None else origin_out
        if self.span_ns == 0:
            return np.asarray(xyz_ego @ self.turn[0].T.astype(kind) + shift[0].astype(kind))
        share = (offset_ns - self.low_offset_ns).astype(kind) * kind.type(1.0 / self.span_ns)
        parts = self.turn.reshape(9, 3).astype(kind) @ xyz_ego.T + shift.reshape(9, 1).astype(kind)
        return np.asarray((parts[:3] + share * (parts[3:6] + share * parts[6:])).T)
