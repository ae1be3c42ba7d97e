from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.se3 import SE3
from mapforge.perception.camera_view import CameraView

FORWARD = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def view(distortion: tuple[float, ...] = (), yaw_rad: float = 0.0) -> CameraView:
    turn = SE3.from_yaw(yaw_rad, np.array([10.0, -4.0, 1.5]))
    return CameraView(turn @ SE3(FORWARD, np.zeros(3)), (500.0, 510.0, 320.0, 240.0), distortion, 640, 480)


def test_a_point_straight_ahead_is_in_the_middle() -> None:
    pixels, depth = view().project(np.array([[30.0, -4.0, 1.5], [-30.0, -4.0, 1.5]]))
    np.testing.assert_allclose(pixels[0], (320.0, 240.0))
    np.testing.assert_allclose(depth, (20.0, -40.0))
    assert np.isnan(pixels[1]).all()


def test_left_is_a_smaller_column_and_up_a_smaller_row() -> None:
    pixels, _ = view().project(np.array([[30.0, -3.0, 2.5]]))
    assert pixels[0, 0] < 320 and pixels[0, 1] < 240


@settings(deadline=None)
@given(
    st.floats(30, 610),
    st.floats(30, 450),
    st.floats(2, 60),
    st.floats(-3, 3),
    st.sampled_from([(), (-0.1, 0.02, 0.001, -0.002, 0.0), (0.05, 0.01)]),
)
def test_a_ray_leads_back_to_its_pixel(
    u: float, v: float, depth: float, yaw_rad: float, distortion: tuple[float, ...]
) -> None:
    camera = view(distortion, yaw_rad)
    point = camera.map_SE3_cam.translation_m + camera.rays(np.array([[u, v]])) * depth
    pixels, depths = camera.project(point)
    np.testing.assert_allclose(pixels[0], (u, v), atol=1e-2)
    np.testing.assert_allclose(depths, depth, rtol=1e-9)


def test_rows_below_the_road_line_are_left_out() -> None:
    assert view().rows_above(np.arctan(0.2)) == 240 + 510 * 0.2
    assert view().rows_above(np.pi / 2) == 480
    steep = CameraView(SE3(np.diag([1.0, -1.0, -1.0]), np.zeros(3)), (500.0, 500.0, 320.0, 240.0), (), 640, 480)
    assert steep.rows_above(0.2) == 480
