"""Puts an odometry path onto the map: level it by gravity, then turn and shift it onto the fixes."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import SE3, Float
from mapforge.localization.gnss import Fixes
from mapforge.localization.gravity import UpDirections
from mapforge.localization.odometry import OdometryPath

REWEIGHTINGS = 10
UP = np.array([0.0, 0.0, 1.0])


def levelled(path: OdometryPath, up: UpDirections) -> SE3:
    """`level_SE3_odom`: the smallest turn that brings the path's mean up direction onto z."""
    if not len(up.nodes):
        return SE3.identity()
    mean = np.einsum("nij,nj->ni", path.pose[up.nodes, :3, :3], up.up_ego).mean(axis=0)
    axis = np.cross(mean, UP)
    sine = np.linalg.norm(axis)
    angle = np.arctan2(sine, mean @ UP)
    vector = axis / sine * angle if sine > 1e-12 else np.zeros(3)
    return SE3(Rotation.from_rotvec(vector).as_matrix(), np.zeros(3))


def placed_on_fixes(path: OdometryPath, level: SE3, fixes: Fixes) -> SE3:
    """`map_SE3_odom` that brings the path's antenna positions nearest to the fixes.

    Weighted 2D Procrustes in closed form, reweighted so that far fixes count little (L1, not squares).
    """
    rotation, translation = path.trajectory().poses_at(fixes.timestamps_ns)
    antenna = level.transform(rotation @ fixes.lever_ego_m + translation)
    base = 1.0 / fixes.sigma_m[:, :2].mean(axis=1)
    weight = base * base
    yaw, shift = 0.0, np.zeros(3)
    for _ in range(REWEIGHTINGS):
        share = (weight / weight.sum())[:, None]
        from_mean, to_mean = (share * antenna).sum(axis=0), (share * fixes.xyz_map).sum(axis=0)
        a, b = antenna - from_mean, fixes.xyz_map - to_mean
        cross = (share[:, 0] * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()
        dot = (share[:, 0] * (a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1])).sum()
        yaw = float(np.arctan2(cross, dot))
        turn = SE3.from_yaw(yaw, np.zeros(3))
        shift = to_mean - turn.transform(from_mean[None])[0]
        misfit = np.linalg.norm((turn.transform(antenna) + shift - fixes.xyz_map)[:, :2], axis=1) * base
        weight = base * base / np.maximum(misfit, 1.0)
    return SE3.from_yaw(yaw, shift) @ level


def placed_at_origin(path: OdometryPath, level: SE3, origin_map: Float) -> SE3:
    """`map_SE3_odom` with the first pose at `origin_map` (3,), heading along the map's x axis."""
    first = level @ SE3.from_matrix(path.pose[0])
    yaw = np.arctan2(first.rotation[1, 0], first.rotation[0, 0])
    turned = SE3.from_yaw(-yaw, np.zeros(3)) @ level
    return SE3(turned.rotation, origin_map - (turned @ SE3.from_matrix(path.pose[0])).translation_m)


def moved_path(map_SE3_odom: SE3, path: OdometryPath) -> Float:
    """(N, 4, 4) `map_SE3_ego`."""
    return np.asarray(map_SE3_odom.matrix() @ path.pose)


def baseline_m(fixes: Fixes) -> float:
    """How far apart the fixes reach, in the horizontal plane."""
    return float(np.hypot(*np.ptp(fixes.xyz_map[:, :2], axis=0))) if len(fixes) else 0.0
