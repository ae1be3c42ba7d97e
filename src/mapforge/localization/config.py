"""Settings of the localization stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mapforge.errors import ConfigurationError


class PoseSource(Enum):
    """Where a drive's path comes from."""

    auto = "auto"
    log_poses = "log_poses"
    odometry = "odometry"


@dataclass
class LidarOdometryConfig:
    """Scan-to-map registration."""

    downsampling_m: float = 0.5
    """Edge of the voxels a sweep is thinned to before it is registered."""
    map_voxel_m: float = 1.0
    """Edge of the Gaussian voxels of the local map."""
    max_range_m: float = 60.0
    """Returns farther away are left out."""
    min_range_m: float = 2.5
    """Returns nearer, mostly of the car itself, are left out."""
    max_correspondence_m: float = 1.0
    """A point with no map voxel this near does not count."""
    max_iterations: int = 20
    """Of one registration."""
    map_memory_sweeps: int = 100
    """Map voxels not touched for this many sweeps are forgotten."""
    min_sweep_rate_hz: float = 3.0
    """Sweeps sparser than this are not registered to each other."""
    min_inliers: int = 200
    """A registration with fewer matched points counts as lost."""
    max_lost_share: float = 0.2
    """A drive with a larger share of lost sweeps is refused."""

    def __post_init__(self) -> None:
        if not 0.0 < self.downsampling_m <= self.map_voxel_m:
            raise ConfigurationError(
                f"localization.lidar_odometry.downsampling_m={self.downsampling_m} must be above 0 and at most "
                f"map_voxel_m={self.map_voxel_m}"
            )
        if self.min_range_m >= self.max_range_m:
            raise ConfigurationError(
                f"localization.lidar_odometry.min_range_m={self.min_range_m} must be below "
                f"max_range_m={self.max_range_m}"
            )


@dataclass
class SmootherConfig:
    """Weights of the batch smoother that fuses odometry with GNSS."""

    odometry_sigma_m: float = 0.01
    """Random walk of the lidar odometry's position, per square root of a metre driven."""
    odometry_sigma_rad: float = 0.0004
    """Random walk of the lidar odometry's attitude, per square root of a metre driven."""
    wheel_sigma_scale: float = 5.0
    """How many times worse the log's own odometry or wheels are than lidar odometry."""
    gnss_sigma_m: float = 1.0
    """Horizontal error of a fix that states no covariance; its height error is twice that."""
    gnss_sigma_floor_m: float = 0.02
    """No fix is believed to be better than this."""
    gnss_slow_share: float = 0.7
    """Share of a fix's variance that changes slowly, so that averaging does not remove it."""
    gnss_correlation_s: float = 60.0
    """Time over which the slow error stays the same."""
    gravity_sigma_rad: float = 0.03
    """Noise of the up direction as one second of the IMU shows it."""
    level_sigma_rad: float = 0.05
    """How level a car is believed to stand, once every `level_spacing_m`, where there is no IMU."""
    level_spacing_m: float = 10.0
    """Distance between those beliefs."""
    huber_sigmas: float = 2.0
    """Residuals beyond this many sigmas count linearly (multipath, false registration)."""
    max_iterations: int = 15
    """Gauss-Newton steps at most."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.gnss_slow_share < 1.0:
            raise ConfigurationError(
                f"localization.smoother.gnss_slow_share={self.gnss_slow_share} must lie in [0, 1): it is a share"
            )


@dataclass
class AlignmentConfig:
    """How the drives of a region are brought to agree."""

    sweep_spacing_m: float = 4.0
    """A sweep is used about every so many metres driven."""
    segment_m: float = 40.0
    """Length of the pieces that are registered to other drives, and of the steps in which a path may bend."""
    max_range_m: float = 35.0
    """Returns farther from the car are left out."""
    downsampling_m: float = 0.4
    """Edge of the voxels a segment is thinned to."""
    map_voxel_m: float = 1.0
    """Edge of the Gaussian voxels of the drive it is registered to."""
    max_correspondence_m: float = 1.5
    """Disagreements larger than about this are not found."""
    min_overlap: float = 0.4
    """A segment counts as seen by the other drive when this share of its points finds a partner."""
    max_shift_m: float = 2.0
    """Registrations that move a segment farther than this are not believed."""
    registration_sigma_m: float = 0.03
    """Error of one registration."""
    bending_sigma_m: float = 0.05
    """How much a path may bend from one segment to the next."""
    rounds: int = 2
    """Registration and adjustment are repeated, since corrected segments register better."""


@dataclass
class LocalizationConfig:
    """Settings of the localization stage."""

    source: PoseSource = PoseSource.auto
    """auto: the log's poses where they are georeferenced and good, else odometry fused with GNSS."""
    max_pose_gap_s: float = 1.0
    """Log poses farther apart than this are not good."""
    max_speed_mps: float = 70.0
    """Log poses faster than this are not good."""
    min_coverage: float = 0.9
    """Share of the sweeps that log poses must cover to be used."""
    log_pose_sigma_m: float = 0.1
    """Horizontal uncertainty stated for poses taken from the log."""
    min_gnss_baseline_m: float = 5.0
    """A drive that moved less than this between fixes has no observable heading and is refused."""
    fuse_gnss_ins_poses: bool = True
    """Poses of a GNSS/INS in the log are fused with lidar odometry where sweeps are dense, not used as they are."""
    output_rate_hz: float = 20.0
    """Poses are written at least this often."""
    lidar_odometry: LidarOdometryConfig = field(default_factory=LidarOdometryConfig)
    smoother: SmootherConfig = field(default_factory=SmootherConfig)
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
