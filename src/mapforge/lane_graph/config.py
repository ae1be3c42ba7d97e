"""Settings of the lane graph."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mapforge.errors import ConfigurationError
from mapforge.geometry.tiles import TILE_SIZE_M


class DrivingSide(StrEnum):
    """The side of the road that traffic keeps to."""

    RIGHT = "right"
    LEFT = "left"


@dataclass
class LaneGraphConfig:
    """How lanes are found between lines, and how they are joined."""

    driving_side: DrivingSide = DrivingSide.RIGHT
    """The side of the road that traffic keeps to; decides on lanes that nobody drove."""
    sample_m: float = 1.0
    """Borders are sampled at most this far apart."""
    bridge_m: float = 8.0
    """Gaps in a line up to this long are bridged."""
    min_border_m: float = 7.0
    """A line shorter than this, after bridging, bounds no lane: arrows look like short lines."""
    min_width_m: float = 2.2
    """Narrower strips are no lanes."""
    max_width_m: float = 5.3
    """Wider strips of steady width are divided into lanes, others are no lanes."""
    max_road_width_m: float = 16.0
    """Borders further apart do not face each other."""
    usual_width_m: float = 3.4
    """What a road without markings is divided into."""
    max_parking_width_m: float = 3.05
    """A strip up to this wide between a solid line and a boundary, in which nobody drives, is for parking."""
    parallel_deg: float = 25.0
    """Borders that face each other differ in direction by no more than this."""
    vote_m: float = 38.0
    """Half length over which votes on direction are gathered along a strip."""
    smoothing_m: float = 2.0
    """Half length of the smoothing of centrelines."""
    min_lane_m: float = 10.0
    """Shorter stretches between lines are no lanes of their own; what they belong to leads over them."""
    mouth_m: float = 12.0
    """A lane is led on by up to this much beyond the end of its lines, to where the road opens into a junction."""
    junction_m: float = 54.0
    """A lane leads to one that begins at most this far away."""
    straight_deg: float = 40.0
    """Ways through a junction that turn less are straight on."""
    max_turn_deg: float = 145.0
    """Ways through a junction that turn more are turns back, and only made where a drive made one."""
    on_road_share: float = 0.97
    """A way through a junction stays on drivable area for at least this share of its length."""
    rule_reach_m: float = 25.0
    """Stop lines, lights and signs rule a lane that ends within this distance."""

    @property
    def reach_m(self) -> float:
        """How far away something may lie that still decides on a point."""
        return self.junction_m + self.vote_m + self.bridge_m

    def __post_init__(self) -> None:
        if self.reach_m > TILE_SIZE_M:
            raise ConfigurationError(
                f"lane_graph: junction_m + vote_m + bridge_m = {self.reach_m:.0f} m must not exceed the "
                f"{TILE_SIZE_M:.0f} m to which the neighbouring tiles reach, or seams would not be equal"
            )
        if not 0.0 < self.min_width_m < self.usual_width_m < self.max_width_m < self.max_road_width_m:
            raise ConfigurationError(
                "lane_graph needs 0 < min_width_m < usual_width_m < max_width_m < max_road_width_m, not "
                f"{self.min_width_m}, {self.usual_width_m}, {self.max_width_m}, {self.max_road_width_m}"
            )
