"""Maps the simulated road, and looks at what came out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mapforge.config import Settings, compose_settings


def settings_for(workspace: Path, road: Path, *more: str) -> Settings:
    """Settings that map the road into a workspace."""
    settings = compose_settings(["region.name=road", *more])
    settings.workspace = str(workspace)
    if not settings.region.logs:
        settings.region.logs = [str(road / "logs")]
    settings.region.reference = str(road / "truth" / "map.parquet")
    return settings


def products(workspace: Path) -> dict[str, str]:
    """sha256 of everything derived: name -> hash."""
    folders = ("trajectories", "rasters", "observations", "drive_elements", "map_elements", "tiles")
    return {
        path.relative_to(workspace).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted((workspace / folder).rglob("*.parquet"))
    }
