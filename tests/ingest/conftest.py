"""Fixtures of the ingest tests; the tiny logs themselves are made in ingest_logs.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.stage import IngestInputs, run
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))

from ingest_logs import Ingest

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("steady")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work space")


@pytest.fixture
def ingest(workspace: Workspace) -> Ingest:
    """Ingests one log and opens the drive."""

    def run_one(path: Path, city: str | None = None, **settings: Any) -> DriveReader:
        (log,) = find_logs(path)
        config = IngestConfig(**{"min_points_per_sweep": 1, **settings})
        manifest = run(IngestInputs(log, workspace, city), config)
        reader = DriveReader(workspace.drive(manifest.drive_id))
        reader.verify(full=True)
        return reader

    return run_one
