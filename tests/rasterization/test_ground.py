"""The ground surface under cars, walls, kerbs, slopes and noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapforge.rasterization.ground import Lattice, Surface, ground_surface

SLOPE = 0.06


def _scene() -> tuple[np.ndarray, np.random.Generator]:
    """A road on a slope between kerbs of 0.12 m at y = +-6, a parked car, a wall, 1 % of returns far below ground."""
    rng = np.random.default_rng(3)
    xy = rng.uniform((0, -14), (60, 14), (120_000, 2))
    z = SLOPE * xy[:, 0] + np.where(np.abs(xy[:, 1]) > 6, 0.12, 0.0)
    ground = np.column_stack([xy, z])
    under_car = (np.abs(xy[:, 0] - 30) < 2.2) & (np.abs(xy[:, 1] - 4.8) < 0.9)
    car = rng.uniform((27.8, 3.9, 0.35), (32.2, 5.7, 1.5), (4000, 3))
    wall = rng.uniform((0, 13.8, 0.0), (60, 14.0, 5.0), (20_000, 3))
    for box in (car, wall):
        box[:, 2] += SLOPE * box[:, 0]
    noise = rng.uniform((0, -14, -3), (60, 14, 2), (1200, 3))
    points = np.concatenate([ground[~under_car], car, wall, noise])
    return points + rng.normal(0, 0.015, points.shape) * (0, 0, 1), rng


def _surface(points: np.ndarray) -> Surface:
    lattice = Lattice.around((0.0, -14.0), (60.0, 14.0), 1.0)
    x, y, z = torch.from_numpy(points.astype(np.float32)).T.contiguous()
    return ground_surface(x, y, z, lattice, 1.5, 8.0, 0.25)


def _heights(surface: Surface, xy: np.ndarray) -> np.ndarray:
    x, y = torch.from_numpy(xy.astype(np.float32)).T.contiguous()
    return surface.heights_at(x, y).numpy()


def test_road_is_met_to_two_centimetres_on_a_slope() -> None:
    points, rng = _scene()
    road = rng.uniform((3, -3.5), (57, 3.0), (2000, 2))
    error = _heights(_surface(points), road) - SLOPE * road[:, 0]
    assert np.percentile(np.abs(error), 95) < 0.02


def test_kerbs_stay_steps() -> None:
    points, rng = _scene()
    surface = _surface(points)
    x = rng.uniform(5, 55, 500)
    below, above = (np.column_stack([x, np.full(500, y)]) for y in (-5.8, -6.2))
    step = (SLOPE * x + 0.12 - _heights(surface, above)) - (SLOPE * x - _heights(surface, below))
    assert np.median(step) > 0.08


def test_does_not_climb_the_car_or_the_wall() -> None:
    points, _ = _scene()
    surface = _surface(points)
    assert abs(_heights(surface, np.array([[30.0, 4.8]]))[0] - SLOPE * 30) < 0.08
    beside_wall = np.column_stack([np.linspace(5, 55, 50), np.full(50, 13.5)])
    assert np.abs(_heights(surface, beside_wall) - SLOPE * beside_wall[:, 0] - 0.12).max() < 0.1


def test_unknown_where_nothing_was_seen() -> None:
    points, _ = _scene()
    seen = points[points[:, 0] < 20]
    assert np.isnan(_heights(_surface(seen), np.array([[40.0, 0.0]])))[0]


def test_order_of_returns_changes_no_bit() -> None:
    points, rng = _scene()
    first, second = _surface(points), _surface(points[rng.permutation(len(points))])
    assert torch.equal(torch.nan_to_num(first.z_m), torch.nan_to_num(second.z_m))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.25, 0.75)])
def test_bilinear_heights_of_a_plane_are_exact(shift: tuple[float, float]) -> None:
    lattice = Lattice(-3, 2, 8, 6, 1.0)
    column, row = np.meshgrid(np.arange(8) - 3.0, np.arange(6) + 2.0)
    surface = Surface(lattice, torch.from_numpy((0.1 * column - 0.2 * row).astype(np.float32)), torch.ones(6, 8))
    xy = np.array([[-1.0 + shift[0], 3.0 + shift[1]]])
    assert _heights(surface, xy)[0] == pytest.approx(0.1 * xy[0, 0] - 0.2 * xy[0, 1], abs=1e-6)
