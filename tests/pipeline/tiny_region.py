"""A region that is mapped in seconds: three short drives, two along one street and one elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mapforge.catalog import Catalog
from mapforge.config import Settings, compose_settings

SIMULATION = [
    "simulation.seed=10",
    "simulation.drives=3",
    "simulation.duration_s=4",
    "simulation.sensors.lidar.beams=32",
    "simulation.sensors.lidar.columns=360",
    "simulation.sensors.lidar.rate_hz=5",
    "simulation.sensors.camera.enabled=false",
    "simulation.sensors.radar.enabled=false",
    "simulation.sensors.gnss.outages_per_drive=0",
    "simulation.town.moving_vehicles=0",
]
MAPPING = ["region.name=tiny", "rasterization.reach_m=12", "perception.signs.enabled=false", "validation.worst_tiles=0"]
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
