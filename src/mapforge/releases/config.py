"""Settings of releases."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class ReleasesConfig:
    """How releases are checked, compared, kept and exported."""

    verify_kept: bool = True
    """Hash also the files that the previous release has already; off: compare their size."""
    moved_m: float = 0.1
    """Elements that moved further than this count as moved."""
    picture_px_per_m: float = 4.0
    """Scale of the picture of a difference; less where the region is too large for it."""
    keep: int = 30
    """Releases that pruning leaves, the current one apart."""
    keep_days: float | None = None
    """Pruning also leaves releases younger than this; none = only their number counts."""
    stac: bool = False
    """Write a STAC catalogue beside the manifest when publishing."""
    pmtiles: bool = False
    """Write PMTiles beside the manifest when publishing."""
    min_zoom: int = 12
    """Coarsest zoom of PMTiles."""
    max_zoom: int = 18
    """Finest zoom of PMTiles: at 18 a coordinate is good to about 1 cm."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_zoom <= self.max_zoom <= 22:
            raise ConfigurationError(
                f"releases.min_zoom={self.min_zoom}, releases.max_zoom={self.max_zoom}: need 0 <= min <= max <= 22"
            )
        if self.keep < 0 or (self.keep_days is not None and self.keep_days < 0):
            raise ConfigurationError(f"releases.keep={self.keep}, releases.keep_days={self.keep_days}: not below 0")
        if self.moved_m <= 0.0 or self.picture_px_per_m <= 0.0:
            raise ConfigurationError("releases.moved_m and releases.picture_px_per_m must be above 0")
