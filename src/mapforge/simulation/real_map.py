"""Worlds made from real maps."""

from __future__ import annotations

from pathlib import Path

from mapforge.errors import ConfigurationError, MissingInputError
from mapforge.simulation.config import TownConfig
from mapforge.simulation.world import World


def map_file_of(source: Path) -> Path:
    """The map file in a folder, or the file itself. Raises MissingInputError when there is none."""
    if not source.exists():
        raise MissingInputError(f"simulation.world is '{source}': no such file; write 'town' or the path of a map")
    return source


def make_real_world(source: Path, seed: int, town: TownConfig, lon_lat_deg: tuple[float, float] | None = None) -> World:
    raise ConfigurationError(f"{source} is no map this version reads")
