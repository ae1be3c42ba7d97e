"""Settings of the BEV part of perception."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError
from mapforge.geometry.tiles import HALO_M


@dataclass
class BevConfig:
    """How the BEV network is run over a tile."""

    bf16: bool = True
    """Run the network under bfloat16 autocast where the device does it fast; off: float32."""
    halo_m: float = HALO_M
    """Surroundings of the tile that the network sees, from the neighbouring tiles' rasters."""
    seen_within_m: float = 1.0
    """A cell was looked at when a surface return lies this near."""
    camera: bool = True
    """Use the camera channels where the raster has them."""

    def __post_init__(self) -> None:
        if not 0.0 < self.seen_within_m <= 5.0:
            raise ConfigurationError(f"perception.bev.seen_within_m is {self.seen_within_m}: use 0 to 5 m")
        if not 19.6 <= self.halo_m <= 100.0:
            raise ConfigurationError(
                f"perception.bev.halo_m is {self.halo_m}: the network looks 20 m around, so use 20 to 100 m"
            )
