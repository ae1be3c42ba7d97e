"""Conditions and fleets, measured on rendered sweeps and pictures of a hand-made road."""

import io
from dataclasses import replace

import numpy as np
import pytest
import shapely
from PIL import Image
from scipy.spatial.transform import Rotation

from mapforge.errors import ConfigurationError
from mapforge.geometry.se3 import SE3
from mapforge.geometry.trajectory import Trajectory
from mapforge.simulation.camera import build_camera, photograph
from mapforge.simulation.conditions import SPARSE_SWEEPS, under_condition
from mapforge.simulation.config import (
    Condition,
    FleetConfig,
    FleetKind,
    LidarConfig,
    MountingConfig,
    SensorConfig,
    SimulationConfig,
    WeatherConfig,
)
from mapforge.simulation.daylight import daylight_of
from mapforge.simulation.fleet import car_sensors
from mapforge.simulation.lidar import build_lidar, sweep
from mapforge.simulation.rig import LIDAR, Pinhole, build_rig, stated_rig
from mapforge.simulation.scene import Scene, build_scene
from mapforge.simulation.surface import RoadSurface, build_surface
from mapforge.simulation.world import DrivePlan, World

CONFIG = LidarConfig(beams=32, columns=512, gain_sigma=0.0, beam_gain_sigma=0.0)
PINHOLE = Pinhole.with_field_of_view(320, 200, 80.0)
EGO_SE3_LIDAR = SE3(np.eye(3), np.array([1.0, 0.0, 1.85]))
EGO_R_CAM = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@pytest.fixture(scope="module")
def road(flat_world: World, straight_plan: DrivePlan) -> tuple[Scene, RoadSurface, Trajectory, World]:
    region = shapely.box(200, 100, 600, 500)
    scene, _ = build_scene(flat_world, region, straight_plan.traffic, 0)
    still = np.zeros(len(straight_plan.timestamps_ns))
    trajectory = Trajectory(
        straight_plan.timestamps_ns, straight_plan.translation_m, straight_plan.quaternion_wxyz, still
    )
    return scene, build_surface(flat_world, region), trajectory, flat_world


def returns(road: tuple, weather: WeatherConfig, config: LidarConfig = CONFIG) -> np.ndarray:
    scene, surface, trajectory, _ = road
    unit = build_lidar(config, 5)
    rng = np.random.default_rng(1)
    return sweep(unit, config, scene, surface, trajectory, EGO_SE3_LIDAR, trajectory.start_ns, rng, weather)


def picture(road: tuple, weather: WeatherConfig, dirt: float = 0.0, seed: int = 1) -> np.ndarray:
    """(H, W, 3) grey levels, straight ahead."""
    scene, surface, trajectory, world = road
    map_SE3_ego = trajectory.pose_at(trajectory.start_ns)
    unit = build_camera(PINHOLE, 95, 1, 0, dirt)
    light = daylight_of(seed, weather).with_headlights(map_SE3_ego)
    map_SE3_cam = map_SE3_ego @ SE3(EGO_R_CAM, np.array([1.5, 0.0, 1.55]))
    jpeg = photograph(
        unit, scene, surface, list(world.plates), 0, light, map_SE3_cam, np.random.default_rng(0), weather.wet_road
    )
    return np.asarray(Image.open(io.BytesIO(jpeg)), dtype=float)


def contrast(cloud: np.ndarray) -> float:
    """Intensity of the painted edge line over that of the asphalt beside it, within 15 m."""
    x, y, z = (cloud[name].astype(float) for name in "xyz")
    near = (np.abs(z + 1.85) < 0.1) & (np.hypot(x, y) < 15.0)
    paint = near & (np.abs(y - (-6.225 + 3.5)) < 0.04)
    asphalt = near & (np.abs(y - (-5.2 + 3.5)) < 0.5)
    assert paint.sum() > 15 and asphalt.sum() > 50
    return float(np.median(cloud["intensity"][paint]) / np.median(cloud["intensity"][asphalt]))


