"""A region that is mapped in seconds: three short drives, two along one street and one elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from mapforge.catalog import Catalog
from mapforge.config import Settings, compose_settings

_TINY = yaml.safe_load((Path(__file__).parents[2] / "benchmarks" / "tiny_region.yaml").read_text(encoding="utf-8"))
SIMULATION, MAPPING = _TINY["simulation"], _TINY["mapping"]
TOGETHER, APART = ("town-10-00", "town-10-02"), "town-10-01"
PRODUCTS = ("trajectories", "rasters", "observations", "drive_elements", "map_elements", "tile_names", "tiles")


def tiny_settings(workspace: Path, logs: Path | list[Path], *more: str) -> Settings:
    settings = compose_settings([*MAPPING, *more])
    settings.workspace = str(workspace)
    settings.region.logs = [str(log) for log in ([logs] if isinstance(logs, Path) else logs)]
    return settings


def products(workspace: Path, folders: tuple[str, ...] = PRODUCTS) -> dict[str, str]:
    """sha256 of everything derived: name -> hash."""
    return {
        path.relative_to(workspace).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted((workspace / folder).rglob("*"))
        if path.is_file()
    }


def attempts(workspace: Path, run_id: str) -> dict[str, set[str]]:
    """What a run tried: stage -> items."""
    tried: dict[str, set[str]] = {}
    for attempt in Catalog.of(str(workspace), None).attempts(run_id):
        tried.setdefault(attempt.stage, set()).add(attempt.item)
    return tried
