"""What each car of a fleet carries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mapforge.simulation.conditions import under_condition
from mapforge.simulation.config import FleetConfig, FleetKind, MountingConfig, SensorConfig, SimulationConfig
from mapforge.simulation.rig import CAMERA_YAWS_DEG


def car_sensors(config: SimulationConfig, seed: int) -> SensorConfig:
    """The sensors of the car with a drive's seed, under the condition of the settings.

    In a uniform fleet all cars share them (devices still differ by the sigmas in them).
    """
    sensors = under_condition(config).sensors
    if config.fleet.kind is FleetKind.uniform:
        return sensors
    return _drawn(sensors, config.fleet, np.random.default_rng([seed, 6]))


def _drawn(sensors: SensorConfig, fleet: FleetConfig, rng: np.random.Generator) -> SensorConfig:
    lidar = replace(
        sensors.lidar,
        beams=int(rng.choice(fleet.beams)),
        height_m=_between(rng, fleet.height_m),
        forward_m=_between(rng, fleet.forward_m),
        elevation_min_deg=_between(rng, fleet.elevation_min_deg),
        elevation_max_deg=_between(rng, fleet.elevation_max_deg),
        range_noise_m=_between(rng, fleet.range_noise_m),
        dropout=_between(rng, fleet.dropout),
        saturation=_between(rng, fleet.saturation),
        gain_sigma=fleet.gain_sigma,
        gamma_sigma=fleet.gamma_sigma,
        beam_gain_sigma=fleet.beam_gain_sigma,
    )
    lacking = [name for name in CAMERA_YAWS_DEG if rng.random() < fleet.camera_missing]
    camera = replace(sensors.camera, missing=sorted({*sensors.camera.missing, *lacking}))
    mounting = MountingConfig(fleet.calibration_sigma_m, fleet.calibration_sigma_deg)
    return replace(sensors, lidar=lidar, camera=camera, mounting=mounting)


def _between(rng: np.random.Generator, bounds: list[float]) -> float:
    return round(float(rng.uniform(bounds[0], bounds[1])), 4)
