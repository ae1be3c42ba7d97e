import numpy as np
import pytest
import shapely

from mapforge.geometry.se3 import SE3
from mapforge.simulation.config import RadarConfig
from mapforge.simulation.radar import scan
from mapforge.simulation.scene import build_scene
from mapforge.simulation.world import DrivePlan, World


def test_still_things_come_closer_at_the_speed_of_the_car_and_oncoming_ones_faster(
    flat_world: World, straight_plan: DrivePlan
) -> None:
    scene, _ = build_scene(flat_world, shapely.box(200, 100, 600, 500), straight_plan.traffic, 0)
    scene.set_time(1.0)
    others = np.array([scene.tracks[0].velocity_at(1.0)])
    mount = SE3(np.eye(3), np.array([403.0, 300.0, 0.6]))
    rng = np.random.default_rng(0)
    scans = [scan(RadarConfig(), scene, mount, np.array([10.0, 0.0, 0.0]), others, rng) for _ in range(20)]
    speed = np.concatenate([s.radial_velocity_mps for s in scans])
    azimuth = np.concatenate([s.azimuth_rad for s in scans])
    elevation = np.concatenate([s.elevation_rad for s in scans])
    still = np.abs(speed + 10.0 * np.cos(azimuth) * np.cos(elevation)) < 0.6
    oncoming = speed < -15.0
    assert still.sum() > 100 and oncoming.sum() > 10
    assert (still | oncoming).mean() > 0.97
    expected = 403.0 + np.concatenate([s.range_m for s in scans])[oncoming]
    assert np.median(expected) == pytest.approx(scene.tracks[0].pose_at(1.0).translation_m[0] - 2.0, abs=1.0)  # type: ignore[union-attr]


def test_nothing_beyond_its_range(flat_world: World) -> None:
    scene, _ = build_scene(flat_world, shapely.box(200, 100, 600, 500), (), 0)
    mount = SE3(np.eye(3), np.array([403.0, 300.0, 0.6]))
    returns = scan(RadarConfig(range_max_m=25.0), scene, mount, np.zeros(3), np.zeros((0, 3)), np.random.default_rng(1))
    assert len(returns.range_m) and returns.range_m.max() < 26.0
