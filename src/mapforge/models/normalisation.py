"""From raster channels to what the BEV network sees: unit-free, masked, indifferent to sensor gain.

Intensity scales differ between sensors, drives and ranges. Besides the absolute ratio to the drive's road, the
network gets each cell's contrast to the surface within a few metres, in units of the local spread, so that gain, gamma
and slow changes of the road drop out. Heights lose their local mean for the same reason: an error of the ground surface
is slow, a curb is a step. All filters are masked means over boxes: unseen cells carry no weight.

Beside a verge brighter than paint that contrast says little: the verge is most of the spread. There a second contrast
takes the dark part of the surface nearby as what paint stands out from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

FINE_CELLS = 2
"""Raster cells (0.1 m) along the edge of a network cell (0.2 m)."""

DETAIL_BOX_CELLS = 5
"""Edge of the box that fills gaps between sparse returns, network cells: 1 m."""


@dataclass(frozen=True)
class _Surroundings:
    """A masked mean over a box of `box` blocks of `block` network cells each, read out bilinearly.

    Blocks start at multiples of their size, so that tiles whose grids start there agree.
    """

    block: int
    box: int


_WIDE = _Surroundings(block=4, box=7)
"""5.6 m."""
_NEAR = _Surroundings(block=2, box=5)
"""2 m."""

FINE_INPUTS = ("surface_hits", "intensity_mean", "height_mean_m", "height_std_m", "obstacle_ratio", "ground_z_m")
CAMERA_INPUTS = ("red", "green", "blue", "camera_hits")

FINE_FEATURES = 7
CELL_FEATURES = 10
INPUT_FEATURES = FINE_FEATURES * FINE_CELLS**2 + CELL_FEATURES
SEEN_FEATURE = FINE_FEATURES * FINE_CELLS**2
"""Index of the feature that is 1 where the cell was hit."""

_DIM = 0.4
"""Added to intensities over those nearby before the logarithm is taken: what is much darker, as returns of a wet road
often are, is noise, and its logarithm must not weigh as much as that of paint."""
_DARK_PREFERENCE = 4.0
"""A surface e times as bright counts exp(-4) as much as part of the dark surroundings."""
_DARK_LIMITS = (-0.5, 1.5)
"""Of the tone over its surroundings, so that no single dark return is all of them."""

_HEIGHT_SCALE_M = 0.1
_HEIGHT_LIMIT_M = 0.3
_EPS = 1e-3


def features_of(lidar: Tensor, camera: Tensor | None) -> Tensor:
    """Network input from raster channels.

    lidar: (B, 6, 2H, 2W) float32 in the order of FINE_INPUTS, 0.1 m, unhit cells 0 (ground NaN or 0).
    camera: (B, 4, 2H, 2W) float32 in the order of CAMERA_INPUTS, or None.
    Returns (B, INPUT_FEATURES, H, W) float32.
    """
    hits, intensity, height, roughness, obstacle, ground = lidar.unbind(1)
    mask = (hits > 0).float()
    surface_z = (torch.nan_to_num(ground) + height) * mask
    weight = torch.log1p(hits) * mask
    brightness = torch.log(intensity.clamp(0.05, 8.0)) * mask

    coarse_weight = _pool(weight)
    level = _surrounding_mean(_WIDE, coarse_weight, _ratio(_pool(intensity * weight), coarse_weight))[0]
    tone = torch.log(intensity / _unpool(level).clamp(min=_EPS) + _DIM) * mask
    coarse = _ratio(_pool(tone * weight), coarse_weight)
    spread = _ratio(_pool(tone.square() * weight), coarse_weight)
    mean, deviation = _local_statistics(coarse, spread, coarse_weight)
    contrast = ((tone - _unpool(mean)) / _unpool(deviation)).clamp(-4, 6) * mask
    dark, dark_deviation = _dark_surroundings(coarse, spread, coarse_weight)
    over_dark = ((tone - _unpool(dark)) / _unpool(dark_deviation)).clamp(-4, 12) / 2 * mask

    coarse_z = _ratio(_pool(surface_z * weight), coarse_weight)
    level_wide = _surrounding_mean(_WIDE, coarse_weight, coarse_z)[0]
    level_near = _surrounding_mean(_NEAR, coarse_weight, coarse_z)[0]
    step = _height((surface_z - _unpool(level_near)) * mask)

    rough = (roughness * 20).clamp(0, 3)
    fine = torch.stack([mask, torch.log1p(hits) / 4, contrast, brightness, step, rough, over_dark], dim=1)
    filled = ((_box_mean(coarse, coarse_weight, DETAIL_BOX_CELLS) - mean) / deviation).clamp(-4, 6)
    seen = (coarse_weight > 0).float()
    near = (_box_sum(seen, DETAIL_BOX_CELLS) > 0).float()
    detail_z = _height(_box_mean(coarse_z, coarse_weight, DETAIL_BOX_CELLS) - level_wide) * near
    cell = torch.stack(
        [
            seen,
            _box_sum(seen, DETAIL_BOX_CELLS) / DETAIL_BOX_CELLS**2,
            filled * near,
            _height((coarse_z - level_wide) * seen),
            detail_z,
            _pool(obstacle),
            *_camera_features(camera, hits),
        ],
        dim=1,
    )
    return torch.cat([functional.pixel_unshuffle(fine, FINE_CELLS), cell], dim=1)


def _camera_features(camera: Tensor | None, like: Tensor) -> list[Tensor]:
    """Mask, brightness against its surroundings, and two colour differences that ignore brightness, a network cell."""
    if camera is None:
        blank = _pool(torch.zeros_like(like))
        return [blank] * 4
    red, green, blue, hits = camera.unbind(1)
    mask = (hits > 0).float()
    weight = _pool(mask)
    red, green, blue = (_ratio(_pool(channel / 255 * mask), weight) for channel in (red, green, blue))
    seen = (weight > 0).float()
    light = (red + green + blue) / 3
    mean, deviation = _local_statistics(light, light.square(), weight)
    warmth = (red + green - 2 * blue) / (6 * light + 0.1)
    tint = (red - green) / (2 * light + 0.1)
    surround = _surrounding_mean(_WIDE, weight, warmth)[0]
    return [
        seen,
        ((light - mean) / deviation.clamp(min=0.02)).clamp(-4, 6) * seen,
        (8 * (warmth - surround)).clamp(-3, 3) * seen,
        (8 * tint).clamp(-3, 3) * seen,
    ]


def _local_statistics(mean: Tensor, square: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Masked mean and deviation of the surroundings of cells that hold a mean, a mean square and a weight."""
    return _spread(_WIDE, weight, mean, square)


