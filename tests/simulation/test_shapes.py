import numpy as np
import pytest

from mapforge.simulation.shapes import box, cylinder, merge, prism, vehicle
from mapforge.simulation.world import Material, Mesh


def volume(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.triangles[:, n]].astype(float) for n in range(3))
    return float(np.abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6)


def test_a_box_is_closed_and_has_its_size() -> None:
    mesh = box(np.array([0.5, 0.5, 0.0]), (2.0, 3.0, 4.0), 0.7, Material.BUILDING)
    assert volume(mesh) == pytest.approx(24.0, rel=1e-5)
    assert mesh.vertices[:, 2].min() == 0.0 and mesh.vertices[:, 2].max() == 4.0


def test_a_cylinder_stands_on_its_foot() -> None:
    mesh = cylinder(np.array([3.0, 4.0, 1.0]), 0.5, 2.0, Material.POLE, sides=16)
    radius = np.linalg.norm(mesh.vertices[:, :2] - [3.0, 4.0], axis=1)
    assert np.allclose(radius, 0.5, atol=1e-6) and mesh.vertices[:, 2].max() == 3.0


def test_merging_keeps_materials_with_their_triangles() -> None:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    merged = merge([prism(square, 0, 1, Material.CURB), prism(square + 5, 0, 1, Material.GRASS)])
    grass = merged.vertices[merged.triangles[merged.materials == Material.GRASS]]
    assert grass.reshape(-1, 3)[:, 0].min() == 5.0
    assert len(merge([]).triangles) == 0


def test_a_vehicle_fills_its_box() -> None:
    mesh = vehicle(np.array([10.0, 20.0, 5.0]), 0.0, 4.5, 1.8, 1.5)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    assert np.allclose(high - low, [4.5, 1.8, 1.5], atol=0.05)
    assert Material.GLASS in mesh.materials
