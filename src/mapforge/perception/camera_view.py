"""What one camera frame sees: points of the map to pixels, pixels to rays in the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3, Float

_UNDISTORT_STEPS = 8


@dataclass(frozen=True, eq=False)
class CameraView:
    """A pinhole camera with plumb-bob distortion at one instant.

    map_SE3_cam: x right, y down, z forward. intrinsics: fx, fy, cx, cy in pixels. distortion: k1, k2, p1, p2, k3 as
    many as given. width_px, height_px: of the picture.
    """

    map_SE3_cam: SE3
    intrinsics: tuple[float, ...]
    distortion: tuple[float, ...]
    width_px: int
    height_px: int

    def project(self, xyz_map: Float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, 2) pixels and (N,) depths along the optical axis; pixels are NaN where depth is not positive."""
        xyz_cam = (np.asarray(xyz_map) - self.map_SE3_cam.translation_m) @ self.map_SE3_cam.rotation
        depth = xyz_cam[:, 2]
        flat = np.full((len(depth), 2), np.nan)
        ahead = depth > 1e-3
        flat[ahead] = xyz_cam[ahead, :2] / depth[ahead, None]
        fx, fy, cx, cy = self.intrinsics
        return self._distorted(flat) * (fx, fy) + (cx, cy), depth

    def rays(self, pixels: Float) -> NDArray[np.float64]:
        """(N, 3) directions in the map frame through pixels (N, 2), of unit depth along the optical axis."""
        fx, fy, cx, cy = self.intrinsics
        wanted = (np.asarray(pixels, dtype=np.float64) - (cx, cy)) / (fx, fy)
        flat = wanted.copy()
        if any(self.distortion):
            for _ in range(_UNDISTORT_STEPS):
                flat = flat + (wanted - self._distorted(flat))
        return np.asarray(np.column_stack([flat, np.ones(len(flat))]) @ self.map_SE3_cam.rotation.T)

    def rows_above(self, depression_rad: float) -> int:
        """Rows of the picture, from its top, that show what is not deeper than this below the horizon straight ahead.

        All rows when the camera looks so steeply down that it has no horizon.
        """
        ahead = self.map_SE3_cam.rotation[:, 2] * (1.0, 1.0, 0.0)
        if np.linalg.norm(ahead) < 0.5 or depression_rad >= np.pi / 2:
            return self.height_px
        down = ahead / np.linalg.norm(ahead) * np.cos(depression_rad) - (0.0, 0.0, np.sin(depression_rad))
        pixels, depth = self.project((self.map_SE3_cam.translation_m + down)[None])
        if depth[0] <= 0 or not np.isfinite(pixels[0, 1]):
            return self.height_px
        return int(np.clip(np.ceil(pixels[0, 1] - 1e-6), 1, self.height_px))

    def _distorted(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Plumb-bob (Brown 1966) on normalised image coordinates; beyond the fold of its polynomial NaN."""
        if not any(self.distortion):
            return flat
        k1, k2, p1, p2, k3 = (*self.distortion, 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
        x, y = flat[:, 0], flat[:, 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        slope = 1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3))
        out = np.column_stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            ]
        )
        out[slope <= 0] = np.nan
        return out
