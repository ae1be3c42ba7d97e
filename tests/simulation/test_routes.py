import numpy as np
import pytest
import shapely
from scipy.spatial.transform import Rotation

from mapforge.errors import ConfigurationError
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.config import TownConfig
from mapforge.simulation.routes import coverage, plan_drives
from mapforge.simulation.town import make_town
from mapforge.simulation.world import DrivePlan, World


@pytest.fixture(scope="module")
def town() -> World:
    return make_town(18, TownConfig())


@pytest.fixture(scope="module")
def plans(town: World) -> list[DrivePlan]:
    return plan_drives(town, 5, 40.0, 18)


def test_the_demo_town_is_seen_twice_everywhere(town: World, plans: list[DrivePlan]) -> None:
    assert float(town.metadata["road_length_m"]) >= 1000.0
    assert (coverage(town, plans, 25.0) >= 2).all()


def test_cars_stay_on_the_asphalt(town: World, plans: list[DrivePlan]) -> None:
    (area,) = (e.geometry for e in town.truth if e.element_class == ElementClass.DRIVABLE_AREA)
    corners = np.array([[x, y, 0.0] for x in (-1.0, 3.7) for y in (-0.9, 0.9)])
    for plan in plans:
        turn = Rotation.from_quat(plan.quaternion_wxyz[::20, [1, 2, 3, 0]]).as_matrix()
        wheels = (np.einsum("nij,kj->nki", turn, corners) + plan.translation_m[::20, None]).reshape(-1, 3)
        assert shapely.contains_xy(area, wheels[:, 0], wheels[:, 1]).all(), plan.drive_id


def test_drives_differ_and_are_smooth(plans: list[DrivePlan]) -> None:
    assert len({plan.drive_id for plan in plans}) == 5 and len({plan.seed for plan in plans}) == 5
    for plan in plans:
        assert np.all(np.diff(plan.timestamps_ns) == 10_000_000) and len(plan.timestamps_ns) == 4000
        velocity = np.diff(plan.translation_m, axis=0) * 100
        assert np.linalg.norm(velocity, axis=1).max() < 20.0
        assert np.abs(np.diff(velocity, axis=0) * 100).max() < 7.0
        assert np.allclose(np.linalg.norm(plan.quaternion_wxyz, axis=1), 1.0)


def test_traffic_never_touches_the_ego_car(plans: list[DrivePlan]) -> None:
    assert sum(len(plan.traffic) for plan in plans) >= 20
    for plan in plans:
        ego = plan.translation_m[::25, :2]
        for vehicle in plan.traffic:
            along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(vehicle.path_m[:, :2], axis=0), axis=1))])
            station = vehicle.start_station_m + vehicle.speed_mps * np.arange(len(ego)) * 0.25
            there = station <= along[-1]
            xy = np.stack([np.interp(station, along, vehicle.path_m[:, n]) for n in (0, 1)], axis=1)
            assert np.linalg.norm(xy - ego, axis=1)[there].min(initial=9.0) > 1.8


def test_the_same_seed_plans_the_same_drives(town: World) -> None:
    first, again = (plan_drives(town, 2, 10.0, 4) for _ in range(2))
    for a, b in zip(first, again):
        assert a.seed == b.seed and a.translation_m.tobytes() == b.translation_m.tobytes()


def test_a_world_without_a_long_enough_way_is_refused(town: World) -> None:
    with pytest.raises(ConfigurationError, match="duration_s"):
        short = [lane.__class__(lane.centreline, (), lane.speed_limit_mps, lane.width_m) for lane in town.lanes]
        plan_drives(World(**{**town.__dict__, "lanes": tuple(short)}), 1, 60.0, 1)
