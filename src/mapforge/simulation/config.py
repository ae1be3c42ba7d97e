"""Settings of the simulation: the world, the drives through it, and the sensors on the cars."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mapforge.errors import ConfigurationError


@dataclass
class LidarConfig:
    """A spinning lidar on the roof."""

    beams: int = 64
    """Number of rings."""
    columns: int = 1024
    """Azimuth steps a turn."""
    rate_hz: float = 10.0
    """Turns a second."""
    range_max_m: float = 100.0
    """No return comes from further away."""
    elevation_min_deg: float = -25.0
    """Lowest ring."""
    elevation_max_deg: float = 5.0
    """Highest ring."""
    height_m: float = 1.85
    """Mounting height above the ground."""
    range_noise_m: float = 0.015
    """One-sigma noise along the ray."""
    dropout: float = 0.03
    """Share of returns lost at random."""
    intensity_noise: float = 0.03
    """One-sigma noise of the intensity (0..1)."""
    gain_sigma: float = 0.15
    """One-sigma (log) difference of intensity gain between cars."""
    beam_gain_sigma: float = 0.08
    """One-sigma (log) difference of intensity gain between the rings of one car."""
    gamma_sigma: float = 0.2
    """One-sigma difference between cars of the power by which the device bends intensities."""
    saturation: float = 1.0
    """Intensity (0..1) that the device shows as its greatest."""
    forward_m: float = 1.0
    """Mounting place before the rear axle."""
    sweep_stride: int = 1
    """Only every so-manieth turn is recorded."""
    sweeps: int = 0
    """So many turns of a drive are recorded, evenly spread; 0: all of them."""

    def __post_init__(self) -> None:
        if self.sweep_stride < 1 or self.sweeps < 0:
            raise ConfigurationError(
                f"lidar.sweep_stride is {self.sweep_stride} and lidar.sweeps {self.sweeps}: use 1 or more, 0 or more"
            )
        if not 0.05 <= self.saturation <= 1.0:
            raise ConfigurationError(f"lidar.saturation is {self.saturation}: use 0.05 to 1")


@dataclass
class CameraConfig:
    """Three cameras: front, front left, front right."""

    enabled: bool = True
    """False: a fleet without cameras."""
    width_px: int = 960
    """Image width."""
    height_px: int = 600
    """Image height."""
    rate_hz: float = 2.0
    """Frames a second of each camera."""
    field_of_view_deg: float = 80.0
    """Horizontal opening angle."""
    jpeg_quality: int = 88
    """1..95."""
    missing: list[str] = field(default_factory=list)
    """Cameras the car does not have: cam_front, cam_left, cam_right."""
    dirt: float = 0.0
    """Share of each lens that specks and drops cover."""


@dataclass
class RadarConfig:
    """A forward radar."""

    enabled: bool = True
    """False: a fleet without radar."""
    rate_hz: float = 10.0
    """Scans a second."""
    range_max_m: float = 120.0
    """No target is seen further away."""


@dataclass
class GnssConfig:
    """GNSS: what its position is wrong by, and when it is silent."""

    rate_hz: float = 5.0
    """Fixes a second."""
    bias_sigma_m: float = 0.10
    """One-sigma constant offset of a drive, each axis."""
    drift_m_per_100m: float = 0.10
    """One-sigma growth of the offset as a random walk, per 100 m driven."""
    noise_sigma_m: float = 0.02
    """One-sigma white noise of a fix, horizontal."""
    outages_per_drive: float = 1.0
    """Mean number of gaps in a drive."""
    outage_duration_s: float = 4.0
    """Mean length of a gap."""


@dataclass
class ImuConfig:
    """Inertial unit."""

    rate_hz: float = 100.0
    """Samples a second."""
    gyro_noise_radps: float = 0.0015
    """One-sigma white noise of a sample."""
    gyro_bias_sigma_radps: float = 0.0005
    """One-sigma constant bias of a drive."""
    accel_noise_mps2: float = 0.02
    """One-sigma white noise of a sample."""
    accel_bias_sigma_mps2: float = 0.02
    """One-sigma constant bias of a drive."""


@dataclass
class WheelConfig:
    """Wheel speeds and steering angle."""

    rate_hz: float = 50.0
    """Samples a second."""
    scale_sigma: float = 0.005
    """One-sigma error of the speed's scale of a car."""
    speed_noise_mps: float = 0.02
    """One-sigma white noise of a sample."""
    steering_noise_rad: float = 0.002
    """One-sigma white noise of a sample."""


