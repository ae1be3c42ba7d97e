"""Settings of vectorization."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class VectorizationConfig:
    """How observations become polylines and polygons."""

    halo_m: float = 4.0
    """Cells of neighbouring tiles taken along, so that lines do not change at a border."""
    p_low: float = 0.2
    """A line is followed while its probability is above this."""
    p_high: float = 0.5
    """A line is kept where its probability over 5 m is above this somewhere and stays above the middle of both."""
    mode_reach_m: float = 0.25
    """Refined points this far across the line belong to one line."""
    node_spacing_m: float = 0.3
    """Least distance of line nodes along the line."""
    link_reach_m: float = 1.0
    """Longest step from one node to the next."""
    bridge_m: float = 2.5
    """Longest gap closed between two ends that continue each other."""
    dash_gap_m: float = 28.0
    """Longest way from one dash of a divider to the next that was seen: a gap, or two and a dash between them."""
    gap_m: float = 4.5
    """Longest gap between two other pieces of dividers that point at each other."""
    min_length_m: float = 2.0
    """Shorter lane dividers and road boundaries are dropped."""
    min_stop_line_m: float = 1.2
    """Shorter stop lines are dropped."""
    smoothing_m: float = 1.0
    """Wavelength scale of the smoothing along a line."""
    max_vertex_spacing_m: float = 1.0
    """Longest segment of a polyline."""
    simplify_m: float = 0.01
    """Largest deviation that leaving out vertices may cause."""
    attribute_stretch_m: float = 5.0
    """Marking type, colour and boundary type change only where a new value holds at least this long."""
    p_area: float = 0.5
    """Crossings and drivable area are where their probability is above this."""
    min_crossing_m2: float = 3.0
    """Smaller crossings are dropped."""
    min_area_m2: float = 10.0
    """Smaller drivable and covered areas, and smaller holes in them, are dropped."""
    min_unreached_area_m2: float = 150.0
    """Drivable area that does not join the driven path is believed from this size on."""
    road_reach_m: float = 3.0
    """Lines lie at most this far from drivable area."""
    area_step_m: float = 0.4
    """Cell of the coverage polygons."""
    scan_gap_m: float = 1.0
    """Ground between returns no further apart than this, as two scan lines are, was looked at."""
    line_sigma_m: float = 0.02
    """Least standard deviation of a traced vertex across its line, from the observation alone."""

    def __post_init__(self) -> None:
        if not 0.0 < self.p_low <= self.p_high < 1.0:
            raise ConfigurationError(f"vectorization needs 0 < p_low <= p_high < 1, not {self.p_low} and {self.p_high}")
        if self.link_reach_m < self.node_spacing_m:
            raise ConfigurationError(
                f"vectorization.link_reach_m {self.link_reach_m} must not be below node_spacing_m {self.node_spacing_m}"
            )
