"""A forward radar: few noisy returns, each with its radial velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3
from mapforge.simulation.config import RadarConfig
from mapforge.simulation.scene import SIGN_FACE, Scene
from mapforge.simulation.world import Material

Float = NDArray[np.float64]

_HALF_OPENING_RAD = np.radians(60.0)
_AZIMUTH_STEP_RAD = np.radians(1.0)
_ELEVATIONS_RAD = np.radians([-3.0, -1.0, 1.0, 3.0, 6.0])
_RANGE_MIN_M = 0.5
_RANGE_NOISE_M = 0.15
_ANGLE_NOISE_RAD = np.radians(0.4)
_SPEED_NOISE_MPS = 0.1

_CHANCE = np.full(SIGN_FACE + 1, 0.02)
_RCS_DBSM = np.full(SIGN_FACE + 1, -8.0)
for _material, _share, _rcs in (
    (Material.VEHICLE, 0.6, 8.0),
    (Material.GLASS, 0.2, 2.0),
    (Material.POLE, 0.7, 0.0),
    (Material.SIGN_BACK, 0.7, 3.0),
    (SIGN_FACE, 0.7, 3.0),
    (Material.LIGHT_HOUSING, 0.6, 2.0),
    (Material.BUILDING, 0.15, 6.0),
    (Material.TRUNK, 0.2, -3.0),
    (Material.FOLIAGE, 0.06, -6.0),
    (Material.CURB, 0.05, -5.0),
    (Material.ASPHALT, 0.002, -12.0),
):
    _CHANCE[_material], _RCS_DBSM[_material] = _share, _rcs


@dataclass(frozen=True, eq=False)
class RadarReturns:
    """range_m, azimuth_rad (left positive), elevation_rad, radial_velocity_mps (away positive), rcs_dbsm: (N,)."""

    range_m: Float
    azimuth_rad: Float
    elevation_rad: Float
    radial_velocity_mps: Float
    rcs_dbsm: Float


def scan(
    config: RadarConfig,
    scene: Scene,
    map_SE3_radar: SE3,
    radar_velocity_map: Float,
    vehicle_velocities_map: Float,
    rng: np.random.Generator,
) -> RadarReturns:
    """Returns of one scan; the scene's traffic stands where it was last put.

    radar_velocity_map: (3,), vehicle_velocities_map: (V, 3), metres a second in the map frame.
    """
    azimuth, elevation = (
        grid.ravel()
        for grid in np.meshgrid(np.arange(-_HALF_OPENING_RAD, _HALF_OPENING_RAD, _AZIMUTH_STEP_RAD), _ELEVATIONS_RAD)
    )
    azimuth = azimuth + rng.uniform(-0.5, 0.5, len(azimuth)) * _AZIMUTH_STEP_RAD
    level = np.cos(elevation)
    direction = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
    direction = direction @ map_SE3_radar.rotation.T
    rays = np.concatenate([np.broadcast_to(map_SE3_radar.translation_m, direction.shape), direction], axis=1)
    hits = scene.cast(rays.astype(np.float32))
    reached = (hits.triangle >= 0) & (hits.range_m < config.range_max_m) & (hits.range_m > _RANGE_MIN_M)
    material = scene.triangles.materials[hits.triangle]
    kept = np.flatnonzero(reached & (rng.random(len(azimuth)) < _CHANCE[material]))
    vehicle = scene.vehicles[hits.triangle[kept]]
    target = np.zeros((len(kept), 3))
    moving = vehicle >= 0
    target[moving] = vehicle_velocities_map[vehicle[moving]]
    radial = ((target - radar_velocity_map) * direction[kept]).sum(axis=1)
    n = len(kept)
    return RadarReturns(
        hits.range_m[kept] + rng.normal(0.0, _RANGE_NOISE_M, n),
        azimuth[kept] + rng.normal(0.0, _ANGLE_NOISE_RAD, n),
        elevation[kept] + rng.normal(0.0, _ANGLE_NOISE_RAD, n),
        radial + rng.normal(0.0, _SPEED_NOISE_MPS, n),
        _RCS_DBSM[material[kept]] + rng.normal(0.0, 3.0, n),
    )
