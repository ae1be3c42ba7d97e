"""From the network's outputs to the channels of an observation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mapforge.models.bev_segmenter import CLASSES
from mapforge.schemas.rasters import OBSERVATION_CHANNELS, OBSERVED_LINE_CLASSES, OFFSET_STEP_M

_NEGLIGIBLE = 0.02
"""Geometry and attributes are left 0 where the class is less probable than this."""


def blank_observation(rows: int, columns: int) -> dict[str, NDArray]:
    """All channels of an unseen tile."""
    channels: dict[str, NDArray] = {}
    for name in OBSERVATION_CHANNELS:
        kind = np.int8 if name.startswith(("offset_", "direction_")) else np.uint8
        channels[name] = np.zeros((rows, columns), dtype=np.float32 if name == "ground_z_m" else kind)
    channels["ground_z_m"][:] = np.nan
    return channels


def encode(outputs: dict[str, Tensor]) -> dict[str, NDArray]:
    """Channels (H, W) of one window's outputs (1, C, H, W); without `seen`, `hit` and `ground_z_m`."""
    probability = torch.sigmoid(outputs["classes"][0])
    channels: dict[str, NDArray] = {f"p_{name}": _byte(probability[i]) for i, name in enumerate(CLASSES)}
    for i, name in enumerate(OBSERVED_LINE_CLASSES):
        likely = probability[i] >= _NEGLIGIBLE
        for axis, part in enumerate(("x", "y")):
            steps = outputs["offset_m"][0, 2 * i + axis] / OFFSET_STEP_M
            channels[f"offset_{part}_{name}"] = _signed(steps, likely)
        for axis, part in enumerate(("cos2", "sin2")):
            channels[f"direction_{part}_{name}"] = _signed(outputs["direction"][0, 2 * i + axis] * 127, likely)
    divider, boundary = (probability[i] >= _NEGLIGIBLE for i in range(2))
    for name in ("marking_type", "colour"):
        channels[name] = (outputs[name][0].argmax(0) * divider).to(torch.uint8).cpu().numpy()
    channels["p_curb"] = _byte(torch.sigmoid(outputs["curb"][0, 0]) * boundary)
    return channels


def _byte(probability: Tensor) -> NDArray[np.uint8]:
    return (probability * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def _signed(steps: Tensor, where: Tensor) -> NDArray[np.int8]:
    return (steps.round().clamp(-127, 127) * where).to(torch.int8).cpu().numpy()
