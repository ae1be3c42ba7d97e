"""Simulation: a world, drives through it, and everything their sensors would have recorded."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from mapforge.io.atomic import atomic_file, write_text
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.fleet import car_sensors
from mapforge.simulation.picture import draw_world
from mapforge.simulation.real_map import map_file_of
from mapforge.simulation.record import record_drive
from mapforge.simulation.truth import write_truth_map, write_truth_trajectory
from mapforge.simulation.world import DrivePlan, World
from mapforge.simulation.worlds import family_of, make_plans, make_world

CODE = ("mapforge.simulation", "mapforge.geometry", "mapforge.schemas")
PARENT_CHECK_S = 1.0


@dataclass(frozen=True)
class SimulationInputs:
    """out: folder to fill. workers: processes that record drives; they change nothing in what is written."""

    out: Path
    workers: int = 2


@dataclass(frozen=True)
class SimulationResult:
    """What a simulation wrote. logs: one MCAP a drive; recorded: ids of the drives that were not there already."""

    logs: tuple[Path, ...]
    truth_map: Path
    trajectories: tuple[Path, ...]
    recorded: tuple[str, ...]


def run(
    inputs: SimulationInputs, config: SimulationConfig, progress: Callable[[int, int, str], None] | None = None
) -> SimulationResult:
    """Writes logs/<drive_id>.mcap, truth/map.parquet, truth/trajectories/<drive_id>.parquet, world.json, world.png.

    The same config gives the same bytes, whatever the number of workers. A drive whose log is whole and was made from
    the same config by the same code is not recorded again. progress: called with (done, all, drive_id) after each.
    """
    out, tmp = inputs.out, inputs.out / "tmp"
    fingerprint = _fingerprint(config)
    world = make_world(config)
    plans = make_plans(world, config)
    result = _write_truth(world, plans, config, out, tmp, fingerprint)
    due = [plan for plan in plans if not _is_recorded(out, plan.drive_id, fingerprint)]
    for count, drive_id in enumerate(_record_all(world, due, config, out, inputs.workers), 1):
        log = out / "logs" / f"{drive_id}.mcap"
        sidecar = {"fingerprint": fingerprint, "sha256": sha256_of_file(log), "size_bytes": log.stat().st_size}
        write_text(_sidecar(out, drive_id), json.dumps(sidecar), tmp)
        if progress is not None:
            progress(len(plans) - len(due) + count, len(plans), drive_id)
    return SimulationResult(*result, recorded=tuple(plan.drive_id for plan in due))


def _write_truth(
    world: World, plans: list[DrivePlan], config: SimulationConfig, out: Path, tmp: Path, fingerprint: str
) -> tuple[tuple[Path, ...], Path, tuple[Path, ...]]:
    truth_map = out / "truth" / "map.parquet"
    write_truth_map(world, truth_map, tmp, fingerprint)
    trajectories = tuple(out / "truth" / "trajectories" / f"{plan.drive_id}.parquet" for plan in plans)
    for plan, target in zip(plans, trajectories):
        write_truth_trajectory(world, plan, target, tmp, fingerprint)
    with atomic_file(out / "world.png", tmp) as path:
        draw_world(world, plans).save(path)
    description = {
        "name": world.name,
        "frame": world.frame.as_dict(),
        "config": {**asdict(config), "world": _world_name(config)},
        "drives": [plan.drive_id for plan in plans],
        "triangles": sum(len(mesh.triangles) for mesh in world.meshes),
        "metadata": dict(sorted(world.metadata.items())),
        "fingerprint": fingerprint,
    }
    write_text(out / "world.json", json.dumps(description, indent=1, sort_keys=True), tmp)
    return tuple(out / "logs" / f"{plan.drive_id}.mcap" for plan in plans), truth_map, trajectories


def _fingerprint(config: SimulationConfig) -> str:
    """Of the settings, the code, and the content of the map file (not where it lies)."""
    settings = {**asdict(config), "world": _world_name(config)}
    source = "" if family_of(config.world) else sha256_of_file(map_file_of(Path(config.world)))
    return fingerprint_of(settings=settings, source=source, code=code_version(*CODE))


def _world_name(config: SimulationConfig) -> str:
    return config.world if family_of(config.world) else map_file_of(Path(config.world)).name


def _sidecar(out: Path, drive_id: str) -> Path:
    return out / "recorded" / f"{drive_id}.json"


def _is_recorded(out: Path, drive_id: str, fingerprint: str) -> bool:
    log, sidecar = out / "logs" / f"{drive_id}.mcap", _sidecar(out, drive_id)
    if not log.exists() or not sidecar.exists():
        return False
    known = json.loads(sidecar.read_text(encoding="utf-8"))
    return bool(known["fingerprint"] == fingerprint and known["size_bytes"] == log.stat().st_size)


def _record_all(
    world: World, plans: list[DrivePlan], config: SimulationConfig, out: Path, workers: int
) -> Iterator[str]:
    """Records each plan, yields drive ids as they are done."""
    if min(workers, len(plans)) <= 1:
        for plan in plans:
            yield _record(world, plan, config, out)
        return
    with ProcessPoolExecutor(
        max_workers=min(workers, len(plans)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_enter_worker,
        initargs=(world, config, out, os.getpid()),
    ) as pool:
        for done in as_completed([pool.submit(_record_in_worker, plan) for plan in plans]):
            yield done.result()


def _record(world: World, plan: DrivePlan, config: SimulationConfig, out: Path) -> str:
    sensors = car_sensors(config, plan.seed)
    record_drive(world, plan, sensors, out / "logs" / f"{plan.drive_id}.mcap", out / "tmp")
    return plan.drive_id


_shared: dict[str, tuple[World, SimulationConfig, Path]] = {}


def _enter_worker(world: World, config: SimulationConfig, out: Path, parent: int) -> None:
    """Keeps what all drives share, and ends the worker when its parent is gone."""
    _shared["work"] = (world, config, out)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _record_in_worker(plan: DrivePlan) -> str:
    world, config, out = _shared["work"]
    return _record(world, plan, config, out)
