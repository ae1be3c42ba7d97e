"""Ray-cast training data: simulated worlds, driven, ingested and rasterised with their true trajectories."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mapforge.ingest import stage as ingest
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.rasterization import stage as rasterization
from mapforge.rasterization.config import RasterizationConfig
from mapforge.simulation import stage as simulation
from mapforge.simulation.config import Condition, FleetKind, SimulationConfig
from mapforge.training.dataset import ShardSet, read_shard_set
from mapforge.training.drive_samples import drive_samples, write_drive_shards
from mapforge.training.generator import Sample
from mapforge.training.places import require_training_seed
from mapforge.training.world_places import place_of_world, world_word

SAMPLES_PER_SHARD = 8


def world_shards(
    seeds: list[int],
    config: SimulationConfig,
    folder: Path,
    for_training: bool,
    workers: int,
    progress: Callable[[int, int], None],
    families: Sequence[str] = ("town",),
    conditions: Sequence[str] = ("as_set",),
) -> ShardSet:
    """Shards of the worlds of these seeds, each varied; those that are there already are left as they are.

    folder: gets `logs/<seed>` and `shards`. progress: called with worlds done and worlds in all. families, conditions:
    of `simulation.world` and `simulation.condition`, one after the other with rising seeds.
    """
    shards = folder / "shards"
    for done, seed in enumerate(seeds, start=1):
        world = varied(config, seed, families, conditions)
        if not (shards / f"{_name(world)}.json").exists():
            drive_dataset(world, folder / "logs" / _name(world), shards, SAMPLES_PER_SHARD, workers, for_training)
        progress(done, len(seeds))
    return read_shard_set(shards)


def drive_dataset(
    config: SimulationConfig, folder: Path, shards: Path, samples_per_shard: int, workers: int, for_training: bool
) -> int:
    """Simulates one world and writes shards of what its drives saw; returns the number of samples.

    folder: of logs and workspace, kept. shards: folder of all worlds of the data set. for_training: refuse seeds that
    are kept for evaluation (LeakageError).
    """
    if for_training:
        require_training_seed(config.seed)
    result = simulation.run(simulation.SimulationInputs(folder / "simulation", workers), config)
    name = _name(config)
    samples = samples_of_logs(folder, result.truth_map, result.logs, result.trajectories)
    order = np.random.default_rng(config.seed).permutation(len(samples))
    place = place_of_world(config.world, config.seed)
    write_drive_shards([samples[i] for i in order], place, shards, name, samples_per_shard)
    return len(samples)


def samples_of_logs(
    folder: Path, truth_map: Path, logs: tuple[Path, ...], trajectories: tuple[Path, ...]
) -> list[Sample]:
    """Ingests logs, rasterises them where they truly were, and crops samples."""
    workspace = Workspace(folder / "workspace")
    truth, frame = read_elements(truth_map)
    workspace.write_frame(frame)
    samples: list[Sample] = []
    for number, (log, trajectory) in enumerate(zip(logs, trajectories)):
        source = find_logs(log)[0]
        manifest = ingest.run(ingest.IngestInputs(source, workspace), IngestConfig())
        target = workspace.trajectory(manifest.drive_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(trajectory, target)
        inputs = rasterization.RasterizationInputs(workspace, manifest.drive_id, frame, None, "training", "cpu")
        rasterization.run(inputs, RasterizationConfig())
        samples += drive_samples(workspace, manifest.drive_id, frame, truth, np.random.default_rng(number))
    return samples


def _name(config: SimulationConfig) -> str:
    under = "" if config.condition is Condition.as_set else f"-{config.condition}"
    return f"{world_word(config.world)}-{config.seed}{under}"


def varied(
    config: SimulationConfig,
    seed: int,
    families: Sequence[str] = ("town",),
    conditions: Sequence[str] = ("as_set",),
) -> SimulationConfig:
    """The world of a seed: its family and condition in turn, with wear, curviness, crossings and cars drawn from it."""
    rng = np.random.default_rng(seed)
    town = replace(
        config.town,
        wear=float(rng.uniform(0.05, 0.6)),
        curviness=float(rng.uniform(0, 1)),
        crossings=float(rng.uniform(0.3, 0.9)),
        parked=float(rng.uniform(0, 0.6)),
    )
    return replace(
        config,
        world=families[seed % len(families)],
        condition=Condition(conditions[seed % len(conditions)]),
        seed=seed,
        town=town,
        fleet=replace(config.fleet, kind=FleetKind.varied),
    )
