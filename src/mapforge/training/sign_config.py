"""Settings of the sign detector's training."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.errors import ConfigurationError
from mapforge.training.learning_config import LearningConfig
from mapforge.training.places import require_training_seed


@dataclass
class SignTrainingConfig:
    """How the sign detector is trained."""

    steps: int = 4000
    """Optimiser steps of the detector; 0 leaves it as it started."""
    batch: int = 16
    """Pictures a step and process."""
    picture_px: int = 256
    """Edge of a training picture, a multiple of 16."""
    seed: int = 7
    """Of pictures and initial weights; evaluation draws from seed + 1000003."""
    learning_rate: float = 2e-3
    """Peak, reached after the warm-up, then a cosine down to a hundredth."""
    warmup_steps: int = 200
    """Steps of linear rise."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    ema_decay: float = 0.998
    """Of the averaged weights, which are what is kept."""
    workers: int = 1
    """Processes that draw pictures; 0 draws in the training process."""
    evaluation_pictures: int = 400
    """Held-out pictures scored for the card."""
    score_min: float = 0.4
    """Detections below this do not count in the card."""
    reader_steps: int = 1200
    """Optimiser steps of the reader; 0 leaves it as it started."""
    reader_pictures: int = 8
    """Crowded pictures a step of the reader, about 15 crops each."""
    reader_rate: float = 2e-3
    """Peak learning rate of the reader."""
    frames_share: float = 0.35
    """Share of pictures cut from simulated camera frames; 0 trains on drawn pictures alone."""
    frames: int = 160
    """Simulated frames to make when none are given."""
    frames_worlds: int = 4
    """Towns they are taken in."""
    frames_first_seed: int = 1001
    """Seed of the first town, at least 1000; the others follow."""
    learning: LearningConfig = field(default_factory=lambda: LearningConfig(gradient_norm_max=10.0))
    """Device, precision, processes, checkpoints."""

    def __post_init__(self) -> None:
        if self.picture_px % 16 or self.picture_px < 64:
            raise ConfigurationError(f"picture_px is {self.picture_px}: give a multiple of 16, at least 64")
        if not 0.0 <= self.frames_share <= 1.0:
            raise ConfigurationError(f"frames_share is {self.frames_share}: give a share between 0 and 1")
        if self.frames_share and (self.frames < 1 or self.frames_worlds < 1):
            raise ConfigurationError(f"frames {self.frames} of frames_worlds {self.frames_worlds}: at least 1 each")
        require_training_seed(self.frames_first_seed)
