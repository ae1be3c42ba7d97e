import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from mapforge.geometry.trajectory import Trajectory
from mapforge.simulation.config import LidarConfig, SensorConfig
from mapforge.simulation.lidar import RETURN, LidarUnit, beam_elevations_rad, build_lidar, sweep
from mapforge.simulation.rig import LIDAR, Rig, build_rig
from mapforge.simulation.scene import build_scene
from mapforge.simulation.surface import build_surface
from mapforge.simulation.world import DrivePlan, World

CLEAN = LidarConfig(columns=512, range_noise_m=0.0, dropout=0.0, intensity_noise=0.0, beam_gain_sigma=0.0)
EVERYWHERE = shapely.box(200, 100, 600, 500)


class Bench:
    """A lidar on its car in the flat world."""

    def __init__(self, world: World, plan: DrivePlan, config: LidarConfig) -> None:
        self.config = config
        self.world = world
        self.rig: Rig = build_rig(SensorConfig(lidar=config), plan.seed)
        self.unit: LidarUnit = build_lidar(config, plan.seed)
        self.scene = build_scene(world, EVERYWHERE, (), 0)[0]
        self.surface = build_surface(world, EVERYWHERE)
        times = plan.timestamps_ns
        self.trajectory = Trajectory(times, plan.translation_m, plan.quaternion_wxyz, np.zeros(len(times)))

    def sweep(self, seed: int = 0) -> NDArray[np.void]:
        start, mount = self.trajectory.start_ns, self.rig.mounts[LIDAR]
        rng = np.random.default_rng(seed)
        return sweep(self.unit, self.config, self.scene, self.surface, self.trajectory, mount, start, rng)

    def in_map(self, returns: NDArray[np.void], compensate: bool = True) -> NDArray[np.float64]:
        xyz = np.stack([returns["x"], returns["y"], returns["z"]], axis=1).astype(float)
        xyz_ego = self.rig.mounts[LIDAR].transform(xyz)
        after = returns["t"].astype(np.int64) * compensate
        rotation, translation = self.trajectory.poses_at(self.trajectory.start_ns + after)
        return np.einsum("nij,nj->ni", rotation, xyz_ego) + translation


@pytest.fixture(scope="module")
def clean(flat_world: World, straight_plan: DrivePlan) -> Bench:
    return Bench(flat_world, straight_plan, CLEAN)


def test_returns_lie_on_the_surfaces_once_the_motion_is_taken_out(clean: Bench) -> None:
    xyz = clean.in_map(clean.sweep())
    road = (np.abs(xyz[:, 1] - 300.0) < 6.9) & (xyz[:, 2] < 2.0)
    assert road.sum() > 5000
    assert np.quantile(np.abs(xyz[road, 2]), 0.99) < 0.003
    wall = (xyz[:, 2] > 1.0) & (xyz[:, 2] < 5.9) & (np.abs(xyz[:, 1] - 315.0) < 0.3) & (np.abs(xyz[:, 0] - 400) < 30)
    assert wall.sum() > 300 and np.quantile(np.abs(xyz[wall, 1] - 315.0), 0.99) < 0.003


def test_a_turn_is_skewed_by_the_motion_of_the_car(clean: Bench) -> None:
    returns = clean.sweep()
    shift = clean.in_map(returns)[:, 0] - clean.in_map(returns, compensate=False)[:, 0]
    assert shift.min() >= 0 and shift.max() == pytest.approx(1.0, abs=0.01)
    azimuth = np.arctan2(returns["y"], returns["x"])
    forward = np.abs(azimuth) < 0.01
    assert returns["t"][forward].astype(float) == pytest.approx(5e7, abs=1e6)


def test_range_noise_is_as_configured(flat_world: World, straight_plan: DrivePlan) -> None:
    noisy = Bench(flat_world, straight_plan, LidarConfig(columns=512, range_noise_m=0.02))
    xyz = noisy.in_map(noisy.sweep())
    wall = (xyz[:, 2] > 1.0) & (xyz[:, 2] < 5.5) & (np.abs(xyz[:, 1] - 315.0) < 0.3) & (np.abs(xyz[:, 0] - 400) < 5)
    assert np.std(xyz[wall, 1]) == pytest.approx(0.02, rel=0.35)


def test_paint_and_signs_are_brighter_than_asphalt(clean: Bench) -> None:
    returns = clean.sweep()
    xyz = clean.in_map(returns)
    near = (np.abs(xyz[:, 0] - 402) < 15) & (xyz[:, 2] < 0.05)
    marks = shapely.union_all([mark.area for mark in clean.world.paint[:-1]])
    painted = near & shapely.contains_xy(marks, xyz[:, :2])
    bare = near & ~shapely.contains_xy(marks.buffer(0.3), xyz[:, :2]) & (np.abs(xyz[:, 1] - 300) < 5.5)
    assert painted.sum() > 15
    assert returns["intensity"][painted].mean() > 1.4 * returns["intensity"][bare].mean()
    sign = np.linalg.norm(xyz - [430.0, 292.0, 2.5], axis=1) < 0.3
    assert sign.sum() > 2 and np.median(returns["intensity"][sign]) > 200


def test_far_and_dark_things_are_lost_first(flat_world: World, straight_plan: DrivePlan) -> None:
    bench = Bench(flat_world, straight_plan, LidarConfig())
    returns = bench.sweep()
    range_m = np.sqrt(returns["x"] ** 2 + returns["y"] ** 2 + returns["z"] ** 2)
    assert range_m.max() < 100.5 and range_m.min() > 1.0
    assert 20000 < len(returns) < 64 * 1024


def test_a_sweep_is_a_function_of_its_seed(clean: Bench) -> None:
    assert clean.sweep(1).tobytes() == clean.sweep(1).tobytes()
    assert clean.sweep(1).tobytes() != clean.sweep(2).tobytes()


def test_records_are_packed_and_in_order(clean: Bench) -> None:
    returns = clean.sweep()
    assert returns.dtype == RETURN and returns.dtype.itemsize == 24
    assert (np.diff(returns["t"].astype(np.int64)) >= 0).all()
    assert returns["ring"].max() < CLEAN.beams
    assert returns["intensity"].min() >= 0 and returns["intensity"].max() <= 255


def test_rings_rise_and_are_denser_towards_the_horizon() -> None:
    elevations = beam_elevations_rad(LidarConfig())
    steps = np.diff(elevations)
    assert (steps > 0).all() and steps[-1] < steps[0]
    assert np.degrees(elevations[[0, -1]]) == pytest.approx([-25.0, 5.0])
