"""What the BEV network is trained, calibrated and scored on: three groups of places that never meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mapforge.training.config import BevTrainingConfig
from mapforge.training.dataset import ShardSet, generate_shards, read_shard_set
from mapforge.training.places import require_apart
from mapforge.training.processes import Processes

Progress = Callable[[str, int, int], None]

_CROPS_A_SHARD = 16


@dataclass(frozen=True)
class BevData:
    """training: the generated crops first (absent when they are made live), then drives. calibration: what the
    probabilities are fitted to. held_out: what the card's scores come from."""

    training: list[ShardSet]
    calibration: list[ShardSet]
    held_out: list[ShardSet]

    @property
    def worlds(self) -> list[str]:
        """Simulated worlds that were trained or calibrated on; generated crops are known by their seeds."""
        places = frozenset().union(*(part.places for part in (*self.training, *self.calibration)))
        return sorted(place for place in places if not place.startswith("generated:"))

    @staticmethod
    def name_of(part: ShardSet) -> str:
        """For the card."""
        places = sorted(part.places)
        if places[0].startswith("generated:"):
            return "generated"
        return "ray-cast drives: " + ", ".join(places)


@dataclass(frozen=True)
class DriveShards:
    """Folders of shards of ray-cast drives that are there already (see `drive_samples`)."""

    training: Path | None = None
    calibration: Path | None = None
    held_out: Path | None = None


def bev_data(
    config: BevTrainingConfig, folder: Path, processes: Processes, progress: Progress, drives: DriveShards
) -> BevData:
    """Training, calibration and held-out sets; the first process makes what is missing.

    Raises LeakageError when a place is in more than one of them.
    """
    if not processes.is_first:
        processes.wait()
    data = BevData(
        _training(config, folder, progress, drives.training),
        _calibration(config, folder, progress, drives.calibration),
        _held_out(config, folder, progress, drives.held_out),
    )
    if processes.is_first:
        processes.wait()
    trained, fitted, scored = (
        frozenset().union(*(part.places for part in parts))
        for parts in (data.training, data.calibration, data.held_out)
    )
    require_apart(trained, scored)
    require_apart(trained | scored, fitted)
    return data


def held_out_crops(config: BevTrainingConfig, folder: Path) -> ShardSet:
    """Generated crops of the seeds 0, 1, ..., which no training takes."""
    return _crops(config, folder / "evaluation", 0, config.evaluation_crops)


def _crops(config: BevTrainingConfig, folder: Path, first_seed: int, crops: int) -> ShardSet:
    each = min(_CROPS_A_SHARD, crops)
    return generate_shards(folder, first_seed, crops // each, each, config.generator_workers, lambda *_: None)


def _training(config: BevTrainingConfig, folder: Path, progress: Progress, drives: Path | None) -> list[ShardSet]:
    data = []
    if not config.live:
        generated = generate_shards(
            folder / "shards", config.first_seed, config.shards, config.samples_per_shard, config.generator_workers,
            lambda done, total: progress("generating shards", done, total),
        )  # fmt: skip
        data.append(generated)
    if config.worlds:
        data.append(_worlds(config.worlds, config, folder / "worlds", progress, for_training=True))
    if drives is not None:
        data.append(read_shard_set(drives))
    return data


def _calibration(config: BevTrainingConfig, folder: Path, progress: Progress, drives: Path | None) -> list[ShardSet]:
    if drives is not None:
        return [read_shard_set(drives)]
    if config.calibration_worlds:
        worlds = folder / "calibration_worlds"
        return [_worlds(config.calibration_worlds, config, worlds, progress, for_training=True)]
    return [_crops(config, folder / "calibration", config.evaluation_crops, config.calibration_crops)]


def _held_out(config: BevTrainingConfig, folder: Path, progress: Progress, drives: Path | None) -> list[ShardSet]:
    data = [held_out_crops(config, folder)]
    if drives is not None:
        data.append(read_shard_set(drives))
    if config.evaluation_worlds:
        worlds = folder / "evaluation_worlds"
        data.append(_worlds(config.evaluation_worlds, config, worlds, progress, for_training=False))
    return data


def _worlds(
    seeds: list[int], config: BevTrainingConfig, folder: Path, progress: Progress, for_training: bool
) -> ShardSet:
    # the simulator brings open3d and pyarrow, which training on generated crops needs not
    from mapforge.simulation.config import SimulationConfig
    from mapforge.training.drives import world_shards

    simulated = SimulationConfig(drives=config.drives_per_world, duration_s=config.drive_duration_s)
    simulated.sensors.camera.enabled = config.cameras
    simulated.sensors.radar.enabled = False
    return world_shards(
        seeds, simulated, folder, for_training, config.generator_workers,
        lambda done, total: progress("driving worlds", done, total), config.world_families, config.world_conditions,
    )  # fmt: skip
