"""A drive's path through the map: timed poses with interpolation and uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3, rotations

if TYPE_CHECKING:
    from scipy.spatial.transform import Slerp

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """`map_SE3_ego` over time.

    timestamps_ns: (N,) int64, strictly increasing, N >= 2.
    translation_m: (N, 3) float64, metres, map frame.
    quaternion_wxyz: (N, 4) float64, scalar first.
    sigma_xy_m: (N,) float64, one-sigma horizontal uncertainty of each pose.
    """

    timestamps_ns: NDArray[np.int64]
    translation_m: Float
    quaternion_wxyz: Float
    sigma_xy_m: Float

    def __post_init__(self) -> None:
        if len(self.timestamps_ns) < 2 or np.any(np.diff(self.timestamps_ns) <= 0):
            raise ValueError("a trajectory needs at least two poses at strictly increasing times")

    @property
    def start_ns(self) -> int:
        return int(self.timestamps_ns[0])

    @property
    def end_ns(self) -> int:
        return int(self.timestamps_ns[-1])

    @cached_property
    def length_m(self) -> float:
        """Horizontal path length."""
        return float(np.linalg.norm(np.diff(self.translation_m[:, :2], axis=0), axis=1).sum())

    @cached_property
    def _slerp(self) -> Slerp:
        from scipy.spatial.transform import Slerp

        seconds = (self.timestamps_ns - self.timestamps_ns[0]) * 1e-9
        return Slerp(seconds, rotations().from_quat(self.quaternion_wxyz[:, [1, 2, 3, 0]]))

    def covers(self, timestamps_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(M,) bool: the times at which the trajectory is defined (no extrapolation)."""
        return (timestamps_ns >= self.start_ns) & (timestamps_ns <= self.end_ns)

    def poses_at(self, timestamps_ns: NDArray[np.int64]) -> tuple[Float, Float]:
        """Rotations (M, 3, 3) and translations (M, 3) at times clamped to the covered span.

        Linear in translation, spherical linear in rotation.
        """
        clamped = np.clip(np.asarray(timestamps_ns, dtype=np.int64), self.start_ns, self.end_ns)
        seconds = (clamped - self.timestamps_ns[0]) * 1e-9
        knots = (self.timestamps_ns - self.timestamps_ns[0]) * 1e-9
        translation = np.stack([np.interp(seconds, knots, self.translation_m[:, i]) for i in range(3)], axis=1)
        return self._slerp(seconds).as_matrix(), translation

    def pose_at(self, timestamp_ns: int) -> SE3:
        """`map_SE3_ego` at one time, clamped to the covered span."""
        rotation, translation = self.poses_at(np.array([timestamp_ns]))
        return SE3(rotation[0], translation[0])
