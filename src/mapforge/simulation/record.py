"""Sends the sensors of one car through a world and writes what they saw as a drive log."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.trajectory import Trajectory
from mapforge.simulation import messages, navigation
from mapforge.simulation.camera import build_camera, photograph
from mapforge.simulation.config import SensorConfig
from mapforge.simulation.daylight import daylight_of
from mapforge.simulation.lidar import build_lidar, sweep
from mapforge.simulation.mcap_writer import TimedMessage, write_drive_log
from mapforge.simulation.radar import scan
from mapforge.simulation.rig import GNSS, IMU, LIDAR, RADAR, Rig, build_rig, stated_rig
from mapforge.simulation.scene import Scene, build_scene
from mapforge.simulation.sign_faces import STYLES
from mapforge.simulation.surface import RoadSurface, build_surface
from mapforge.simulation.world import DrivePlan, SignPlate, World

_CAMERA_PHASE_NS = 50_000_000
_RADAR_PHASE_NS = 30_000_000
_SCENE_MARGIN_M = 20.0
_ROAD_DETAIL_M = 60.0


@dataclass(frozen=True, eq=False)
class Stage:
    """Everything the sensors of one drive share."""

    world: World
    plan: DrivePlan
    sensors: SensorConfig
    trajectory: Trajectory
    rig: Rig
    scene: Scene
    surface: RoadSurface
    plates: list[SignPlate]
    style: int

    def elapsed_s(self, timestamp_ns: int) -> float:
        return (timestamp_ns - self.trajectory.start_ns) * 1e-9

    def rng(self, sensor: int, number: int = 0) -> np.random.Generator:
        """The randomness of one measurement, independent of the order in which measurements are made."""
        return np.random.default_rng([self.plan.seed, 100 + sensor, number])


def record_drive(world: World, plan: DrivePlan, sensors: SensorConfig, target: Path, tmp: Path) -> None:
    """Writes the MCAP log of one drive to `target`, atomically; the same arguments give the same bytes.

    Messages come in the order of their log times; a lidar turn is logged when it ends, all else when it is measured.
    """
    stage = build_stage(world, plan, sensors)
    streams = [
        _calibration(stage),
        _lidar(stage),
        *(_camera(stage, number) for number in range(len(stage.rig.cameras))),
        _radar(stage),
        _navigation(stage),
    ]
    metadata = {"drive_id": plan.drive_id, "world": world.name, "seed": str(plan.seed)}
    write_drive_log(target, tmp, metadata, heapq.merge(*streams, key=lambda message: message.log_time_ns))


def build_stage(world: World, plan: DrivePlan, sensors: SensorConfig) -> Stage:
    """Cuts what the drive can see out of the world and mounts the sensors."""
    still = np.zeros(len(plan.timestamps_ns))
    trajectory = Trajectory(plan.timestamps_ns, plan.translation_m, plan.quaternion_wxyz, still)
    path = shapely.LineString(plan.translation_m[:: max(len(plan.translation_m) // 400, 1), :2])
    path = path if path.length > 0.1 else shapely.Point(plan.translation_m[0, :2])
    style = int(world.metadata.get("sign_style", world.seed)) % STYLES
    region = path.buffer(sensors.lidar.range_max_m + _SCENE_MARGIN_M)
    scene, plates = build_scene(world, region, plan.traffic, style)
    surface = build_surface(world, path.buffer(_ROAD_DETAIL_M))
    rig = build_rig(sensors, plan.seed)
    return Stage(world, plan, sensors, trajectory, rig, scene, surface, [world.plates[k] for k in plates], style)


def _calibration(stage: Stage) -> Iterator[TimedMessage]:
    start_ns = stage.trajectory.start_ns
    yield messages.static_transforms(stated_rig(stage.rig, stage.sensors.mounting, stage.plan.seed), start_ns)


def _lidar(stage: Stage) -> Iterator[TimedMessage]:
    config = stage.sensors.lidar
    unit = build_lidar(config, stage.plan.seed)
    starts = navigation.sample_times(stage.trajectory, config.rate_hz)
    whole = np.flatnonzero(starts + unit.period_ns <= stage.trajectory.end_ns)[:: config.sweep_stride]
    if config.sweeps:
        whole = whole[np.unique(np.linspace(0, len(whole) - 1, config.sweeps).round().astype(int))]
    for number in whole.tolist():
        start_ns = int(starts[number])
        end_ns = start_ns + unit.period_ns
        mount = stage.rig.mounts[LIDAR]
        returns = sweep(
            unit, config, stage.scene, stage.surface, stage.trajectory, mount, start_ns, stage.rng(0, number),
            stage.sensors.weather,
        )  # fmt: skip
        yield messages.point_cloud(returns, start_ns, end_ns)


def _camera(stage: Stage, number: int) -> Iterator[TimedMessage]:
    config, sensor = stage.sensors.camera, stage.rig.cameras[number]
    weather = stage.sensors.weather
    unit = build_camera(stage.rig.pinhole, config.jpeg_quality, stage.plan.seed, number, config.dirt)
    light = daylight_of(stage.plan.seed, weather)
    times = navigation.sample_times(stage.trajectory, config.rate_hz, _CAMERA_PHASE_NS)
    for frame, time_ns in enumerate(times.tolist()):
        map_SE3_ego = stage.trajectory.pose_at(time_ns)
        map_SE3_cam = map_SE3_ego @ stage.rig.mounts[sensor]
        stage.scene.set_time(stage.elapsed_s(time_ns))
        rng = stage.rng(10 + number, frame)
        sky = light.with_headlights(map_SE3_ego)
        jpeg = photograph(
            unit, stage.scene, stage.surface, stage.plates, stage.style, sky, map_SE3_cam, rng, weather.wet_road
        )
        yield messages.camera_info(sensor, unit.pinhole, time_ns)
        yield messages.image(sensor, jpeg, time_ns)


def _radar(stage: Stage) -> Iterator[TimedMessage]:
    config = stage.sensors.radar
    if not config.enabled:
        return
    motion = navigation.motion_of(stage.trajectory)
    times = navigation.sample_times(stage.trajectory, config.rate_hz, _RADAR_PHASE_NS)
    speed_ego = motion.at("velocity_ego", times)
    for number, time_ns in enumerate(times.tolist()):
        elapsed_s = stage.elapsed_s(time_ns)
        map_SE3_ego = stage.trajectory.pose_at(time_ns)
        stage.scene.set_time(elapsed_s)
        own = map_SE3_ego.rotation @ speed_ego[number]
        others = np.array([track.velocity_at(elapsed_s) for track in stage.scene.tracks]).reshape(-1, 3)
        mount = map_SE3_ego @ stage.rig.mounts[RADAR]
        returns = scan(config, stage.scene, mount, own, others, stage.rng(20, number))
        yield messages.radar_scan(returns, time_ns)


def _navigation(stage: Stage) -> Iterator[TimedMessage]:
    """GNSS, inertial unit, wheels and odometry, in the order of time."""
    sensors, trajectory = stage.sensors, stage.trajectory
    motion = navigation.motion_of(trajectory)
    fixes = navigation.gnss_fixes(sensors.gnss, trajectory, stage.rig.mounts[GNSS], stage.world.frame, stage.rng(30))
    inertial = navigation.imu_samples(sensors.imu, trajectory, motion, stage.rig.mounts[IMU], stage.rng(31))
    yaw_bias = float(stage.rng(33).normal(0.0, sensors.imu.gyro_bias_sigma_radps))
    driven = navigation.vehicle_samples(sensors.wheel, yaw_bias, trajectory, motion, stage.rng(32))
    reckoned = navigation.reckon(driven)
    variances = (sensors.imu.gyro_noise_radps**2, sensors.imu.accel_noise_mps2**2)
    yield from heapq.merge(
        (messages.nav_sat_fix(fixes, k) for k in _rows(fixes.timestamps_ns)),
        (messages.imu(inertial, k, variances) for k in _rows(inertial.timestamps_ns)),
        (message for k in _rows(driven.timestamps_ns) for message in messages.vehicle(driven, k)),
        (messages.odometry(reckoned, k) for k in _rows(reckoned.timestamps_ns)),
        key=lambda message: message.log_time_ns,
    )


def _rows(timestamps_ns: NDArray[np.int64]) -> range:
    return range(len(timestamps_ns))
