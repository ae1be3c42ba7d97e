"""Settings of the rasterization stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.errors import ConfigurationError
from mapforge.geometry.tiles import TILE_SIZE_M


@dataclass
class GroundConfig:
    """The ground surface of a window of sweeps."""

    cell_m: float = 1.0
    """Spacing of the surface's nodes."""
    smoothing_m: float = 1.5
    """Gaussian sigma of the local planes that make the surface; lower follows kerbs, higher cuts crests."""
    max_height_range_m: float = 8.0
    """Ground is looked for this far above and below the car's path."""
    max_slope: float = 0.25
    """What rises more steeply than this from the ground around it is not ground."""

    def __post_init__(self) -> None:
        if TILE_SIZE_M % self.cell_m:
            raise ConfigurationError(
                f"rasterization.ground.cell_m={self.cell_m} must divide the tile size of {TILE_SIZE_M:.0f} m"
            )


@dataclass
class ReflectivityConfig:
    """How intensity is made comparable: relative to the drive's own road at that range and ring."""

    sample_sweeps: int = 12
    """Sweeps, spread over the drive, that the road's intensity is learned from."""
    range_bin_m: float = 2.0
    """Width of the range bins."""
    road_half_width_m: float = 6.0
    """Ground this near to the path counts as road."""
    max_reflectivity: float = 8.0
    """Reflectivities are cut off here: retroreflectors say nothing about paint."""


@dataclass
class CameraConfig:
    """Ground colour from camera frames."""

    enabled: bool = True
    """Off: rasters of drives with cameras have no colour either."""
    max_range_m: float = 25.0
    """Ground farther from the camera is not coloured."""
    min_range_m: float = 3.0
    """Nor is ground nearer than this: the car's bonnet and shadow."""


@dataclass
class RasterizationConfig:
    """Settings of the rasterization stage."""

    resolution_m: float = 0.1
    """Edge of a cell."""
    reach_m: float = 40.0
    """Returns farther from the car than this are left out."""
    min_range_m: float = 2.5
    """Returns nearer, mostly of the car itself, are left out."""
    window_s: float = 2.5
    """Sweeps are worked on in windows of this duration."""
    max_window_points: int = 3_000_000
    """A window ends before it holds more points than this; bounds memory."""
    obstacle_low_m: float = 0.3
    """What is met this high above ground, or higher, is an obstacle."""
    obstacle_high_m: float = 3.0
    """What is met above this is overhead: branches, wires, bridges."""
    max_open_tiles: int = 8
    """Tiles kept in memory; others wait on disk until they are touched again."""
    ground: GroundConfig = field(default_factory=GroundConfig)
    reflectivity: ReflectivityConfig = field(default_factory=ReflectivityConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)

    def __post_init__(self) -> None:
        if abs(TILE_SIZE_M / self.resolution_m - round(TILE_SIZE_M / self.resolution_m)) > 1e-6:
            raise ConfigurationError(
                f"rasterization.resolution_m={self.resolution_m} must divide the tile size of {TILE_SIZE_M:.0f} m"
            )
        if not self.min_range_m < self.reach_m:
            raise ConfigurationError(
                f"rasterization.min_range_m={self.min_range_m} must be below reach_m={self.reach_m}"
            )
