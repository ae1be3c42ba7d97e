"""Settings of the localization stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mapforge.errors import ConfigurationError
from mapforge.localization.alignment_config import AlignmentConfig


class PoseSource(Enum):
    """Where a drive's path comes from."""

    auto = "auto"
    log_poses = "log_poses"
    odometry = "odometry"
    given = "given"


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
    """How many times worse the log's own odometry is than lidar odometry."""
    wheel_sigma_m: float = 0.02
    """Random walk of the rolled distance, per square root of a metre driven."""
    distance_scale_sigma: float = 0.02
    """Error of the wheels' scale (their radius)."""
    gyro_noise_rad: float = 0.0003
    """Random walk of the gyro's angle, per square root of a second."""
    gyro_bias_sigma_radps: float = 0.01
    """Bias of the gyro at the start of a drive."""
    gyro_bias_walk_radps: float = 0.0003
    """How much that bias changes in a minute."""
    wheelbase_m: float = 2.8
    """Turns a steering angle into a yaw rate, where neither gyro nor yaw rate are there."""
    gnss_sigma_m: float = 1.0
    """Horizontal error of a fix that states no covariance; its height error is twice that."""
    gnss_sigma_floor_m: float = 0.02
    """No fix is believed to be better than this."""
    gnss_slow_share: float = 0.7
    """Share of a fix's variance that changes slowly, where fixes are too sparse to show it themselves."""
    gnss_correlation_s: float = 60.0
    """Time over which the slow error stays the same."""
    gnss_clock_sigma_s: float = 0.1
    """Error of the receiver's clock against the sweeps'."""
    lever_sigma_m: float = 0.05
    """Error of the antenna's place on the car where it is calibrated."""
    unknown_lever_sigma_m: float = 1.0
    """The same where no calibration says where the antenna is."""
    mount_sigma_rad: float = 0.02
    """Error of the lidar's (else the inertial unit's) mounting angles."""
    axle_sigma_m: float = 0.3
    """Error of the ego origin's place against the rear axle."""
    tilt_sigma_rad: float = 0.01
    """Tilt of the accelerometer: its bias and its mounting."""
    gravity_sigma_rad: float = 0.03
    """Noise of the up direction as one second of the IMU shows it."""
    level_sigma_rad: float = 0.05
    """How level a car is believed to stand, once every `level_spacing_m`, where there is no IMU."""
    level_spacing_m: float = 10.0
    """Distance between those beliefs."""
    log_attitude_sigma_rad: float = 0.01
    """Error of the attitude of the log's own georeferenced poses, which lasts for `gnss_correlation_s`."""
    huber_sigmas: float = 2.0
    """Residuals beyond this many sigmas lose weight (multipath, false registration)."""
    max_iterations: int = 15
    """Gauss-Newton steps at most, of each of two passes."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.gnss_slow_share < 1.0:
            raise ConfigurationError(
                f"localization.smoother.gnss_slow_share={self.gnss_slow_share} must lie in [0, 1): it is a share"
            )


@dataclass
class QualityConfig:
    """From where on a drive's quality record names something as odd."""

    moved_mount_rad: float = 0.0087
    """Mounting angle of lidar or inertial unit against the calibration (half a degree)."""
    moved_lever_m: float = 0.1
    """Place of the GNSS antenna against the calibration."""
    moved_clock_s: float = 0.02
    """Clock of the receiver against the sweeps'."""
    moved_scale: float = 0.025
    """Scale of the wheels."""
    max_outlier_share: float = 0.25
    """Share of one sensor's measurements that contradict the rest."""
    max_gap_s: float = 5.0
    """Silence of a sensor."""
    max_lost_share: float = 0.02
    """Share of sweeps that could not be registered."""


@dataclass
class LocalizationConfig:
    """Settings of the localization stage."""

    source: PoseSource = PoseSource.auto
    """auto: the log's poses where they are georeferenced and good, else odometry and GNSS; given: `given_folder`."""
    given_folder: str | None = None
    """Of `source=given`: trajectories to be taken as they are (a survey's, a simulation's truth), <drive>.parquet."""
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
    quality: QualityConfig = field(default_factory=QualityConfig)
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)

    def __post_init__(self) -> None:
        if self.source is PoseSource.given and self.given_folder is None:
            raise ConfigurationError("localization.source=given needs localization.given_folder=FOLDER of trajectories")
