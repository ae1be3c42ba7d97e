"""Surfaces of windows merged over blocks."""

from __future__ import annotations

import numpy as np
import torch

from mapforge.rasterization.ground import Lattice, Surface
from mapforge.rasterization.ground_map import GroundMap


def _plane(lattice: Lattice, origin: np.ndarray, level: float) -> Surface:
    """z = 0.01 x + level in the map frame."""
    x = (np.arange(lattice.columns) + lattice.column0) * lattice.cell_m + origin[0]
    z = np.tile(0.01 * x + level - origin[2], (lattice.rows, 1)).astype(np.float32)
    return Surface(lattice, torch.from_numpy(z), torch.ones(lattice.rows, lattice.columns))


def test_heights_over_a_block_border_are_those_of_the_plane() -> None:
    ground = GroundMap(1.0)
    origin = np.array([400.0, -200.0, 55.0])
    ground.merge(_plane(Lattice(-30, -20, 60, 40, 1.0), origin, 50.0), origin)
    heights = ground.heights(380.0, -210.0, 200, 250, 0.1)
    x = 380.0 + (np.arange(250) + 0.5) * 0.1
    assert np.abs(heights - (0.01 * x + 50.0)).max() < 1e-4
    scattered = np.random.default_rng(1).uniform((380, -210), (405, -190), (50, 2))
    assert np.abs(ground.heights_at(scattered) - (0.01 * scattered[:, 0] + 50.0)).max() < 1e-4


def test_two_windows_meet_half_way_and_unknown_stays_unknown() -> None:
    ground = GroundMap(1.0)
    lattice, origin = Lattice(0, 0, 10, 10, 1.0), np.array([100.0, 100.0, 2.0])
    ground.merge(_plane(lattice, origin, 1.0), origin)
    merged = ground.merge(_plane(lattice, origin, 1.2), origin)
    assert np.allclose(merged.z_m.numpy() + 2.0, 0.01 * (100 + np.arange(10)) + 1.1, atol=1e-5)
    assert np.isnan(ground.heights(120.0, 120.0, 5, 5, 0.1)).all()


def test_forgotten_blocks_are_unknown() -> None:
    ground = GroundMap(1.0)
    origin = np.array([0.0, 0.0, 0.0])
    ground.merge(_plane(Lattice(0, 0, 10, 10, 1.0), origin, 0.0), origin)
    ground.forget((0, 0))
    assert np.isnan(ground.heights(1.0, 1.0, 2, 2, 0.1)).all()
