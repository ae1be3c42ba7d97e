"""Settings of fusion."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class FusionConfig:
    """How what each drive saw becomes one map."""

    halo_m: float = 20.0
    """What lies this far outside a tile is taken into account."""
    station_m: float = 0.5
    """Distance of the samples along a drive's line."""
    gate_m: float = 0.9
    """Lines of different drives further apart than this are different lines."""
    min_spacing_m: float = 0.25
    """Lines of one drive closer together than this are one line."""
    max_turn_deg: float = 30.0
    """Lines whose directions differ by more are different lines."""
    rounds: int = 3
    """How often a sample moves to the mean of the lines around it."""
    outlier_m: float = 0.15
    """Scale beyond which a drive's offset from the others loses weight."""
    taper_m: float = 5.0
    """Over this length a drive gains its full weight from the end of its line on."""
    smoothing_m: float = 2.0
    """Half length of the smoothing along a line."""
    min_confidence: float = 0.35
    """What is less likely to exist is left out."""
    hit_weight: float = 0.9
    """Log odds a drive that saw the element adds, times its own log odds."""
    miss_log_odds: float = 1.0
    """Log odds a drive that looked there and did not see it takes away."""
    prior_log_odds: float = 0.0
    """Log odds before any drive is asked."""
    vote_reach_m: float = 4.0
    """Half length over which marking type, colour and boundary type are voted."""
    min_length_m: float = 1.0
    """Shorter leftovers of lines are dropped."""
    sigma_floor_m: float = 0.01
    """Least standard deviation of a fused vertex across its line."""
    area_cell_m: float = 0.1
    """Cell of the vote on the outline of crossings."""
    ground_cell_m: float = 0.5
    """Cell of the vote on drivable and covered area."""
    sign_gate_m: float = 1.5
    """Detections of one sign lie within this of its centre."""
    sign_turn_deg: float = 60.0
    """Signs that face further apart than this are different signs."""
    sign_height_gate_m: float = 0.6
    """Signs this much higher or lower on one pole are different signs."""
    min_sign_score: float = 0.35
    """Detections below this score are ignored."""
    min_sign_detections: int = 2
    """A sign seen in fewer camera frames, all drives together, is dropped."""

    def __post_init__(self) -> None:
        support = self.rounds * self.gate_m + self.smoothing_m + 2 * self.vote_reach_m + 3 * self.station_m
        if support >= self.halo_m:
            raise ConfigurationError(
                f"fusion.halo_m {self.halo_m} must exceed the {support:.1f} m that decide on a point "
                "(rounds * gate_m + smoothing_m + 2 * vote_reach_m + 3 * station_m), or seams would not be equal"
            )
        if not 0.0 < self.min_spacing_m < self.gate_m:
            raise ConfigurationError(
                f"fusion needs 0 < min_spacing_m < gate_m, not {self.min_spacing_m}, {self.gate_m}"
            )
