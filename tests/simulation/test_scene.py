import numpy as np
import open3d as o3d
import pytest
import shapely

from mapforge.simulation.moving import vehicle_mesh
from mapforge.simulation.scene import SIGN_FACE, Scene, Triangles, build_scene
from mapforge.simulation.world import DrivePlan, Material, World

EVERYWHERE = shapely.box(200, 100, 600, 500)


@pytest.fixture(scope="module")
def scene(flat_world: World, straight_plan: DrivePlan) -> Scene:
    return build_scene(flat_world, EVERYWHERE, straight_plan.traffic, 0)[0]


def _rays(n: int, seed: int = 0) -> np.ndarray:
    direction = np.random.default_rng(seed).normal(size=(n, 3)) * [1, 1, 0.2]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.concatenate([np.tile([400.0, 296.5, 1.8], (n, 1)), direction], axis=1).astype(np.float32)


def _moving_triangles(scene: Scene, plan: DrivePlan, elapsed_s: float) -> Triangles:
    vehicle = plan.traffic[0]
    mesh = vehicle_mesh(vehicle.length_m, vehicle.width_m, vehicle.height_m)
    pose = scene.tracks[0].pose_at(elapsed_s)
    assert pose is not None
    vertices = pose.transform(mesh.vertices.astype(float))
    return Triangles.of(vertices, mesh.triangles, mesh.materials, np.zeros(len(mesh.triangles)))


def test_vehicles_are_hit_like_in_a_scene_that_holds_them(scene: Scene, straight_plan: DrivePlan) -> None:
    scene.set_time(1.0)
    rays = _rays(60000)
    hits = scene.cast(rays)
    alone = _moving_triangles(scene, straight_plan, 1.0).raycaster()
    expected = alone.cast_rays(o3d.core.Tensor.from_numpy(rays))["t_hit"].numpy()
    on_vehicle = scene.vehicles[hits.triangle] == 0
    on_vehicle &= hits.triangle >= 0
    assert on_vehicle.sum() > 50
    assert np.array_equal(hits.range_m[on_vehicle], expected[on_vehicle])
    assert not (expected < hits.range_m).any()
    scene.set_time(1e6)
    assert (scene.cast(rays).range_m >= hits.range_m).all()


def test_ground_is_where_it_is(scene: Scene) -> None:
    scene.set_time(1e6)
    rays = _rays(5000, 1)
    hits = scene.cast(rays)
    ground = (hits.triangle >= 0) & (scene.triangles.materials[hits.triangle] == Material.ASPHALT)
    assert ground.sum() > 1000
    z = rays[ground, 2] + rays[ground, 5] * hits.range_m[ground]
    assert np.abs(z).max() < 1e-3


def test_shadow_of_a_vehicle(scene: Scene) -> None:
    scene.set_time(1.0)
    pose = scene.tracks[0].pose_at(1.0)
    assert pose is not None
    below = pose.translation_m + [0, 0, 0.1]
    origins = np.array([below, below + [8.0, 0.0, 0.0]], dtype=np.float32)
    assert scene.occluded(origins, np.array([0, 0, 1], np.float32)).tolist() == [True, False]


def test_a_sign_has_a_face_and_a_back(scene: Scene) -> None:
    rays = np.array([[425, 292, 2.5, 1, 0, 0], [435, 292, 2.5, -1, 0, 0]], dtype=np.float32)
    hits = scene.cast(rays)
    assert scene.triangles.materials[hits.triangle[0]] == SIGN_FACE
    assert scene.triangles.plates[hits.triangle[0]] == 0
    assert scene.triangles.materials[hits.triangle[1]] != SIGN_FACE
    assert hits.range_m[0] == pytest.approx(5.0, abs=1e-3)


def test_what_is_far_from_the_drive_is_left_out(flat_world: World) -> None:
    scene, plates = build_scene(flat_world, shapely.Point(310, 300).buffer(30), (), 0)
    assert plates == []
    assert SIGN_FACE not in scene.triangles.materials


def test_one_tone_an_object(scene: Scene) -> None:
    wall = scene.triangles.materials == Material.BUILDING
    assert len(np.unique(scene.triangles.tones[wall])) == 1


def test_sides_face_the_viewpoint(scene: Scene) -> None:
    ground = scene.triangles.materials == Material.ASPHALT
    assert (scene.sides(np.array([400.0, 300.0, 2.0]))[ground] == 1).all()
    assert (scene.sides(np.array([400.0, 300.0, -2.0]))[ground] == -1).all()