def _spread(surroundings: _Surroundings, weight: Tensor, mean: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    level, level_square = _surrounding_mean(surroundings, weight, mean, square)
    return level, (level_square - level.square()).clamp(min=0).sqrt() + 0.05


def _dark_surroundings(mean: Tensor, square: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Masked mean and deviation of the darker of what lies within a metre."""
    level = _surrounding_mean(_NEAR, weight, mean)[0]
    dark = weight * torch.exp(-_DARK_PREFERENCE * (mean - level).clamp(*_DARK_LIMITS))
    return _spread(_NEAR, dark, mean, square)


def _surrounding_mean(surroundings: _Surroundings, weight: Tensor, *values: Tensor) -> list[Tensor]:
    """Masked means of each of the values."""
    block, box = surroundings.block, surroundings.box
    sums = functional.avg_pool2d(torch.stack([weight, *(value * weight for value in values)], dim=1), block)
    sums = functional.avg_pool2d(sums, box, 1, box // 2)
    means = [_ratio(part, sums[:, 0], floor=1e-6) for part in sums.unbind(1)[1:]]
    enlarged = functional.interpolate(torch.stack(means, 1), scale_factor=block, mode="bilinear", align_corners=False)
    return list(enlarged.unbind(1))


def _height(metres: Tensor) -> Tensor:
    return metres.clamp(-_HEIGHT_LIMIT_M, _HEIGHT_LIMIT_M) / _HEIGHT_SCALE_M


def _pool(fine: Tensor) -> Tensor:
    return functional.avg_pool2d(fine[:, None], FINE_CELLS)[:, 0]


def _unpool(coarse: Tensor) -> Tensor:
    return coarse.repeat_interleave(FINE_CELLS, 1).repeat_interleave(FINE_CELLS, 2)


def _ratio(total: Tensor, weight: Tensor, floor: float = _EPS) -> Tensor:
    return torch.where(weight > 0, total / weight.clamp(min=floor), 0.0)


def _box_mean(value: Tensor, weight: Tensor, size: int) -> Tensor:
    return _ratio(_box_sum(value * weight, size), _box_sum(weight, size))


def _box_sum(value: Tensor, size: int) -> Tensor:
    """Sum over a square box around each cell, zero outside; rows, then columns."""
    half = size // 2
    rows = functional.avg_pool2d(value[:, None], (size, 1), 1, (half, 0))
    return functional.avg_pool2d(rows, (1, size), 1, (0, half))[:, 0] * size**2
