"""Where the sensors sit on one car, and how its optics see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mapforge.geometry.se3 import SE3
from mapforge.simulation.config import MountingConfig, SensorConfig

LIDAR = "lidar_top"
RADAR = "radar_front"
GNSS = "gnss"
IMU = "imu"
CAMERA_YAWS_DEG = {"cam_front": 0.0, "cam_left": 55.0, "cam_right": -55.0}
WHEELBASE_M = 2.8
TRACK_M = 1.6
WHEEL_RADIUS_M = 0.33

_EGO_R_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Optical axes (x right, y down, z forward) of a camera that looks along ego x."""


@dataclass(frozen=True)
class Pinhole:
    """A camera without distortion."""

    focal_px: float
    width_px: int
    height_px: int

    @classmethod
    def with_field_of_view(cls, width_px: int, height_px: int, field_of_view_deg: float) -> Pinhole:
        return cls(width_px / 2 / math.tan(math.radians(field_of_view_deg) / 2), width_px, height_px)

    @property
    def centre_px(self) -> tuple[float, float]:
        """Principal point; pixel centres lie on whole numbers."""
        return (self.width_px - 1) / 2, (self.height_px - 1) / 2

    def project(self, xyz_cam: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) pixel column and row of points in front of the camera."""
        return np.asarray(self.focal_px * xyz_cam[:, :2] / xyz_cam[:, 2:3] + self.centre_px)

    def directions(self) -> NDArray[np.float32]:
        """(H * W, 3) float32 unit rays through the pixel centres, camera frame."""
        u, v = np.meshgrid(np.arange(self.width_px), np.arange(self.height_px))
        rays = np.stack([u - self.centre_px[0], v - self.centre_px[1], np.full(u.shape, self.focal_px)], axis=-1)
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        return rays.reshape(-1, 3).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Rig:
    """One car's calibration. mounts: ego_SE3_sensor by sensor name (cameras in their optical frames)."""

    mounts: dict[str, SE3]
    pinhole: Pinhole

    @property
    def cameras(self) -> list[str]:
        return [name for name in self.mounts if name.startswith("cam_")]


def build_rig(sensors: SensorConfig, seed: int) -> Rig:
    """Mounts every sensor with the small differences of one car to the next; what is returned is exact."""
    rng = np.random.default_rng([seed, 1])
    lidar = sensors.lidar
    mounts = {LIDAR: _mounted(rng, np.array([lidar.forward_m, 0.0, lidar.height_m]), np.eye(3), 0.04)}
    for name, yaw_deg in CAMERA_YAWS_DEG.items():
        yaw = math.radians(yaw_deg)
        place = np.array([1.5 + 0.1 * math.cos(yaw), 0.35 * math.sin(yaw), 1.55])
        rotation = Rotation.from_euler("z", yaw).as_matrix() @ _EGO_R_OPTICAL
        camera = _mounted(rng, place, rotation, 0.03)
        if sensors.camera.enabled and name not in sensors.camera.missing:
            mounts[name] = camera
    radar = _mounted(rng, np.array([3.7, 0.0, 0.6]), np.eye(3), 0.02)
    if sensors.radar.enabled:
        mounts[RADAR] = radar
    mounts[GNSS] = SE3(np.eye(3), np.array([0.2, -0.3, 1.6]) + rng.normal(0.0, 0.03, 3))
    mounts[IMU] = SE3(np.eye(3), np.array([0.0, 0.0, 0.4]))
    camera_config = sensors.camera
    pinhole = Pinhole.with_field_of_view(
        camera_config.width_px, camera_config.height_px, camera_config.field_of_view_deg
    )
    return Rig(mounts, pinhole)


def stated_rig(rig: Rig, mounting: MountingConfig, seed: int) -> Rig:
    """The rig as its car's calibration has it: lidar and cameras a little elsewhere than they are."""
    if not (mounting.calibration_sigma_m or mounting.calibration_sigma_deg):
        return rig
    rng = np.random.default_rng([seed, 7])
    mounts = dict(rig.mounts)
    for name in (LIDAR, *rig.cameras):
        turn = rng.normal(0.0, math.radians(mounting.calibration_sigma_deg), 3)
        shift = rng.normal(0.0, mounting.calibration_sigma_m, 3)
        true = rig.mounts[name]
        mounts[name] = SE3(Rotation.from_rotvec(turn).as_matrix() @ true.rotation, true.translation_m + shift)
    return Rig(mounts, rig.pinhole)


def _mounted(
    rng: np.random.Generator, place_m: NDArray[np.float64], rotation: NDArray[np.float64], spread_m: float
) -> SE3:
    """A nominal mount with a car's own offset and a tilt of about half a degree."""
    tilt = Rotation.from_rotvec(rng.normal(0.0, math.radians(0.5), 3)).as_matrix()
    return SE3(tilt @ rotation, place_m + rng.normal(0.0, spread_m, 3))
