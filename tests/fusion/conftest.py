"""Fixtures of the fusion tests; what they work on is made in seen_drives.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mapforge.io.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)
