"""The held-out worlds: which they are, and their drives, simulated once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mapforge.config import Settings
from mapforge.config.evaluation_group import EvaluationConfig, seed_of
from mapforge.errors import ConfigurationError
from mapforge.io.atomic import write_text
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.io.json_text import read_object
from mapforge.io.workspace import Workspace
from mapforge.simulation import stage as simulation
from mapforge.simulation.config import Condition, SimulationConfig
from mapforge.simulation.real_map import map_file_of
from mapforge.simulation.worlds import family_of
from mapforge.training.world_places import place_of_world


@dataclass(frozen=True)
class HeldOutWorld:
    """family: as in `simulation.world`, a map file perhaps. cameras: its cars carry them."""

    family: str
    condition: str
    seed: int
    cameras: bool

    @property
    def family_name(self) -> str:
        """A word, also where the family is a file."""
        return self.family if family_of(self.family) is not None else Path(self.family).stem

    @property
    def name(self) -> str:
        return f"{self.family_name}-{self.condition}-{self.seed}" + "-cameras" * self.cameras

    @property
    def place(self) -> str:
        """What the leakage gate knows it by."""
        return place_of_world(self.family, self.seed)


@dataclass(frozen=True)
class WorldFiles:
    """Where a world lies. simulation: how its drives were made."""

    folder: Path
    simulation: SimulationConfig

    @property
    def logs(self) -> Path:
        return self.folder / "simulation" / "logs"

    @property
    def truth_map(self) -> Path:
        return self.folder / "simulation" / "truth" / "map.parquet"

    @property
    def trajectories(self) -> Path:
        return self.folder / "simulation" / "truth" / "trajectories"

    @property
    def workspace(self) -> Workspace:
        """Of all drives together."""
        return Workspace(self.folder / "workspace")

    @property
    def drives(self) -> list[str]:
        return sorted(path.stem for path in self.trajectories.glob("*.parquet"))

    @property
    def fingerprint(self) -> str:
        """Of everything the drives depend on."""
        world, content = self.simulation.world, ""
        if family_of(world) is None:
            content, world = sha256_of_file(map_file_of(Path(world))), Path(world).name
        settings = {**asdict(self.simulation), "world": world}
        return fingerprint_of(settings=settings, source=content, code=code_version(*simulation.CODE))


def held_out_worlds(config: EvaluationConfig) -> list[HeldOutWorld]:
    """The worlds of the settings, in their order. Raises ConfigurationError on a condition that there is not."""
    worlds = []
    for number, entry in enumerate(config.worlds):
        family, condition, _ = entry.rsplit(":", 2)
        if condition not in list(Condition):
            raise ConfigurationError(f"evaluation.worlds: no condition '{condition}' ({entry}): {', '.join(Condition)}")
        worlds.append(HeldOutWorld(family, condition, seed_of(entry), number < config.camera_worlds))
    return worlds


def world_files(world: HeldOutWorld, folder: Path, settings: Settings) -> WorldFiles:
    """Where a world lies in the evaluation's folder, whether or not it was made."""
    return WorldFiles(folder / "worlds" / world.name, _simulation_of(world, settings.simulation, settings.evaluation))


def simulate(files: WorldFiles, workers: int, progress: Callable[[int, int, str], None]) -> list[str]:
    """Simulates what is missing; returns the logs that the workspace has not taken in, none when it has all of them.

    progress: called with drives done, drives in all, and the drive.
    """
    ready = files.folder / "ready.json"
    if ready.exists():
        known = read_object(ready, f"delete {files.folder}: it is made anew")
        drives = [files.workspace.drive(drive) / "manifest.json" for drive in known.get("drives", [])]
        if known.get("fingerprint") == files.fingerprint and drives and all(path.exists() for path in drives):
            return []
        ready.unlink()
    if (files.folder / "workspace").exists():
        shutil.rmtree(files.folder / "workspace")
    inputs = simulation.SimulationInputs(files.folder / "simulation", workers)
    simulation.run(inputs, files.simulation, progress)
    return [str(files.logs)]


def keep_as_ready(files: WorldFiles, keep_logs: bool) -> None:
    """Notes that the workspace has taken all drives in; their logs are not needed any more."""
    text = json.dumps({"fingerprint": files.fingerprint, "drives": files.drives})
    write_text(files.folder / "ready.json", text, files.folder / "tmp")
    if not keep_logs:
        shutil.rmtree(files.logs, ignore_errors=True)


def _simulation_of(world: HeldOutWorld, base: SimulationConfig, config: EvaluationConfig) -> SimulationConfig:
    lidar = replace(base.sensors.lidar, range_max_m=min(base.sensors.lidar.range_max_m, config.range_max_m))
    camera = replace(base.sensors.camera, enabled=world.cameras)
    radar = replace(base.sensors.radar, enabled=False)
    return replace(
        base,
        world=world.family,
        seed=world.seed,
        drives=config.drives,
        duration_s=config.duration_s,
        speed_mps=config.speed_mps,
        sensors=replace(base.sensors, lidar=lidar, camera=camera, radar=radar),
        condition=Condition(world.condition),
    )
