import pytest

from mapforge.errors import ConfigurationError
from mapforge.simulation.config import SimulationConfig, TownConfig


def test_defaults_work() -> None:
    assert SimulationConfig().world == "town"


@pytest.mark.parametrize(
    "settings", [{"drives": 0}, {"duration_s": 0.2}, {"speed_mps": 0.0}, {"lon_deg": 8.0}, {"lat_deg": 49.0}]
)
def test_impossible_simulations_are_refused_by_name(settings: dict) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings)).split("_")[0]):
        SimulationConfig(**settings)


@pytest.mark.parametrize("settings", [{"blocks_east": 1, "blocks_north": 1}, {"block_m": 20.0}, {"wear": 1.5}])
def test_impossible_towns_are_refused(settings: dict) -> None:
    with pytest.raises(ConfigurationError):
        TownConfig(**settings)
