"""Rigid transforms. `a_SE3_b` takes points in frame b to frame a; inner names cancel under `@`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

Float = NDArray[np.float64]


def rotations() -> type[Rotation]:
    """scipy's Rotation, loaded when first needed: what only plans or lists need not wait for it."""
    from scipy.spatial.transform import Rotation

    return Rotation


@dataclass(frozen=True, eq=False)
class SE3:
    """One rigid transform.

    rotation: (3, 3) float64, orthonormal, determinant +1.
    translation_m: (3,) float64, metres.
    """

    rotation: Float
    translation_m: Float

    @classmethod
    def identity(cls) -> SE3:
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_quaternion(cls, wxyz: Float, translation_m: Float) -> SE3:
        """wxyz: (4,) scalar-first quaternion, any non-zero norm."""
        wxyz = np.asarray(wxyz, dtype=np.float64)
        return cls(rotations().from_quat(wxyz[[1, 2, 3, 0]]).as_matrix(), np.asarray(translation_m, dtype=np.float64))

    @classmethod
    def from_matrix(cls, matrix: Float) -> SE3:
        """matrix: (4, 4) or (3, 4) homogeneous."""
        matrix = np.asarray(matrix, dtype=np.float64)
        return cls(matrix[:3, :3].copy(), matrix[:3, 3].copy())

    @classmethod
    def from_yaw(cls, yaw_rad: float, translation_m: Float) -> SE3:
        """A turn about z, then a translation."""
        return cls(rotations().from_euler("z", yaw_rad).as_matrix(), np.asarray(translation_m, dtype=np.float64))

    def quaternion_wxyz(self) -> Float:
        """(4,) scalar-first unit quaternion with w >= 0."""
        x, y, z, w = rotations().from_matrix(self.rotation).as_quat(canonical=True)
        return np.array([w, x, y, z])

    def matrix(self) -> Float:
        """(4, 4) homogeneous."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation
        matrix[:3, 3] = self.translation_m
        return matrix

    def inverse(self) -> SE3:
        return SE3(self.rotation.T, -self.rotation.T @ self.translation_m)

    def __matmul__(self, other: SE3) -> SE3:
        return SE3(self.rotation @ other.rotation, self.rotation @ other.translation_m + self.translation_m)

    def transform(self, xyz_b: Float) -> Float:
        """xyz_b: (N, 3) in frame b. Returns (N, 3) in frame a."""
        return np.asarray(xyz_b) @ self.rotation.T + self.translation_m
