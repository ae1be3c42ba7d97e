"""Ground cells looked up in a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapforge.geometry.grid import BevGrid
from mapforge.geometry.se3 import SE3
from mapforge.io.drive_store import SensorCalibration
from mapforge.rasterization.camera_projection import CameraView, colour_tile, project
from mapforge.rasterization.ground import Lattice, Surface
from mapforge.rasterization.ground_map import GroundMap
from mapforge.rasterization.open_tiles import TileSums

CAM_AXES = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])  # x right, y down, z forward of an ego


def _view(distortion: tuple[float, ...] = ()) -> CameraView:
    """A camera 1.5 m above (0, 5), looking east; the left half of its picture is red, the right half green."""
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, :100, 0] = 250
    pixels[:, 100:, 1] = 250
    calibration = SensorCalibration(SE3.identity(), (100.0, 100.0, 100.0, 50.0), distortion, "pinhole", 200, 100)
    return CameraView(pixels, SE3(CAM_AXES, -CAM_AXES @ np.array([0.0, 5.0, 1.5])), calibration)


def test_projects_by_hand() -> None:
    pixel, seen = project(np.array([[10.0, 5.0, 0.0], [10.0, 7.0, 1.5], [-3.0, 5.0, 0.0], [10.0, 50.0, 0.0]]), _view())
    assert pixel[0].tolist() == [100, 65] and pixel[1].tolist() == [80, 50]
    assert seen.tolist() == [True, True, False, False]


def test_distortion_moves_pixels_outward() -> None:
    point = np.array([[10.0, 9.0, 0.0]])
    plain, barrel = project(point, _view())[0], project(point, _view((0.5, 0.0, 0.0, 0.0, 0.0)))[0]
    assert barrel[0, 0] < plain[0, 0]


def test_cells_take_the_colour_of_their_side() -> None:
    grid = BevGrid(0.0, 0.0, 1.0, 10, 20)
    sums = TileSums.empty(200, True, torch.device("cpu"))
    sums.surface.hits += 1
    sums.sweeps += 4
    standing = 2 * 20 + 10
    sums.obstacle_sweeps[standing] = 3
    ground = GroundMap(1.0)
    lattice = Lattice(-2, -2, 40, 40, 1.0)
    ground.merge(Surface(lattice, torch.zeros(40, 40), torch.ones(40, 40)), np.zeros(3))
    colour_tile(sums, _view(), ground, grid, 3.0, 15.0)
    hits = sums.colour_hits.reshape(10, 20)
    assert hits[2, 10] == 0 and hits[5, 1] == 0 and hits[5, 18] == 0  # standing, too near, too far
    assert hits[2, 9] == 1 and hits[8, 10] == 1
    red, green = sums.colour_sum[:2].reshape(2, 10, 20)
    assert (int(red[8, 10]), int(green[8, 10])) == (250, 0)
    assert (int(red[2, 9]), int(green[2, 9])) == pytest.approx((0, 250))
