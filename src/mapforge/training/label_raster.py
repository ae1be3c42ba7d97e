"""Labels over a grid, compact for shards: what the network should say of each cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.schemas.rasters import OFFSET_STEP_M

BAND_HALF_M = 0.3
"""A line class is 1 within this of the line."""

OFFSET_REACH_M = 0.55
"""Offsets and directions are given within this of a line."""

IGNORED_BIT = 7
CURB_BIT = 6


@dataclass(frozen=True, eq=False)
class LabelRaster:
    """Labels over one grid (H, W) at 0.2 m, compact for shards.

    flags: uint8; bit i = class i of (*OBSERVED_LINE_CLASSES, *OBSERVED_AREA_CLASSES), CURB_BIT: the nearest boundary is
    a curb, IGNORED_BIT: nothing is known here.
    offset: (6, H, W) int8, x and y a line class in OFFSET_STEP_M; -128 where no line is near.
    angle: (3, H, W) uint8, direction of the nearest line modulo pi, in steps of pi / 256.
    marking_type, colour: uint8 indices of the nearest divider.
    """

    flags: NDArray[np.uint8]
    offset: NDArray[np.int8]
    angle: NDArray[np.uint8]
    marking_type: NDArray[np.uint8]
    colour: NDArray[np.uint8]


def encode_offsets(offset_m: NDArray[np.float32], distance_m: NDArray[np.float32]) -> NDArray[np.int8]:
    """(2, H, W) metres to int8 steps; -128 beyond OFFSET_REACH_M."""
    steps = np.clip(np.rint(offset_m / OFFSET_STEP_M), -127, 127)
    return np.where(distance_m <= OFFSET_REACH_M, steps, -128).astype(np.int8)


def encode_angle(angle_rad: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Angle modulo pi to steps of pi / 256."""
    return (np.rint(angle_rad % np.pi * (256 / np.pi)).astype(np.int64) % 256).astype(np.uint8)
