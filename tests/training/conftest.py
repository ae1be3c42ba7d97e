from __future__ import annotations

from collections.abc import Callable

import pytest

from mapforge.models.config import BevSegmenterConfig
from mapforge.training.config import BevTrainingConfig, TrainingConfig
from mapforge.training.learning_config import LearningConfig

TinyConfig = Callable[..., TrainingConfig]


@pytest.fixture(scope="session")
def tiny_config() -> TinyConfig:
    """A run of seconds: `tiny_config(steps, **learning)`."""

    def make(steps: int, **learning: object) -> TrainingConfig:
        given = {"device": "cpu", "bf16": False, "checkpoint_steps": 1, "log_steps": 1, "tensorboard": False}
        return TrainingConfig(
            bev=BevTrainingConfig(
                steps=steps, batch=2, crop_cells=64, shards=1, samples_per_shard=4, first_seed=7000,
                evaluation_crops=2, calibration_crops=2, curriculum_epochs=0,
                network=BevSegmenterConfig([8, 8, 8, 8], 8),
                learning=LearningConfig(**{**given, **learning}),  # type: ignore[arg-type]
            )
        )  # fmt: skip

    return make
