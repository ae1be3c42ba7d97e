"""Settings of ingest."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.errors import ConfigurationError


@dataclass
class PrivacyConfig:
    """What becomes of the faces and number plates in camera frames."""

    blur: bool = False
    """Blur them before a frame is stored; a frame that cannot be decoded is then left out."""
    keep_frames: bool = True
    """False: a drive's camera frames are deleted once its map elements and signs are made."""
    score_min: float = 0.2
    """Blur what the detector gives at least this score: lower finds more, and blurs more that is neither."""
    margin: float = 0.2
    """By which a blurred region is widened on each side, as a share of its edges."""

    def __post_init__(self) -> None:
        if not 0.0 < self.score_min < 1.0 or not 0.0 <= self.margin <= 2.0:
            raise ConfigurationError(
                f"ingest.privacy: score_min {self.score_min} must lie between 0 and 1, margin {self.margin} in 0..2"
            )


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
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    """Blurring of camera frames, and how long they stay."""

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
