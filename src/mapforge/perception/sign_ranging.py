"""Where a sign is: the lidar returns inside its box give depth and facing, the box centre gives the direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float
from mapforge.perception.camera_view import CameraView

LIDAR_SIGMA_M = 0.03
BOX_SIGMA_PX = 1.0
_SHARE_MIN = 0.15
_GAP_SHARE = 0.02
_FACING_SIGMA_MAX_RAD = 0.2
_GROUND_BAND_M = 0.6


@dataclass(frozen=True, eq=False)
class PlacedSign:
    """A sign or light in the map frame.

    xyz_map: (3,) centre. heading_rad: direction the face points to. sigma_m: one-sigma of the horizontal position.
    n_lidar: returns that gave the range, 0 when it was triangulated.
    """

    xyz_map: Float
    heading_rad: float
    sigma_m: float
    n_lidar: int


def place_by_lidar(
    view: CameraView,
    box_px: NDArray[np.floating],
    xyz_map: Float,
    pixels: Float,
    depths_m: Float,
    box_shrink: float,
    points_min: int,
    depth_gap_m: float,
    range_max_m: float,
) -> PlacedSign | None:
    """Places what a box shows; None when too few returns lie on it.

    box_px: (4,) x0, y0, x1, y1. xyz_map: (N, 3) returns; pixels (N, 2) and depths_m (N,): where `view` sees them.
    """
    inside = np.flatnonzero(_in_box(pixels, box_px, box_shrink) & (depths_m > 0.5) & (depths_m < range_max_m))
    face = inside[nearest_cluster(depths_m[inside], points_min, depth_gap_m)]
    if len(face) < points_min:
        return None
    points, depth = xyz_map[face], float(np.median(depths_m[face]))
    centre = (np.asarray(box_px[:2]) + np.asarray(box_px[2:])) / 2
    eye = view.map_SE3_cam.translation_m
    xyz = eye + view.rays(centre[None])[0] * depth
    heading = facing_rad(points, eye)
    spread = 1.4826 * float(np.median(np.abs(depths_m[face] - depth)))
    along = math.hypot(LIDAR_SIGMA_M, spread / math.sqrt(len(face)))
    across = BOX_SIGMA_PX * depth / view.intrinsics[0]
    return PlacedSign(xyz, heading, math.hypot(along, across), len(face))


def _in_box(pixels: Float, box_px: NDArray[np.floating], shrink: float) -> NDArray[np.bool_]:
    """(N,) bool: inside the box made smaller by `shrink` of its size, but never under 2 px."""
    centre, half = (box_px[:2] + box_px[2:]) / 2, (box_px[2:] - box_px[:2]) / 2
    half = np.maximum(half * (1 - shrink), 1.0)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(pixels - centre) <= half).all(axis=1))


def nearest_cluster(depths_m: Float, points_min: int, gap_m: float) -> NDArray[np.int64]:
    """Indices of the nearest run of depths without a gap that is no stray: big enough by number and by share.

    depths_m: (N,). points_min: returns a run needs. gap_m: a wider step ends a run; it grows by 2 % of the depth.
    """
    if len(depths_m) < points_min:
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(depths_m, kind="stable")
    ordered = depths_m[order]
    ends = np.flatnonzero(np.diff(ordered) > gap_m + _GAP_SHARE * ordered[:-1]) + 1
    needed = max(points_min, math.ceil(_SHARE_MIN * len(depths_m)))
    runs = (run for run in np.split(order, ends) if len(run) >= needed)
    return next(runs, np.zeros(0, dtype=np.int64))


def facing_rad(points_map: Float, eye_map: Float) -> float:
    """Direction an upright face points to, from its returns; towards the eye when they do not tell.

    points_map: (N, 3) returns on the face. eye_map: (3,) where it was seen from.
    """
    middle = points_map[:, :2].mean(axis=0)
    towards = eye_map[:2] - middle
    centred = points_map[:, :2] - middle
    spread, axes = np.linalg.eigh(centred.T @ centred)
    thickness = max(math.sqrt(max(spread[0], 0.0) / len(centred)), LIDAR_SIGMA_M / 2)
    if len(centred) < 6 or thickness > _FACING_SIGMA_MAX_RAD * math.sqrt(max(spread[1], 1e-9)):
        return math.atan2(towards[1], towards[0])
    normal = axes[:, 0] * (1.0 if axes[:, 0] @ towards >= 0 else -1.0)
    return math.atan2(normal[1], normal[0])


def ground_z_m(xyz_map: Float, xy_map: Float, radius_m: float, expected_z_m: float) -> float:
    """Ground height at a place: the low returns around it, else what is expected (the road nearby).

    xyz_map: (N, 3) returns. xy_map: (2,). Returns further than 0.6 m from expected_z_m are no ground.
    """
    near = np.abs(xyz_map[:, :2] - xy_map).max(axis=1) < radius_m if len(xyz_map) else np.zeros(0, dtype=bool)
    z = xyz_map[near, 2]
    z = z[np.abs(z - expected_z_m) < _GROUND_BAND_M]
    low = z[z < z.min() + 0.3] if len(z) else z
    return float(np.median(low)) if len(low) >= 5 else expected_z_m
