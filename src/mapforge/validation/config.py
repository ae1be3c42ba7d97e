"""Settings of validation: what is judged, and what a tile must reach to be published."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class ValidationConfig:
    """What is measured around the driven paths, and the gates a tile must pass."""

    judged_distance_m: float = 20.0
    """Only what lies within this of a driven path is judged."""
    coverage_gap_m: float = 1.0
    """Holes in the coverage up to twice this wide count as seen."""
    window_length_m: float = 60.0
    """Length, along the path, of the windows average precision is computed in."""
    window_width_m: float = 30.0
    """Width of these windows."""
    window_spacing_m: float = 15.0
    """Driven path from one window to the next."""
    shift_window_m: float = 200.0
    """Path over which one rigid shift is estimated."""

    max_rule_errors: int = 0
    """A tile with more rule errors than this is rejected."""
    min_coverage: float = 0.3
    """Least share of the judged surroundings of the path that was seen."""
    min_agreement: float = 0.5
    """Least share of what one drive found that another drive, looking there, found within 0.5 m too."""
    min_agreement_length_m: float = 20.0
    """Agreement over less than this is not held against a tile."""
    min_completeness: float = 0.4
    """Least share of the truth found within 0.5 m, over the line classes; needs a reference."""
    min_correctness: float = 0.5
    """Least share of what was found that is within 0.5 m of truth, over the line classes; needs a reference."""
    max_lateral_median_m: float = 0.3
    """Greatest median lateral error; needs a reference."""
    min_truth_length_m: float = 20.0
    """A tile with less truth than this is not judged by the reference."""

    max_height_above_ground_m: float = 1.5
    """Painted elements higher above, or deeper below, the driven path near them are floating."""
    max_line_length_m: float = 5000.0
    """A longer line is absurd."""
    max_lane_width_m: float = 8.0
    """A wider lane is absurd."""
    min_lane_width_m: float = 1.5
    """A narrower lane is absurd."""
    max_speed_limit_mps: float = 45.0
    """A higher speed limit is absurd."""
    seam_m: float = 0.05
    """Ends at a tile border must be continued this close by the neighbour."""
    max_sigma_m: float = 2.0
    """A vertex less certain than this draws a warning."""
    worst_tiles: int = 4
    """How many of the worst tiles are shown as pictures."""

    def __post_init__(self) -> None:
        for name in ("min_coverage", "min_agreement", "min_completeness", "min_correctness"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"validation.{name}={getattr(self, name)} must be a share, 0 to 1")
        if min(self.window_length_m, self.window_width_m, self.window_spacing_m, self.shift_window_m) <= 0.0:
            raise ConfigurationError("validation.window_* and validation.shift_window_m must be above 0 m")
        if self.min_lane_width_m >= self.max_lane_width_m:
            raise ConfigurationError(
                f"validation.min_lane_width_m={self.min_lane_width_m} must be below "
                f"max_lane_width_m={self.max_lane_width_m}"
            )
