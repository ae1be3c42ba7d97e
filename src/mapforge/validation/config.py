"""Settings of validation: what is judged, and what a tile must reach to be published."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.errors import ConfigurationError


@dataclass
class ReleaseGatesConfig:
    """What a candidate must reach, without labels, to take the place of the release. Tiles that fail a gate of theirs
    keep their released build; gates of the whole keep the whole release."""

    max_held_share: float = 0.25
    """Greatest share of the changed tiles that may be held back or rejected; more holds the whole release."""
    min_kept: float = 0.85
    """Least share of what two drives saw of a class that is in the map within 0.5 m; of the whole."""
    min_kept_in_tile: float = 0.7
    """The same, of one tile, all classes together."""
    min_correctness: float = 0.4
    """Least share of the map of the others that a drive left out saw too, within 0.5 m; of the whole, a class."""
    max_lateral_p95_m: float = 0.3
    """Greatest p95 of the offsets between a drive left out and the map of the others; of the whole, a class."""
    max_drive_shift_m: float = 0.3
    """A drive that lies further beside the others, over a window, must be looked at (and withdrawn, or realigned)."""
    min_drive_found: float = 0.5
    """Least share of what a drive saw, where others looked, that another drive or their map has within 0.5 m."""
    min_interval_95: float = 0.7
    """Least share of these offsets inside the map's stated 95 % interval: below, its sigmas are no sigmas."""
    max_removed_in_tile: float = 0.3
    """Greatest share of the released length of a class that may be gone from a tile."""
    max_removed: float = 0.1
    """The same, of all changed tiles together."""
    max_moved: float = 0.1
    """Greatest share of the released length of a class, in all changed tiles, that may have moved."""
    moved_m: float = 0.2
    """What lies less than this beside its old place has not moved."""
    max_coverage_lost: float = 0.2
    """Greatest share of a tile's released coverage that may be gone."""
    max_hole_m2: float = 200.0
    """Greatest piece of a tile's driven surroundings (10 m to either side) that nothing was seen of."""
    min_length_m: float = 40.0
    """Shares of less than this are not held against a tile or a drive."""
    min_total_length_m: float = 100.0
    """Shares of less than this are not held against the whole."""

    def __post_init__(self) -> None:
        for name, value in self.__dict__.items():
            if not name.endswith(("_m", "_m2")) and not 0.0 <= value <= 1.0:
                raise ConfigurationError(f"validation.release.{name}={value} must be a share, 0 to 1")


@dataclass
class ValidationConfig:
    """What is measured around the driven paths, and the gates a tile must pass."""

    judged_distance_m: float = 20.0
    """Only what lies within this of a driven path is judged."""
    coverage_gap_m: float = 0.5
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
    lane_gap_m: float = 0.1
    """A lane begins this close to the end of the lane before it."""
    max_sigma_m: float = 2.0
    """A vertex less certain than this draws a warning."""
    worst_tiles: int = 4
    """How many of the worst tiles are shown as pictures."""
    release: ReleaseGatesConfig = field(default_factory=ReleaseGatesConfig)
    """Gates between a candidate and the release."""

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
