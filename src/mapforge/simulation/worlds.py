"""The world and the drives that a configuration asks for."""

from __future__ import annotations

from pathlib import Path

from mapforge.simulation.conditions import under_condition
from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.families import SPECS, Family
from mapforge.simulation.motorway import make_motorway
from mapforge.simulation.real_map import make_real_world
from mapforge.simulation.routes import plan_drives
from mapforge.simulation.town import make_town
from mapforge.simulation.world import DrivePlan, World


def make_world(config: SimulationConfig) -> World:
    """A procedural world, or one made from a map file.

    Raises MissingInputError or ConfigurationError when `config.world` is neither a family nor a map that can be read.
    """
    config, place = under_condition(config), None
    if config.lon_deg is not None and config.lat_deg is not None:
        place = (config.lon_deg, config.lat_deg)
    family = family_of(config.world)
    if family is Family.MOTORWAY:
        return make_motorway(config.seed, config.town, place)
    if family is not None:
        return make_town(config.seed, config.town, place, family)
    return make_real_world(Path(config.world), config.seed, config.town, place)


def family_of(world: str) -> Family | None:
    """The family that `simulation.world` names; None: it is the path of a map."""
    return Family(world) if world in list(Family) else None


def make_plans(world: World, config: SimulationConfig) -> list[DrivePlan]:
    """The drives through a world that a configuration asks for. Raises ConfigurationError when it is too small."""
    family = family_of(config.world)
    return plan_drives(
        world,
        config.drives,
        config.duration_s,
        config.seed,
        speed_mps=config.speed_mps * (1.0 if family is None else SPECS[family].speed),
        start_time=config.start_time,
        moving_vehicles=under_condition(config).town.moving_vehicles,
    )
