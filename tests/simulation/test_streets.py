import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mapforge.geometry import polylines
from mapforge.simulation.streets import Knot, through


def test_a_quarter_turn_is_a_circle() -> None:
    curve, places = through([Knot(20.0, 0.0, np.pi / 2), Knot(0.0, 20.0, np.pi)])
    assert np.abs(np.linalg.norm(curve.xy, axis=1) - 20.0).max() < 0.01
    assert places == [0, len(curve.xy) - 1]


@given(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-6.0, 6.0))
def test_parallels_keep_their_distance(start_rad: float, end_rad: float, offset_m: float) -> None:
    curve, _ = through([Knot(0.0, 0.0, start_rad), Knot(90.0, 5.0, end_rad)])
    line = curve.line(offset_m, 0.0, curve.length_m)
    _, distance = polylines.project(line[2:-2], curve.line(0.0, 0.0, curve.length_m, spacing_m=0.1))
    assert np.allclose(distance, offset_m, atol=0.02)


def test_knots_are_vertices_and_the_heading_has_no_jump() -> None:
    knots = [Knot(0, 0, 0.0), Knot(50, 4, 0.2), Knot(80, 40, 1.5), Knot(60, 80, 3.0), Knot(0, 90, 3.3)]
    curve, places = through(knots)
    assert np.allclose(curve.xy[places], [[k.x_m, k.y_m] for k in knots])
    assert np.abs(np.diff(curve.heading_rad)).max() < 0.15
    chord = np.diff(curve.xy, axis=0)
    turned = np.arctan2(chord[:, 1], chord[:, 0]) - (curve.heading_rad[1:] + curve.heading_rad[:-1]) / 2
    assert np.abs(np.angle(np.exp(1j * turned))).max() < 0.02


def test_a_strip_has_the_area_of_its_width() -> None:
    curve, _ = through([Knot(0, 0, 0.0), Knot(60, 0, 0.0)])
    assert np.isclose(curve.strip(-2.0, 3.0, 10.0, 40.0).area, 150.0)
