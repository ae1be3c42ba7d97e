import hashlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent))  # jobs_for_tests, here and in spawned workers

from object_server import make_bucket, object_server, s3_environment
from tiny_region import SIMULATION, tiny_settings

from mapforge.config import compose_settings
from mapforge.io.workspace import Workspace
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "a workspace, with commas")


@pytest.fixture(scope="session")
def one_thread():
    """As in a worker of the pipeline: sums must not depend on the number of threads."""
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def tiny_logs(tmp_path_factory):
    """Folder with the logs of three drives; test workers share it."""
    from mapforge.simulation.stage import SimulationInputs
    from mapforge.simulation.stage import run as simulate

    shared = tmp_path_factory.getbasetemp().parent / "tiny region, simulated"
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            simulate(SimulationInputs(shared, workers=1), compose_settings(SIMULATION).simulation)
            (shared / "done").touch()
    return shared / "logs"


@pytest.fixture(scope="session")
def mapped_once(tiny_logs, tmp_path_factory, one_thread):
    """The tiny region mapped once: workspace and report. Not to be changed."""
    workspace = tmp_path_factory.mktemp("mapped") / "work, space"
    return workspace, run_region(tiny_settings(workspace, tiny_logs), InlineRunner())


@pytest.fixture
def mapped(mapped_once, tmp_path):
    """A copy of it that may be changed."""
    workspace = tmp_path / "copy"
    shutil.copytree(mapped_once[0], workspace)
    return workspace


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with object_server(folder) as address:
        yield address


@pytest.fixture
def bucket(server, request, monkeypatch):
    """A fresh bucket: its URL and a file system that knows nothing of MapForge."""
    for name, value in s3_environment(server).items():
        monkeypatch.setenv(name, value)
    name = "b" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    return f"s3://{name}/maps/tiny", make_bucket(server, name)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes this process a machine with an own cache."""

    def become(name):
        monkeypatch.setenv("MAPFORGE_CACHE", str(tmp_path / name))
        return tmp_path / name

    become("machine one")
    return become