def test_a_dry_sweep_is_as_it_was_without_weather(road: tuple) -> None:
    scene, surface, trajectory, _ = road
    unit = build_lidar(CONFIG, 5)
    plain = sweep(
        unit, CONFIG, scene, surface, trajectory, EGO_SE3_LIDAR, trajectory.start_ns, np.random.default_rng(1)
    )
    assert plain.tobytes() == returns(road, WeatherConfig()).tobytes()


def test_rain_takes_far_returns_and_adds_near_ones(road: tuple) -> None:
    clouds = [returns(road, WeatherConfig(rain=rain)) for rain in (0.0, 0.5, 1.0)]
    dry, shower, downpour = (np.linalg.norm(np.stack([c["x"], c["y"], c["z"]]), axis=0) for c in clouds)
    assert len(dry) > len(shower) > len(downpour)
    assert (downpour > 30.0).sum() < 0.9 * (dry > 30.0).sum()
    far = [np.median(cloud["intensity"][reach > 20.0]) for cloud, reach in zip(clouds, (dry, shower, downpour))]
    assert far[2] < 0.85 * far[1] and far[1] < 0.85 * far[0]
    # nothing but drops is nearer than the road under the lowest ring
    nearest = dry.min() - 0.1
    assert (downpour < nearest).sum() > (shower < nearest).sum() > 20


def test_drops_are_faint(road: tuple) -> None:
    cloud = returns(road, WeatherConfig(rain=1.0))
    reach = np.linalg.norm(np.stack([cloud["x"], cloud["y"], cloud["z"]], axis=1), axis=1)
    assert np.median(cloud["intensity"][reach < 2.5]) < 0.25 * np.median(cloud["intensity"])
    assert (np.diff(cloud["t"].astype(int)) >= 0).all()


def test_contrast_of_paint_falls_when_the_road_is_wet(road: tuple) -> None:
    dry, moist, wet = (contrast(returns(road, WeatherConfig(wet_road=film))) for film in (0.0, 0.5, 1.0))
    assert dry > 1.15 * moist and moist > 1.1 * wet


def test_wet_roads_mirror_below_the_ground(road: tuple) -> None:
    dry, wet = (returns(road, WeatherConfig(wet_road=film)) for film in (0.0, 1.0))
    assert (dry["z"] < -2.3).sum() == 0 and (wet["z"] < -2.3).sum() > 20
    assert len(wet) < len(dry)


def test_a_device_that_saturates_shows_more_at_its_greatest(road: tuple) -> None:
    plain = returns(road, WeatherConfig())
    bright = returns(road, WeatherConfig(), replace(CONFIG, saturation=0.4))
    assert (bright["intensity"] == 255).sum() > 3 * (plain["intensity"] == 255).sum()


def test_nights_are_dark_but_for_the_headlights_and_signs(road: tuple) -> None:
    day, night = picture(road, WeatherConfig()), picture(road, WeatherConfig(darkness=1.0))
    assert night.mean() < 0.5 * day.mean() and night[:60].mean() < 40.0
    ahead, aside = night[125:150, 140:180].mean(), night[125:150, :25].mean()
    assert ahead > 1.5 * aside
    assert picture(road, WeatherConfig(darkness=1.0)).tobytes() == night.tobytes()


def test_glare_blinds_towards_the_sun(road: tuple) -> None:
    low = next(
        seed
        for seed in range(200)
        if daylight_of(seed, WeatherConfig(glare=1.0)).to_sun[0] > 0.93  # the camera looks along x
    )
    fair, blinded = (picture(road, WeatherConfig(glare=glare), seed=low) for glare in (0.0, 1.0))
    assert (blinded > 250).all(axis=2).mean() > (fair > 250).all(axis=2).mean() + 0.01


def test_a_wet_road_mirrors_the_sky_far_ahead(road: tuple) -> None:
    dry, wet = (picture(road, WeatherConfig(wet_road=film)) for film in (0.0, 1.0))
    far, near = (slice(106, 110), slice(140, 170)), (slice(180, 198), slice(140, 170))
    assert wet[far].mean() / wet[near].mean() > 1.2 * dry[far].mean() / dry[near].mean()


