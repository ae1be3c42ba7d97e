import json
from pathlib import Path

import pytest

from mapforge.training.learning_config import LearningConfig
from mapforge.training.stage import TrainingInputs, run
from mapforge.training.watch import measured_peak
from tests.training.test_bev import config


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    settings = config(10, profile_steps=2, tensorboard=True, evaluation_steps=1, patience=2)
    run(TrainingInputs(folder, folder / "bev.safetensors"), settings)
    return folder
