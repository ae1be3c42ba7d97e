"""Settings of fusion."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class FusionConfig:
    """How what each drive saw becomes one map."""

    halo_m: float = 30.0
    """What lies this far outside a tile is taken into account."""
    station_m: float = 0.5
    """Distance of the samples along a drive's line."""
    gate_m: float = 0.9
    """Lines of different drives further apart than this are different lines."""
    min_spacing_m: float = 0.25
    """Lines of one drive closer together than this are one line."""
    max_turn_deg: float = 30.0
    """Lines whose directions differ by more are different lines."""
    level_gate_m: float = 2.0
    """Lines this far above or below each other belong to different roads."""
    rounds: int = 3
    """How often a sample moves to the mean of the lines around it."""
    outlier_m: float = 0.15
    """Scale beyond which a drive's offset from the others loses weight."""
    outlier_drive_m: float = 0.35
    """A drive that over metres lies further than this from where others agree is left out there."""
    min_move_m: float = 0.25
    """A line that newer drives see this far from where older ones saw it has moved."""
    min_newer_drives: int = 2
    """So many newer drives must agree before they overrule older ones: moved, repainted, gone."""
    taper_m: float = 5.0
    """Over this length a drive gains its full weight from the end of its line on."""
    smoothing_m: float = 2.0
    """Half length of the smoothing along a line."""
    min_confidence: float = 0.35
    """What is less likely to exist is left out."""
    min_stop_line_confidence: float = 0.5
    """The same of stop lines: one drive alone often takes other paint across a lane for one."""
    bridge_confidence: float = 0.1
    """A stretch of a line this likely stays between two that are likely enough."""
    bridge_m: float = 12.0
    """Longest such stretch."""
    hit_weight: float = 1.8
    """Log odds a drive that saw the element adds, times its own log odds: a line is surer than a cell of it."""
    miss_log_odds: float = 1.0
    """Log odds a drive that looked there and did not see it takes away."""
    clear_range_m: float = 15.0
    """Up to this distance from its path a drive sees what is there."""
    far_range_m: float = 30.0
    """From this distance on it sees only a share of it."""
    far_share: float = 0.5
    """That share."""
    prior_log_odds: float = 0.3
    """Log odds before any drive is asked."""
    vote_reach_m: float = 4.0
    """Half length over which marking type, colour and boundary type are voted."""
    min_divider_m: float = 6.0
    """Shorter lane dividers that touch no other are symbols on the road, and are dropped."""
    longest_symbol_m: float = 15.0
    """Lane dividers up to this long that touch no other may be symbols too: they are where no lane would fit."""
    narrowest_lanes_m: float = 4.6
    """Two lanes, none of them for cycles, are together wider than this; a line that leaves less is a symbol if it lies
    in the middle."""
    min_length_m: float = 1.0
    """Shorter leftovers of lines are dropped."""
    sigma_floor_m: float = 0.01
    """Least standard deviation of a drive's vertex across its line."""
    stated_sigma_scale: float = 1.0
    """True size of the errors drives state as sigma, against what they state."""
    common_divider_sigma_m: float = 0.033
    """Error across lane dividers that all drives share, because one network sees them: beside the path, of lines that
    exist with 0.9; more where a line is in doubt, far from every path or near its end. See `strands_sigma_m`."""
    common_boundary_sigma_m: float = 0.035
    """The same of road boundaries."""
    common_stop_line_sigma_m: float = 0.03
    """The same of stop lines."""
    common_crossing_sigma_m: float = 0.19
    """The same of the sides of crossings."""
    strands_sigma_m: float = 0.08
    """Further error of a divider whose type the drives doubt: one strand of a double line may pass for its middle."""
    pooling_m: float = 5.0
    """Half length over which the disagreement of drives is pooled along a line."""
    area_cell_m: float = 0.1
    """Cell of the vote on the outline of crossings."""
    ground_cell_m: float = 0.5
    """Cell of the vote on drivable and covered area."""
    sign_gate_m: float = 1.5
    """Detections of one sign lie within this of its centre."""
    sign_turn_deg: float = 100.0
    """Signs that face further apart than this are different signs."""
    sign_height_gate_m: float = 0.8
    """Signs this much higher or lower on one pole are different signs."""
    min_sign_score: float = 0.35
    """Detections below this score are ignored."""
    min_sign_confidence: float = 0.5
    """Signs and lights less sure to exist are dropped."""

    def __post_init__(self) -> None:
        along = max(2 * self.vote_reach_m + self.smoothing_m, self.pooling_m)
        support = self.rounds * self.gate_m + self.smoothing_m + along + self.bridge_m + 3 * self.station_m
        if support >= self.halo_m:
            raise ConfigurationError(
                f"fusion.halo_m {self.halo_m} must exceed the {support:.1f} m that decide on a point "
                "(rounds * gate_m + smoothing_m + the greater of 2 * vote_reach_m + smoothing_m and pooling_m "
                "+ bridge_m + 3 * station_m), or seams would not be equal"
            )
        if not 0.0 < self.min_spacing_m < self.gate_m:
            raise ConfigurationError(
                f"fusion needs 0 < min_spacing_m < gate_m, not {self.min_spacing_m}, {self.gate_m}"
            )
