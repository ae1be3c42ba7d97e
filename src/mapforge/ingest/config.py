"""Settings of ingest."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class IngestConfig:
    """What a log must satisfy, and what of it is left out."""

    min_sweeps: int = 1
    """A drive with fewer good lidar sweeps is refused."""
    min_points_per_sweep: int = 100
    """A sweep with fewer good points is quarantined."""
    min_range_m: float = 0.1
    """Nearer returns (most drivers write (0, 0, 0) for "no return") are quarantined."""
    max_range_m: float = 400.0
    """Farther returns are quarantined."""
    max_time_jump_s: float = 60.0
    """A row that jumps further than this is quarantined, unless the next one follows it: then the log has a gap."""
    max_lever_m: float = 20.0
    """A sensor calibrated farther from the car's origin than this refuses the drive."""
    wheel_radius_m: float = 0.33
    """Turns wheel rates in rad/s (JointState) into m/s."""
    max_record_mb: int = 1024
    """A larger record or chunk in a log file counts as corrupt; bounds the memory a damaged file can ask for."""

    def __post_init__(self) -> None:
        if self.min_sweeps < 1:
            raise ConfigurationError(f"ingest.min_sweeps is {self.min_sweeps}; a map needs at least 1")
        if not 0.0 <= self.min_range_m < self.max_range_m:
            raise ConfigurationError(
                f"ingest.min_range_m ({self.min_range_m}) must be at least 0 and below max_range_m ({self.max_range_m})"
            )
        for name in ("min_points_per_sweep", "max_time_jump_s", "max_lever_m", "wheel_radius_m", "max_record_mb"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"ingest.{name} is {getattr(self, name)}; it must be positive")
