import numpy as np
import pytest

from mapforge.simulation.moving import Track, vehicle_mesh
from mapforge.simulation.world import MovingVehicle

PATH = np.array([[0.0, 0.0, 1.0], [100.0, 0.0, 11.0]])


def test_a_vehicle_moves_along_its_path_and_leaves_at_its_end() -> None:
    track = Track(MovingVehicle(PATH, 10.0, 5.0, 4.5, 1.8, 1.5))
    pose = track.pose_at(2.0)
    assert pose is not None
    assert pose.translation_m == pytest.approx([25.0, 0.0, 3.5])
    assert np.allclose(pose.rotation @ pose.rotation.T, np.eye(3)) and np.linalg.det(pose.rotation) > 0
    assert np.degrees(np.arctan2(pose.rotation[2, 0], pose.rotation[0, 0])) == pytest.approx(np.degrees(np.arctan(0.1)))
    assert track.velocity_at(2.0)[0] == pytest.approx(10.0, rel=0.01)
    assert track.pose_at(9.6) is None and not track.velocity_at(9.6).any()


@pytest.mark.parametrize("height_m", [1.5, 3.4])
def test_a_vehicle_fills_its_box_and_its_faces_look_outwards(height_m: float) -> None:
    mesh = vehicle_mesh(4.5, 1.8, height_m)
    assert np.ptp(mesh.vertices[:, 0]) == pytest.approx(4.5)
    assert np.ptp(mesh.vertices[:, 2]) == pytest.approx(height_m)
    a, b, c = (mesh.vertices[mesh.triangles[:, k]].astype(float) for k in range(3))
    blocks = mesh.triangles[:, 0] // 8
    middle = np.array([mesh.vertices[8 * k : 8 * k + 8].mean(axis=0) for k in blocks])
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), (a + b + c) / 3 - middle) > 0).all()
