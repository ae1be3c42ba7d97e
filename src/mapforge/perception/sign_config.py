"""Settings of sign and traffic-light detection."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class SignConfig:
    """How signs and lights are found in camera frames and placed in the map."""

    enabled: bool = True
    """False: write an empty table, as for a drive without cameras."""
    score_min: float = 0.4
    """Detections that score less are dropped."""
    overlap_max: float = 0.45
    """Of two boxes that share more (intersection over union) only the better stays."""
    bf16: bool = True
    """Run the network under bfloat16 autocast where the device does it fast; off: float32."""
    depression_max_deg: float = 12.0
    """What lies deeper below the horizon straight ahead is road and is not looked at; 90 looks at everything."""
    image_width_max_px: int = 1600
    """Wider frames are scaled down to this before detection."""
    frame_step_m: float = 0.5
    """A camera's frame is looked at once the car moved this far since the last one."""
    lidar_window_s: float = 0.1
    """Sweeps this far from a frame give range."""
    box_shrink: float = 0.15
    """Share of a box's width and height left out on the whole, so that its rim does not catch the background."""
    range_max_m: float = 70.0
    """Nothing is placed further away than this."""
    lidar_points_min: int = 3
    """Fewer returns on a face give no range."""
    depth_gap_m: float = 0.5
    """A step in depth that separates the face from what is behind it."""
    ground_radius_m: float = 2.0
    """Returns this near below a sign tell where its ground is."""
    triangulation_rays_min: int = 3
    """Views from different places that must agree to place what lidar does not reach."""
    triangulation_pixel_sigma_px: float = 1.5
    """One-sigma error of a box centre."""

    def __post_init__(self) -> None:
        if not 0.0 < self.score_min < 1.0:
            raise ConfigurationError(f"signs.score_min is {self.score_min}: give a score between 0 and 1")
        if not 0.0 <= self.box_shrink < 0.9:
            raise ConfigurationError(f"signs.box_shrink is {self.box_shrink}: give a share from 0 to 0.9")
        if not 0.0 < self.depression_max_deg <= 90.0:
            raise ConfigurationError(f"signs.depression_max_deg is {self.depression_max_deg}: give 0 to 90 degrees")
        if self.triangulation_rays_min < 2:
            raise ConfigurationError("signs.triangulation_rays_min is below 2: one ray has no depth")
