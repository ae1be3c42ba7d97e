"""Settings of the privacy detector's training."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.errors import ConfigurationError
from mapforge.training.learning_config import LearningConfig


@dataclass
class PrivacyTrainingConfig:
    """How the detector of faces and number plates is trained."""

    steps: int = 2500
    """Optimiser steps."""
    batch: int = 12
    """Pictures a step and process."""
    pictures: int = 4000
    """Different pictures; a run longer than that sees them again, mirrored every other time."""
    picture_px: int = 160
    """Edge of a training picture, a multiple of 16."""
    seed: int = 7
    """Of pictures and initial weights; evaluation draws from seed + 1000003."""
    learning_rate: float = 3e-3
    """Peak, reached after the warm-up, then a cosine down to a hundredth."""
    warmup_steps: int = 60
    """Steps of linear rise."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    ema_decay: float = 0.995
    """Of the averaged weights, which are what is kept."""
    workers: int = 1
    """Processes that draw pictures; 0 draws in the training process."""
    evaluation_pictures: int = 400
    """Held-out pictures scored for the card."""
    learning: LearningConfig = field(default_factory=lambda: LearningConfig(gradient_norm_max=10.0))
    """Device, precision, processes, checkpoints."""

    def __post_init__(self) -> None:
        if self.picture_px % 16 or self.picture_px < 64:
            raise ConfigurationError(f"picture_px is {self.picture_px}: give a multiple of 16, at least 64")
        if min(self.steps, self.batch, self.pictures) < 1:
            raise ConfigurationError(
                f"steps {self.steps}, batch {self.batch} and pictures {self.pictures} must be at least 1"
            )
