"""Channels of a hand-computed tile."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapforge.geometry.grid import BevGrid
from mapforge.rasterization.accumulate import accumulate
from mapforge.rasterization.channels import channels_of
from mapforge.rasterization.open_tiles import TileSums
from mapforge.schemas.rasters import CAMERA_CHANNELS, LIDAR_CHANNELS

GRID = BevGrid(0.0, 0.0, 0.1, 2, 2)


def _sums(with_colour: bool) -> TileSums:
    sums = TileSums.empty(4, with_colour, torch.device("cpu"))
    accumulate(sums.surface, torch.tensor([1, 1, 2]), torch.tensor([1.0, 3.0, 2.0]), torch.tensor([-0.1, 0.1, 0.05]))
    sums.sweeps += torch.tensor([0, 4, 2, 1], dtype=torch.int32)
    sums.obstacle_sweeps += torch.tensor([0, 1, 2, 0], dtype=torch.int32)
    return sums


def test_means_extremes_spread_and_counts() -> None:
    ground = np.full((2, 2), 7.0, np.float32)
    channels = channels_of(_sums(with_colour=False), ground, GRID)
    assert tuple(channels) == LIDAR_CHANNELS
    assert channels["surface_hits"].tolist() == [[0, 2], [1, 0]]
    assert channels["intensity_mean"].tolist() == [[0, 2], [2, 0]]
    assert channels["intensity_max"].tolist() == [[0, 3], [2, 0]]
    assert channels["intensity_std"].tolist() == [[0, 1], [0, 0]]
    assert channels["height_min_m"][0, 1] == pytest.approx(-0.1, abs=1e-4)
    assert channels["height_max_m"][0, 1] == pytest.approx(0.1, abs=1e-4)
    assert channels["height_std_m"][0, 1] == pytest.approx(0.1, abs=1e-4)
    assert channels["obstacle_ratio"].tolist() == [[0, 0.25], [1, 0]]
    kinds = {name: str(array.dtype) for name, array in channels.items()}
    assert kinds["sweeps"] == "uint16" and kinds["height_mean_m"] == "float16" and kinds["ground_z_m"] == "float32"


def test_colour_is_the_rounded_mean_of_views() -> None:
    sums = _sums(with_colour=True)
    sums.colour_hits[1] = 2
    sums.colour_sum[:, 1] = torch.tensor([300, 301, 10], dtype=torch.int32)
    channels = channels_of(sums, np.zeros((2, 2), np.float32), GRID)
    assert set(CAMERA_CHANNELS) < set(channels)
    assert [int(channels[name][0, 1]) for name in CAMERA_CHANNELS] == [150, 151, 5, 2]
    assert channels["red"][1, 1] == 0
