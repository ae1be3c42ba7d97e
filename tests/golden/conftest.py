"""A short simulated road, recorded once for all end-to-end tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from mapforge.config import compose_settings
from mapforge.simulation.stage import SimulationInputs
from mapforge.simulation.stage import run as simulate

sys.path.insert(0, str(Path(__file__).parent))  # road_map

SIMULATION = [
    "simulation.seed=3",
    "simulation.drives=2",
    "simulation.duration_s=14",
    "simulation.sensors.lidar.beams=48",
    "simulation.sensors.lidar.columns=720",
    "simulation.sensors.camera.rate_hz=1",
    "simulation.sensors.gnss.outages_per_drive=0",
]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As in a worker of the pipeline: sums must not depend on the number of threads."""
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with logs/ and truth/; test workers share it."""
    shared = tmp_path_factory.getbasetemp().parent / "a road, simulated"
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            simulate(SimulationInputs(shared, workers=1), compose_settings(SIMULATION).simulation)
            (shared / "done").touch()
    return shared
