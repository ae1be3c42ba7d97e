"""Training: one model from data to weights and card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapforge.training.bev import train_bev
from mapforge.training.bev_data import DriveShards
from mapforge.training.config import TrainedModel, TrainingConfig
from mapforge.training.privacy import train_privacy
from mapforge.training.signs import train_signs


@dataclass(frozen=True)
class TrainingInputs:
    """folder: of the run (shards, checkpoint, log); a run found there goes on. target: weights to write (.safetensors).

    start: weights to begin from. drives, calibration_drives, held_out_drives: shard folders of simulated drives to
    train on, to fit probabilities to, and to score on (`model=bev`).
    frames: folder of simulated camera frames (`model=signs`).
    """

    folder: Path
    target: Path
    start: Path | None = None
    drives: Path | None = None
    calibration_drives: Path | None = None
    held_out_drives: Path | None = None
    frames: Path | None = None


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


def run(
    inputs: TrainingInputs, config: TrainingConfig, progress: Callable[[str, int, int], None] = _silent
) -> dict[str, Any] | None:
    """Trains the configured model, or goes on with it; returns the card of the weights at `target`.

    None when the run's minutes are over before its steps, or in any but the first of several processes.
    """
    if config.model is TrainedModel.signs:
        card = train_signs(config.signs, inputs.folder, inputs.target, inputs.frames, inputs.start, progress)
    elif config.model is TrainedModel.privacy:
        card = train_privacy(config.privacy, inputs.folder, inputs.target, inputs.start, progress)
    else:
        drives = DriveShards(inputs.drives, inputs.calibration_drives, inputs.held_out_drives)
        card = train_bev(config.bev, inputs.folder, inputs.target, progress, drives, inputs.start)
    return card
