"""Settings of how moving vehicles are seen."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class TrafficConfig:
    """How returns above the road, sweep after sweep, become places that something drove over, and which way."""

    enabled: bool = True
    """False: write an empty table."""
    reach_m: float = 30.0
    """Returns this far ahead, behind and to the sides are looked at."""
    nearest_m: float = 3.0
    """What is nearer may be the car itself."""
    cell_m: float = 0.8
    """Cell of the grid in which returns are counted."""
    window_s: float = 15.0
    """Sweeps looked at together."""
    overlap_s: float = 4.0
    """By which windows overlap, so that what passes at their ends is seen whole."""
    low_m: float = 0.5
    """Returns this high above the road, and up to `high_m`, are of something that stands or drives there."""
    high_m: float = 2.2
    """See `low_m`."""
    road_m: float = 0.35
    """Returns this near the height of the road show that a cell is free."""
    free_sweeps: int = 4
    """Sweeps in which a cell must have been free."""
    busy_share: float = 0.35
    """Of the sweeps that saw a cell, those with something in it; from here on it is something that stands."""
    longest_s: float = 3.0
    """Vehicles do not stay longer over one place."""
    near_m: float = 2.5
    """Passages this far from each other are taken for the same vehicle's, see `near_s`."""
    near_s: float = 1.5
    """And this far apart in time."""
    fewest: int = 8
    """Passages that a direction needs."""
    explained: float = 0.75
    """Share of the times' variance that one velocity must explain."""
    slowest_mps: float = 1.5
    """Slower things are people, or stand."""
    fastest_mps: float = 40.0
    """Faster things are none."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.overlap_s < self.window_s:
            raise ConfigurationError(
                f"traffic.overlap_s is {self.overlap_s}: give 0 up to less than window_s ({self.window_s})"
            )
        if self.cell_m <= 0.0 or self.reach_m <= self.nearest_m:
            raise ConfigurationError(
                f"traffic.cell_m {self.cell_m} must be above 0, reach_m {self.reach_m} above nearest_m {self.nearest_m}"
            )