def test_dirt_hides_its_share_of_the_picture(road: tuple) -> None:
    dirt = build_camera(PINHOLE, 95, 1, 0, 0.15).dirt
    assert dirt is not None and 0.1 < (dirt > 0.2).mean() < 0.3
    apart = np.abs(picture(road, WeatherConfig()) - picture(road, WeatherConfig(), dirt=0.15)).mean(axis=2)
    assert apart[dirt > 0.4].mean() > 3.0 * apart[dirt < 0.01].mean()


def test_conditions_override_what_they_name_and_nothing_else() -> None:
    config = SimulationConfig(condition=Condition.wet, drives=3)
    wet = under_condition(config)
    assert wet.sensors.weather.rain > 0 and wet.sensors.weather.wet_road > 0 and wet.drives == 3
    assert under_condition(wet) == wet and config.condition is Condition.wet
    assert under_condition(SimulationConfig()) == SimulationConfig()
    wear = [under_condition(SimulationConfig(condition=c)).town.wear for c in (Condition.clean, Condition.worn)]
    assert wear[0] < 0.1 < 0.4 < wear[1]
    dense = under_condition(SimulationConfig(condition=Condition.occluded)).town
    assert dense.parked > 0.8 and dense.moving_vehicles >= 24
    assert under_condition(SimulationConfig(condition=Condition.sparse)).sensors.lidar.sweeps == SPARSE_SWEEPS
    assert under_condition(SimulationConfig(condition=Condition.night)).sensors.weather.darkness > 0.8


def test_cars_of_a_varied_fleet_differ_and_repeat() -> None:
    uniform = SimulationConfig()
    assert car_sensors(uniform, 1) == car_sensors(uniform, 2) == uniform.sensors
    varied = replace(uniform, fleet=FleetConfig(kind=FleetKind.varied), condition=Condition.wet)
    cars = [car_sensors(varied, seed) for seed in range(24)]
    assert cars[3] == car_sensors(varied, 3)
    assert {car.lidar.beams for car in cars} == {32, 64, 128}
    assert np.ptp([car.lidar.height_m for car in cars]) > 0.4
    assert {len(car.camera.missing) for car in cars} >= {0, 1}
    assert all(car.weather.rain > 0 for car in cars)


def test_a_car_lacks_its_missing_cameras() -> None:
    sensors = SensorConfig()
    sensors.camera.missing = ["cam_left"]
    whole, without = build_rig(SensorConfig(), 4), build_rig(sensors, 4)
    assert whole.cameras == ["cam_front", "cam_left", "cam_right"] and without.cameras == ["cam_front", "cam_right"]
    right = "cam_right"
    assert np.array_equal(whole.mounts[right].translation_m, without.mounts[right].translation_m)


def test_a_stated_calibration_is_off_by_what_was_asked() -> None:
    rig = build_rig(SensorConfig(), 4)
    assert stated_rig(rig, MountingConfig(), 4) is rig
    shifts, turns = [], []
    for seed in range(60):
        stated = stated_rig(rig, MountingConfig(0.02, 0.3), seed)
        shifts.append(stated.mounts[LIDAR].translation_m - rig.mounts[LIDAR].translation_m)
        between = stated.mounts[LIDAR].rotation @ rig.mounts[LIDAR].rotation.T
        turns.append(np.degrees(Rotation.from_matrix(between).as_rotvec()))
    assert np.std(shifts) == pytest.approx(0.02, rel=0.25) and np.std(turns) == pytest.approx(0.3, rel=0.25)


def test_settings_that_mean_nothing_are_refused() -> None:
    for make in (
        lambda: LidarConfig(sweep_stride=0),
        lambda: LidarConfig(saturation=0.0),
        lambda: WeatherConfig(rain=2.0),
        lambda: FleetConfig(beams=[]),
        lambda: FleetConfig(height_m=[2.0, 1.0]),
    ):
        with pytest.raises(ConfigurationError):
            make()
