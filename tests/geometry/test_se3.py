"""Rigid transforms by their group laws."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mapforge.geometry.se3 import SE3

metres = st.floats(-1e4, 1e4)
unit = st.floats(-1.0, 1.0)


@st.composite
def transforms(draw: st.DrawFn) -> SE3:
    wxyz = draw(arrays(np.float64, 4, elements=unit).filter(lambda q: np.linalg.norm(q) > 1e-2))
    return SE3.from_quaternion(wxyz, draw(arrays(np.float64, 3, elements=metres)))


points = arrays(np.float64, st.tuples(st.integers(0, 5), st.just(3)), elements=metres)


def same(a: SE3, b: SE3) -> None:
    np.testing.assert_allclose(a.matrix(), b.matrix(), atol=1e-7)


@given(transforms())
def test_rotations_are_rotations(a_SE3_b: SE3) -> None:
    np.testing.assert_allclose(a_SE3_b.rotation @ a_SE3_b.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(a_SE3_b.rotation) > 0


@given(transforms())
def test_inverse(a_SE3_b: SE3) -> None:
    same(a_SE3_b @ a_SE3_b.inverse(), SE3.identity())
    same(a_SE3_b.inverse() @ a_SE3_b, SE3.identity())


@given(transforms(), transforms(), transforms(), points)
def test_composition_is_application_and_associative(a: SE3, b: SE3, c: SE3, xyz: np.ndarray) -> None:
    np.testing.assert_allclose((a @ b).transform(xyz), a.transform(b.transform(xyz)), atol=1e-7)
    same((a @ b) @ c, a @ (b @ c))


@given(transforms(), points)
def test_distances_stay(a_SE3_b: SE3, xyz: np.ndarray) -> None:
    moved = a_SE3_b.transform(xyz)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(moved, axis=0), axis=1), np.linalg.norm(np.diff(xyz, axis=0), axis=1), atol=1e-7
    )


@given(transforms())
def test_round_trips_by_matrix_and_quaternion(a_SE3_b: SE3) -> None:
    same(SE3.from_matrix(a_SE3_b.matrix()), a_SE3_b)
    wxyz = a_SE3_b.quaternion_wxyz()
    assert wxyz[0] >= 0 and abs(np.linalg.norm(wxyz) - 1) < 1e-12
    same(SE3.from_quaternion(wxyz, a_SE3_b.translation_m), a_SE3_b)
    same(SE3.from_quaternion(-3.0 * wxyz, a_SE3_b.translation_m), a_SE3_b)


def test_hand_computed() -> None:
    quarter = SE3.from_yaw(np.pi / 2, np.array([10.0, 0.0, 1.0]))
    np.testing.assert_allclose(quarter.transform(np.array([[1.0, 0.0, 0.0]])), [[10.0, 1.0, 1.0]], atol=1e-12)
    np.testing.assert_allclose(quarter.quaternion_wxyz(), [np.sqrt(0.5), 0, 0, np.sqrt(0.5)], atol=1e-12)
