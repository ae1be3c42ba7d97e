"""What the named conditions mean: the settings they override, written here once."""

from __future__ import annotations

from dataclasses import replace

from mapforge.simulation.config import Condition, SensorConfig, SimulationConfig, TownConfig, WeatherConfig

FRESH_WEAR, WORN_WEAR, WET_WEAR = 0.05, 0.5, 0.2
DENSE_PARKED = 0.9
DENSE_TRAFFIC = 30
SPARSE_SWEEPS = 10
WET = WeatherConfig(rain=0.6, wet_road=0.9)
NIGHT = WeatherConfig(darkness=0.95)
DROPS_ON_LENS = 0.08


def under_condition(config: SimulationConfig) -> SimulationConfig:
    """The settings with their condition written out; its own `condition` is `as_set`, so that twice is once."""
    town, sensors = config.town, config.sensors
    match config.condition:
        case Condition.clean:
            town = replace(town, wear=FRESH_WEAR)
        case Condition.worn:
            town = replace(town, wear=WORN_WEAR)
        case Condition.wet:
            town, sensors = replace(town, wear=WET_WEAR), _weather(sensors, WET, DROPS_ON_LENS)
        case Condition.night:
            sensors = _weather(sensors, NIGHT, sensors.camera.dirt)
        case Condition.occluded:
            town = _dense(town)
        case Condition.sparse:
            sensors = replace(sensors, lidar=replace(sensors.lidar, sweeps=SPARSE_SWEEPS))
        case Condition.as_set:
            return config
    return replace(config, condition=Condition.as_set, town=town, sensors=sensors)


def _weather(sensors: SensorConfig, weather: WeatherConfig, dirt: float) -> SensorConfig:
    return replace(sensors, weather=weather, camera=replace(sensors.camera, dirt=max(dirt, sensors.camera.dirt)))


def _dense(town: TownConfig) -> TownConfig:
    return replace(
        town, parked=max(town.parked, DENSE_PARKED), moving_vehicles=max(town.moving_vehicles, DENSE_TRAFFIC)
    )
