import sys
from pathlib import Path

import pytest

from mapforge.io.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))  # jobs_for_tests, here and in spawned workers


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "a workspace, with commas")