@dataclass
class MountingConfig:
    """How well the log knows where its sensors sit."""

    calibration_sigma_m: float = 0.0
    """One-sigma error, each axis, of the place the log states for lidar and cameras."""
    calibration_sigma_deg: float = 0.0
    """One-sigma error, each axis, of the attitude the log states for them."""


@dataclass
class WeatherConfig:
    """What weather and light do to the sensors; each from 0 (nothing) to 1 (much)."""

    rain: float = 0.0
    """Drops in the air: far returns fade, near ones turn up where nothing is."""
    wet_road: float = 0.0
    """Water on the road: asphalt and paint darker and more alike, what stands on it mirrored."""
    darkness: float = 0.0
    """Night, lit by headlights and lamps."""
    glare: float = 0.0
    """A low sun that blinds cameras that look towards it."""

    def __post_init__(self) -> None:
        for name in ("rain", "wet_road", "darkness", "glare"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"sensors.weather.{name} is {getattr(self, name)}: use 0 to 1")


@dataclass
class SensorConfig:
    """What the cars of the fleet carry. Every car draws its own gains, biases and mounting from these."""

    lidar: LidarConfig = field(default_factory=LidarConfig)
    """The lidar."""
    camera: CameraConfig = field(default_factory=CameraConfig)
    """The cameras."""
    radar: RadarConfig = field(default_factory=RadarConfig)
    """The radar."""
    gnss: GnssConfig = field(default_factory=GnssConfig)
    """The GNSS receiver."""
    imu: ImuConfig = field(default_factory=ImuConfig)
    """The inertial unit."""
    wheel: WheelConfig = field(default_factory=WheelConfig)
    """Wheel speed and steering."""
    mounting: MountingConfig = field(default_factory=MountingConfig)
    """Errors of calibration."""
    weather: WeatherConfig = field(default_factory=WeatherConfig)
    """Rain, wet roads, night, glare."""


class FleetKind(StrEnum):
    """How much the cars of a fleet differ."""

    uniform = "uniform"
    """All carry `sensors`, with small differences."""
    varied = "varied"
    """Each draws its own sensors from the ranges of the fleet."""


@dataclass
class FleetConfig:
    """The cars of a varied fleet: ranges (least and greatest) that each draws from, in place of `sensors`."""

    kind: FleetKind = FleetKind.uniform
    """`uniform` or `varied`; all else counts for varied fleets only."""
    beams: list[int] = field(default_factory=lambda: [32, 64, 64, 128])
    """Numbers of rings."""
    height_m: list[float] = field(default_factory=lambda: [1.5, 2.3])
    """Height of the lidar."""
    forward_m: list[float] = field(default_factory=lambda: [0.2, 1.6])
    """Place of the lidar before the rear axle."""
    elevation_min_deg: list[float] = field(default_factory=lambda: [-26.0, -20.0])
    """Lowest ring."""
    elevation_max_deg: list[float] = field(default_factory=lambda: [2.0, 15.0])
    """Highest ring."""
    range_noise_m: list[float] = field(default_factory=lambda: [0.008, 0.028])
    """One-sigma noise along the ray."""
    dropout: list[float] = field(default_factory=lambda: [0.01, 0.12])
    """Share of returns lost at random."""
    saturation: list[float] = field(default_factory=lambda: [0.5, 1.0])
    """Intensity shown as the greatest."""
    gain_sigma: float = 0.35
    """One-sigma (log) difference of intensity gain between cars."""
    gamma_sigma: float = 0.25
    """One-sigma difference of gamma between cars."""
    beam_gain_sigma: float = 0.14
    """One-sigma (log) difference of gain between rings."""
    camera_missing: float = 0.2
    """Share of the cameras that cars lack."""
    calibration_sigma_m: float = 0.015
    """One-sigma error of the places stated for lidar and cameras."""
    calibration_sigma_deg: float = 0.12
    """One-sigma error of their attitudes."""

    def __post_init__(self) -> None:
        if not self.beams or min(self.beams) < 1:
            raise ConfigurationError(f"simulation.fleet.beams is {self.beams}: give numbers of rings")
        names = ("height_m", "forward_m", "elevation_min_deg", "elevation_max_deg", "range_noise_m", "dropout")
        for name in (*names, "saturation"):
            values = getattr(self, name)
            if len(values) != 2 or values[0] > values[1]:
                raise ConfigurationError(f"simulation.fleet.{name} is {values}: give the least and the greatest value")


