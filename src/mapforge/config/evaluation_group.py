"""Settings of `mapforge evaluate`: the held-out worlds, and what counts as noise."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.errors import ConfigurationError

HELD_OUT_BELOW = 1000
"""Worlds of these seeds are never trained on (mapforge.training.places)."""

_WORLDS = [
    "town:clean:901",
    "urban:clean:902",
    "motorway:clean:903",
    "roundabout:worn:904",
    "organic:worn:905",
    "tram:wet:906",
    "urban:wet:907",
    "construction:night:908",
    "parking:occluded:909",
    "rural:occluded:910",
    "town:sparse:911",
    "motorway:sparse:912",
]


@dataclass
class EvaluationConfig:
    """Which worlds, how they are driven, and how scores are compared."""

    worlds: list[str] = field(default_factory=lambda: list(_WORLDS))
    """family:condition:seed (`simulation.world`, `simulation.condition`); a map file stands for its world."""
    drives: int = 5
    """Drives through each world."""
    duration_s: float = 13.0
    """Length of each drive."""
    speed_mps: float = 10.0
    """Cruising speed a drive aims at."""
    range_max_m: float = 60.0
    """The lidar sees no further: what is judged lies within 20 m of the path."""
    camera_worlds: int = 2
    """So many worlds, the first of the list, are driven with cameras as well; signs are scored there."""
    single_drive: bool = True
    """Score also the map of one drive alone."""
    sign_range_m: float = 40.0
    """Signs are scored that some camera saw from no further than this."""
    calibration_tiles: int = 12
    """Observations (a tile as one drive saw it) a world that the calibration of cells is measured on."""
    worst_tiles: int = 8
    """Tiles shown as pictures."""
    keep_logs: bool = False
    """Keep the simulated logs once they are ingested."""
    bootstrap_rounds: int = 2000
    """Draws of worlds, or of tiles, that intervals come from."""
    interval: float = 0.95
    """Share of the draws inside the intervals that are stated."""
    gate_interval: float = 0.99
    """The same for the fall of a figure that refuses new weights: many figures are looked at."""
    least_fall: float = 0.01
    """A score that falls by less than this is not held against new weights, however certain it is."""

    def __post_init__(self) -> None:
        if self.drives < 1 or not self.worlds:
            raise ConfigurationError("evaluation.worlds and evaluation.drives: at least one of each is needed")
        if self.bootstrap_rounds < 100:
            raise ConfigurationError(f"evaluation.bootstrap_rounds={self.bootstrap_rounds}: 100 are the least")
        for name in ("interval", "gate_interval"):
            if not 0.5 <= getattr(self, name) < 1.0:
                raise ConfigurationError(f"evaluation.{name}={getattr(self, name)} must lie in [0.5, 1)")
        for world in self.worlds:
            seed_of(world)


def seed_of(world: str) -> int:
    """The seed at the end of family:condition:seed. Raises ConfigurationError when it is none, or kept for training."""
    parts = world.rsplit(":", 2)
    if len(parts) != 3 or not parts[2].isdecimal() or not parts[0]:
        raise ConfigurationError(f"evaluation.worlds: '{world}': write family:condition:seed, town:worn:902")
    if int(parts[2]) >= HELD_OUT_BELOW:
        raise ConfigurationError(
            f"evaluation.worlds: seed {parts[2]} of '{world}' may be trained on; evaluate below {HELD_OUT_BELOW}"
        )
    return int(parts[2])
