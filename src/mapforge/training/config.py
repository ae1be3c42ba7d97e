"""Settings of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mapforge.errors import ConfigurationError
from mapforge.models.config import BevSegmenterConfig
from mapforge.training.learning_config import LearningConfig
from mapforge.training.places import FIRST_TRAINING_SEED, require_training_seed
from mapforge.training.privacy_config import PrivacyTrainingConfig
from mapforge.training.sign_config import SignTrainingConfig


class TrainedModel(StrEnum):
    """What can be trained."""

    bev = "bev"
    signs = "signs"
    privacy = "privacy"


_FAMILIES = ("town", "organic", "motorway", "roundabout", "rural", "urban", "construction", "tram", "parking")
_CONDITIONS = ("as_set", "worn", "as_set", "wet", "as_set", "occluded", "sparse")


@dataclass
class BevTrainingConfig:
    """How the BEV network is trained."""

    steps: int = 4000
    """Optimiser steps in all."""
    batch: int = 4
    """Crops a step and process."""
    crop_cells: int = 192
    """Edge of the window of a crop that a step sees, 0.2 m cells: a multiple of 8, at most 256."""
    seed: int = 7
    """Of initial weights, order and augmentation."""
    learning_rate: float = 3e-3
    """Peak, reached after the warm-up, then a cosine down to a hundredth."""
    warmup_share: float = 0.06
    """Share of the steps in which the rate rises."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    ema_decay: float = 0.995
    """Of the averaged weights, which are what is kept."""
    curriculum_epochs: int = 1
    """Rounds through the shards in which the easier samples come first."""
    hard_example_power: float = 0.5
    """Samples count by their loss over the batch's mean to this power; 0: all alike."""
    loader_threads: int = 2
    """Threads that prepare batches."""
    live: bool = False
    """Generate crops on the training device as they are needed, instead of from shards: for GPUs with few CPU cores."""
    shards: int = 40
    """Shards of generated crops."""
    samples_per_shard: int = 64
    """Crops a shard."""
    first_seed: int = 1_000_000
    """Generator seed of the first crop; the others follow."""
    worlds: list[int] = field(default_factory=list)
    """Seeds (from 1000 on) of worlds to simulate, drive and train on beside the generated crops; minutes each."""
    evaluation_worlds: list[int] = field(default_factory=list)
    """Seeds (below 1000) of worlds to simulate and score on; minutes each."""
    world_families: list[str] = field(default_factory=lambda: list(_FAMILIES))
    """Families (`simulation.world`) of these worlds, one after the other with rising seeds."""
    world_conditions: list[str] = field(default_factory=lambda: list(_CONDITIONS))
    """Their conditions (`simulation.condition`), likewise; their number should share no factor with the families'."""
    drives_per_world: int = 2
    """Cars through each of these worlds."""
    drive_duration_s: float = 22.0
    """Length of each of their drives."""
    cameras: bool = False
    """Simulate their cameras as well: slow."""
    drive_share: float = 0.5
    """Share of the steps that show ray-cast drives, when there are any."""
    generator_workers: int = 1
    """Processes that generate shards."""
    evaluation_crops: int = 64
    """Held-out generated crops scored for the card (seeds from 0)."""
    calibration_crops: int = 64
    """Further generated crops that the probabilities are fitted to, where no worlds are given for that."""
    calibration_worlds: list[int] = field(default_factory=list)
    """Seeds (from 1000 on) of worlds kept from training, to fit the probabilities to; minutes each."""
    learning: LearningConfig = field(default_factory=LearningConfig)
    """Device, precision, processes, checkpoints, early stop."""
    network: BevSegmenterConfig = field(default_factory=BevSegmenterConfig)
    """Size of the network."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise ConfigurationError(f"steps {self.steps} and batch {self.batch} must be at least 1")
        if self.crop_cells % 8 or not 64 <= self.crop_cells <= 256:
            raise ConfigurationError(f"crop_cells is {self.crop_cells}: give a multiple of 8 from 64 to 256")
        if not self.world_families or not self.world_conditions:
            raise ConfigurationError("world_families and world_conditions: at least one of each is needed")
        if not 0.0 <= self.drive_share <= 1.0:
            raise ConfigurationError(f"drive_share is {self.drive_share}: give a share between 0 and 1")
        if min(self.evaluation_crops, self.calibration_crops) < 1:
            raise ConfigurationError("evaluation_crops and calibration_crops must be at least 1")
        if self.evaluation_crops + self.calibration_crops > FIRST_TRAINING_SEED:
            raise ConfigurationError(
                f"evaluation_crops {self.evaluation_crops} and calibration_crops {self.calibration_crops}: "
                f"at most {FIRST_TRAINING_SEED} together"
            )
        for seed in (self.first_seed, *self.worlds, *self.calibration_worlds):
            require_training_seed(seed)


@dataclass
class TrainingConfig:
    """Which model, and how."""

    model: TrainedModel = TrainedModel.bev
    """`bev`, `signs` or `privacy` (faces and number plates)."""
    bev: BevTrainingConfig = field(default_factory=BevTrainingConfig)
    """Of `model=bev`."""
    signs: SignTrainingConfig = field(default_factory=SignTrainingConfig)
    """Of `model=signs`."""
    privacy: PrivacyTrainingConfig = field(default_factory=PrivacyTrainingConfig)
    """Of `model=privacy`."""