class Condition(StrEnum):
    """Named conditions: what each means is written in `conditions.py`, once."""

    as_set = "as_set"
    """What the other settings say."""
    clean = "clean"
    """Fresh paint, dry, by day."""
    worn = "worn"
    """Paint half gone."""
    wet = "wet"
    """Rain on a wet road."""
    night = "night"
    """Dark, lit by headlights."""
    occluded = "occluded"
    """Dense traffic and parked cars."""
    sparse = "sparse"
    """Ten turns of the lidar a drive."""


@dataclass
class TownConfig:
    """Size and contents of a procedural town; what is not set here varies with the seed."""

    blocks_east: int = 2
    """Street blocks from west to east."""
    blocks_north: int = 2
    """Street blocks from south to north."""
    block_m: float = 90.0
    """Mean edge of a block; each street's distance varies by a quarter."""
    relief_m: float = 4.0
    """Height difference of the gentle hills the town lies on."""
    curviness: float = 0.5
    """0: every street is straight; 1: every street is bent."""
    crossings: float = 0.6
    """Share of junction arms with a pedestrian crossing."""
    parked: float = 0.35
    """Share of the possible places at the curb that a parked vehicle takes."""
    moving_vehicles: int = 8
    """Vehicles on their way in each drive."""
    wear: float = 0.25
    """Mean wear of the paint: 0 fresh, 1 gone."""

    def __post_init__(self) -> None:
        if min(self.blocks_east, self.blocks_north) < 1 or self.blocks_east * self.blocks_north < 2:
            raise ConfigurationError(
                f"simulation.town has {self.blocks_east} x {self.blocks_north} blocks: at least 2 x 1 are needed"
            )
        if self.block_m < 70.0:
            raise ConfigurationError(
                f"simulation.town.block_m is {self.block_m}: junctions need blocks of 70 m or more"
            )
        for name in ("curviness", "crossings", "parked", "wear"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"simulation.town.{name} is {getattr(self, name)}: use 0 to 1")


@dataclass
class SimulationConfig:
    """Which world, how many drives, how long, which sensors."""

    world: str = "town"
    """`town`, `organic`, `motorway`, `roundabout`, `rural`, `urban`, `construction`, `tram`, `parking`; or an AV2 map
    (folder or JSON), a nuScenes-scene GeoJSON file or a Lanelet2 map (`.osm`)."""
    drives: int = 5
    """Number of drives."""
    duration_s: float = 40.0
    """Length of each drive."""
    seed: int = 7
    """Of everything random; the same seed gives the same bytes."""
    speed_mps: float = 12.0
    """Cruising speed a drive aims at in a town (more on motorways and rural roads); each drive varies it by a fifth."""
    lon_deg: float | None = None
    """Where the world lies (WGS84). None: near 8.4 E 49.0 N, apart for every seed; AV2, Lanelet2 maps know theirs."""
    lat_deg: float | None = None
    """See lon_deg."""
    start_time: str = "2025-06-01T09:00:00+00:00"
    """ISO time of the first drive; each further drive starts an hour later."""
    town: TownConfig = field(default_factory=TownConfig)
    """Size and contents of a procedural world; families other than the town scale them."""
    condition: Condition = Condition.as_set
    """`as_set`, or one that overrides some settings: `clean`, `worn`, `wet`, `night`, `occluded`, `sparse`."""
    fleet: FleetConfig = field(default_factory=FleetConfig)
    """How the cars differ."""
    sensors: SensorConfig = field(default_factory=SensorConfig)
    """The fleet's sensors."""

    def __post_init__(self) -> None:
        if self.drives < 1:
            raise ConfigurationError(f"simulation.drives is {self.drives}: at least 1 drive is needed")
        if self.duration_s < 1.0:
            raise ConfigurationError(f"simulation.duration_s is {self.duration_s}: at least 1 second is needed")
        if not 1.0 <= self.speed_mps <= 40.0:
            raise ConfigurationError(f"simulation.speed_mps is {self.speed_mps}: use 1 to 40 m/s")
        if (self.lon_deg is None) != (self.lat_deg is None):
            raise ConfigurationError("simulation.lon_deg and simulation.lat_deg go together: set both or neither")
