from __future__ import annotations

import math

import numpy as np
import pytest

from mapforge.geometry.se3 import SE3
from mapforge.perception.camera_view import CameraView
from mapforge.perception.sign_ranging import PlacedSign, facing_rad, ground_z_m, nearest_cluster, place_by_lidar

FORWARD = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
VIEW = CameraView(SE3(FORWARD, np.array([0.0, 0.0, 1.5])), (600.0, 600.0, 480.0, 300.0), (), 960, 600)


def plate(centre: tuple[float, float, float], heading_rad: float, n: int, seed: int = 0) -> np.ndarray:
    """Returns on an upright 0.7 m plate, with 1.5 cm noise along the view."""
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(-0.35, 0.35, (2, n))
    side = np.array([-math.sin(heading_rad), math.cos(heading_rad), 0.0])
    points = np.array(centre) + u[:, None] * side + v[:, None] * (0.0, 0.0, 1.0)
    points[:, 0] += rng.normal(0, 0.015, n)
    return points


def box_around(points: np.ndarray) -> np.ndarray:
    pixels, _ = VIEW.project(points)
    return np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])


def placed(box: np.ndarray, points: np.ndarray) -> PlacedSign | None:
    pixels, depths = VIEW.project(points)
    return place_by_lidar(VIEW, box, points, pixels, depths, 0.15, 3, 0.5, 70.0)


@pytest.mark.parametrize("heading_deg", [180.0, 150.0, -140.0])
def test_a_plate_before_a_wall_is_placed_where_it_is(heading_deg: float) -> None:
    centre = (20.0, 3.0, 2.4)
    face = plate(centre, math.radians(heading_deg), 25)
    wall = np.column_stack([np.full(400, 28.0), *np.random.default_rng(1).uniform((-2, 0), (10, 6), (400, 2)).T])
    sign = placed(box_around(plate(centre, math.radians(heading_deg), 2000)), np.concatenate([wall, face]))
    assert sign is not None
    assert 5 <= sign.n_lidar <= 25
    np.testing.assert_allclose(sign.xyz_map, centre, atol=0.08)
    assert abs(math.remainder(sign.heading_rad - math.radians(heading_deg), 2 * math.pi)) < 0.2
    assert 0.02 < sign.sigma_m < 0.15


def test_no_returns_no_place() -> None:
    face = plate((20.0, 3.0, 2.4), math.pi, 2)
    assert placed(box_around(plate((20.0, 3.0, 2.4), math.pi, 500)), face) is None


def test_beyond_the_range_nothing_is_placed() -> None:
    face = plate((90.0, 3.0, 2.4), math.pi, 50)
    assert placed(box_around(face), face) is None


def test_the_nearest_run_that_is_no_stray_is_taken() -> None:
    depths = np.array([30.0, 12.1, 30.2, 12.0, 5.0, 12.2, 30.1])
    assert sorted(nearest_cluster(depths, 3, 0.5).tolist()) == [1, 3, 5]
    assert len(nearest_cluster(np.array([1.0, 5.0, 9.0, 13.0]), 2, 0.5)) == 0


def test_few_returns_face_the_eye() -> None:
    eye = np.array([0.0, 0.0, 1.5])
    heading = facing_rad(np.array([[10.0, 0.0, 2.0], [10.1, 0.3, 2.0], [10.0, 0.1, 2.2]]), eye)
    assert abs(math.remainder(heading - math.pi, 2 * math.pi)) < 0.05


def test_ground_is_the_low_returns_nearby_else_what_is_expected() -> None:
    rng = np.random.default_rng(3)
    ground = np.column_stack([rng.uniform(-1, 1, (50, 2)), rng.normal(10.12, 0.01, 50)])
    pole = np.column_stack([rng.normal(0, 0.05, (40, 2)), rng.uniform(10.4, 12.5, 40)])
    assert ground_z_m(np.concatenate([ground, pole]), np.zeros(2), 2.0, 10.0) == pytest.approx(10.12, abs=0.02)
    assert ground_z_m(ground + (50.0, 0.0, 0.0), np.zeros(2), 2.0, 10.0) == 10.0
    assert ground_z_m(np.zeros((0, 3)), np.zeros(2), 2.0, 10.0) == 10.0
