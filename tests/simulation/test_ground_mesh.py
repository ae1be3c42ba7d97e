import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.simulation.ground_mesh import area_mesh, triangulate
from mapforge.simulation.world import Material


def areas(triangles: np.ndarray) -> np.ndarray:
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    cross = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return np.abs(cross) / 2


@given(st.floats(3.0, 40.0), st.floats(0.2, 0.8), st.floats(-50, 50))
@settings(max_examples=20, deadline=None)
def test_triangles_tile_the_area(radius: float, hole: float, x0: float) -> None:
    area = shapely.Point(x0, 7.3).buffer(radius).difference(shapely.Point(x0, 7.3).buffer(radius * hole))
    triangles = triangulate(area, 2.0)
    assert areas(triangles).sum() == pytest.approx(area.area, rel=1e-4)
    centres = triangles.mean(axis=1)
    assert shapely.contains_xy(area.buffer(1e-6), centres[:, 0], centres[:, 1]).all()


def test_vertices_follow_the_height_and_are_shared() -> None:
    mesh = area_mesh(shapely.box(0.5, 0.5, 9.5, 7.5), 1.0, lambda xy: xy[:, 0] * 0.1, Material.GRASS)
    assert np.allclose(mesh.vertices[:, 2], mesh.vertices[:, 0] * 0.1, atol=1e-5)
    assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)
    assert set(mesh.materials.tolist()) == {int(Material.GRASS)}


def test_an_empty_area_has_no_triangles() -> None:
    assert len(area_mesh(shapely.Polygon(), 1.0, lambda xy: xy[:, 0], Material.GRASS).triangles) == 0
