import io

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from PIL import Image

from mapforge.geometry.se3 import SE3
from mapforge.simulation.camera import CameraUnit, build_camera, photograph
from mapforge.simulation.daylight import daylight_of
from mapforge.simulation.rig import Pinhole
from mapforge.simulation.scene import Scene, build_scene
from mapforge.simulation.surface import RoadSurface, build_surface
from mapforge.simulation.world import DrivePlan, World

EVERYWHERE = shapely.box(200, 100, 600, 500)
PINHOLE = Pinhole.with_field_of_view(480, 300, 80.0)
LOOK_EAST = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


class Studio:
    """One camera in the flat world."""

    def __init__(self, world: World, plan: DrivePlan) -> None:
        self.world = world
        self.scene: Scene = build_scene(world, EVERYWHERE, plan.traffic, 0)[0]
        self.surface: RoadSurface = build_surface(world, EVERYWHERE)
        self.unit: CameraUnit = build_camera(PINHOLE, 90, 1, 0)

    def picture(self, xyz: tuple[float, float, float], elapsed_s: float = 1e6, seed: int = 0) -> NDArray[np.uint8]:
        self.scene.set_time(elapsed_s)
        pose, rng = SE3(LOOK_EAST, np.array(xyz)), np.random.default_rng(seed)
        plates = list(self.world.plates)
        jpeg = photograph(self.unit, self.scene, self.surface, plates, 0, daylight_of(1), pose, rng)
        return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)

    def pixel_of(self, xyz: tuple[float, float, float], camera: tuple[float, float, float]) -> NDArray[np.int64]:
        cam_SE3_map = SE3(LOOK_EAST, np.array(camera)).inverse()
        return np.rint(PINHOLE.project(cam_SE3_map.transform(np.array([xyz])))[0]).astype(int)


@pytest.fixture(scope="module")
def studio(flat_world: World, straight_plan: DrivePlan) -> Studio:
    return Studio(flat_world, straight_plan)


def test_a_stop_sign_is_red_where_it_projects_to(studio: Studio) -> None:
    camera = (415.0, 296.5, 1.6)
    picture = studio.picture(camera)
    column, row = studio.pixel_of((430.0, 291.78, 2.5), camera)
    red, green, blue = picture[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 3).mean(axis=0)
    assert red > 1.6 * green and red > 1.4 * blue
    column, row = studio.pixel_of((430.0, 291.0, 2.5), camera)
    red, green, blue = picture[row, column]
    assert red < 1.3 * blue


def test_a_sign_shows_only_its_face_and_only_when_nothing_stands_before_it(studio: Studio) -> None:
    behind = studio.picture((425.0, 305.0, 1.6))
    assert ((behind[..., 0] > 1.6 * behind[..., 1]) & (behind[..., 0] > 90)).mean() < 0.002
    in_the_wall = studio.picture((335.0, 320.0, 1.6))
    assert ((in_the_wall[..., 0] > 1.6 * in_the_wall[..., 1]) & (in_the_wall[..., 0] > 90)).mean() < 0.002


def test_the_lit_lamp_of_a_traffic_light_is_the_red_one(studio: Studio) -> None:
    camera = (432.0, 303.5, 5.0)
    picture = studio.picture(camera)
    lamps = [studio.pixel_of((440.0, 303.5, 5.0 + dz), camera) for dz in (0.31, 0.0, -0.31)]
    brightness = [picture[row, column, 0] for column, row in lamps]
    assert brightness[0] > 150 and brightness[0] > 2 * max(brightness[1:])


def test_paint_stands_out_and_the_sky_is_above(studio: Studio) -> None:
    camera = (402.0, 300.0, 1.6)
    picture = studio.picture(camera)
    on, beside = (studio.pixel_of((411.0, y, 0.0), camera) for y in (300.0, 300.8))
    assert picture[on[1], on[0]].mean() > picture[beside[1], beside[0]].mean() + 25
    assert picture[:20].mean() > picture[-20:].mean()


def test_a_vehicle_hides_what_is_behind_it(studio: Studio) -> None:
    camera = (405.0, 303.5, 1.2)
    empty, with_car = studio.picture(camera), studio.picture(camera, elapsed_s=1.0)
    column, row = studio.pixel_of((420.0, 303.5, 0.6), camera)
    window = np.s_[row - 4 : row + 4, column - 4 : column + 4]
    assert np.abs(with_car[window] - empty[window]).mean() > 10
    assert np.abs(with_car[:60] - empty[:60]).mean() < 10


def test_a_frame_is_a_function_of_its_seed(studio: Studio) -> None:
    camera = (402.0, 300.0, 1.6)
    assert np.array_equal(studio.picture(camera, seed=1), studio.picture(camera, seed=1))
    assert not np.array_equal(studio.picture(camera, seed=1), studio.picture(camera, seed=2))
