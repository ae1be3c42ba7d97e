"""The world a configuration asks for."""

from __future__ import annotations

from pathlib import Path

from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.real_map import make_real_world
from mapforge.simulation.town import make_town
from mapforge.simulation.world import World

TOWN = "town"


def make_world(config: SimulationConfig) -> World:
    """A procedural town, or a world made from a map file.

    Raises MissingInputError or ConfigurationError when `config.world` is neither "town" nor a map that can be read.
    """
    place = None
    if config.lon_deg is not None and config.lat_deg is not None:
        place = (config.lon_deg, config.lat_deg)
    if config.world == TOWN:
        return make_town(config.seed, config.town, place)
    return make_real_world(Path(config.world), config.seed, config.town, place)
