"""What sending work elsewhere costs, and what a second worker brings.

    python benchmarks/scaling.py [--workspace data/workspace] [--tasks 40] [--address tcp://host:8786] [--out FILE]

Overhead: tasks that sleep for 2 s, through the local runner and a Dask cluster, stamps and all; what the whole takes
beside the sleep itself, as a share of it. It may be 5 %. Speed-up: rasterization, perception and fusion of a finished
workspace (which stays as it is), by one worker and by two with one thread each. It should be 1.8 and needs two free
cores: where another process is at work, only the overhead tells something. Starting the workers is left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapforge.config import Settings, compose_settings
from mapforge.geometry.tiles import TileId
from mapforge.io.workspace import Workspace
from mapforge.models.shipped import BEV_SEGMENTER, weights_path
from mapforge.pipeline import stages
from mapforge.pipeline.dask_runner import DaskRunner
from mapforge.pipeline.jobs import Job, Outcome
from mapforge.pipeline.runners import LocalRunner, Runner
from mapforge.pipeline.stamps import Recipe

TASK_S = 2.0
WARM_UP_S = 5.0
WORKERS = 2
INPUTS = {
    "rasterization": ("drives", "trajectories"),
    "perception": ("rasters",),
    "fusion": ("drive_elements", "observations", "trajectories"),
}
ITEMS = {"rasterization": 6, "perception": 48, "fusion": 48}


@dataclass(frozen=True)
class SleepInputs:
    """seconds: how long the task takes."""

    workspace: Workspace
    name: str
    seconds: float


def sleep(inputs: SleepInputs, config: None) -> list[Path]:
    """Takes its time and leaves a file."""
    time.sleep(inputs.seconds)
    path = inputs.workspace.root / "slept" / f"{inputs.name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(inputs.name, encoding="utf-8")
    return [path]


def load(inputs: SleepInputs, config: None) -> list[Path]:
    """Loads what the stages need; long enough that every worker gets one of these."""
    ends = time.monotonic() + inputs.seconds
    for stage in INPUTS:
        importlib.import_module(f"mapforge.{stage}.stage")
    time.sleep(max(0.0, ends - time.monotonic()))
    return sleep(SleepInputs(inputs.workspace, inputs.name, 0.0), config)


def overhead(runner: Runner, workspace: Workspace, tasks: int, workers: int) -> dict[str, float]:
    """Seconds that sleeping tasks took, beside what they would take if nothing else did."""
    _run(runner, _sleepers(workspace, load, "warm", workers, WARM_UP_S))
    took_s = _run(runner, _sleepers(workspace, sleep, "task", tasks, TASK_S))
    ideal_s = tasks * TASK_S / workers
    return {"tasks": tasks, "took_s": took_s, "ideal_s": ideal_s, "overhead": took_s / ideal_s - 1.0}


def speed_up(stage: str, source: Path, scratch: Path, settings: Settings) -> dict[str, float]:
    """Seconds that one stage took with one worker and with two, and the most that its tasks allow: five drives of
    equal length on two workers take three rounds."""
    took, most = {}, 1.0
    for workers in (1, WORKERS):
        folder = scratch / f"{stage}-{workers}"
        workspace = _beside(source, folder, INPUTS[stage])
        runner = LocalRunner(workers)
        _run(runner, _sleepers(workspace, load, "warm", workers, WARM_UP_S))
        seconds: list[float] = []
        took[workers] = _run(runner, list(_jobs(stage, source, workspace, settings)), seconds)
        if workers == 1:
            most = sum(seconds) / _shortest(seconds, WORKERS)
        runner.close()
        shutil.rmtree(folder)
    gained = took[1] / took[WORKERS]
    return {"one_s": took[1], "two_s": took[WORKERS], "speed_up": gained, "possible": most}


def _shortest(seconds: list[float], workers: int) -> float:
    """How long tasks take together, the longest ones begun first (Graham 1969)."""
    busy = [0.0] * workers
    for own in sorted(seconds, reverse=True):
        busy[busy.index(min(busy))] += own
    return max(busy)


def _run(runner: Runner, jobs: Iterable[Job], seconds: list[float] | None = None) -> float:
    started = time.perf_counter()
    outcomes = list(runner.map(jobs))
    took_s = time.perf_counter() - started
    _stop_at([outcome for outcome in outcomes if outcome.error is not None])
    if seconds is not None:
        seconds += [outcome.seconds for outcome in outcomes]
    return took_s


def _stop_at(failed: list[Outcome]) -> None:
    for outcome in failed[:1]:
        assert outcome.error is not None
        raise SystemExit(f"{outcome.stage} {outcome.item}: {outcome.error.text}\n{outcome.error.traceback}")


def _sleepers(
    workspace: Workspace, run: Callable[[Any, Any], list[Path]], name: str, count: int, seconds: float
) -> list[Job]:
    return [
        Job("sleep", f"{name}{i}", run, SleepInputs(workspace, f"{name}{i}", seconds), None, Recipe({}), workspace)
        for i in range(count)
    ]


def _beside(source: Path, folder: Path, inputs: Iterable[str]) -> Workspace:
    """A workspace that reads the inputs of another and writes its own outputs."""
    folder.mkdir(parents=True)
    shutil.copy(source / "map.json", folder)
    for name in inputs:
        (folder / name).symlink_to(source / name)
    return Workspace(folder)


def _jobs(stage: str, source: Path, workspace: Workspace, settings: Settings) -> Iterator[Job]:
    frame, recipe = workspace.read_frame(), Recipe({"benchmark": "scaling"})
    config = getattr(settings, stage)
    drives = sorted(path.parent.name for path in (source / "drives").glob("*/manifest.json"))
    if stage == "rasterization":
        from mapforge.rasterization.stage import RasterizationInputs

        for drive in drives[: ITEMS[stage]]:
            inputs: Any = RasterizationInputs(workspace, drive, frame, None, recipe.fingerprint, "cpu")
            yield Job(stage, drive, stages.rasterize, inputs, config, recipe, workspace)
    elif stage == "perception":
        from mapforge.perception.stage import PerceptionInputs

        weights = weights_path(settings.models.bev, BEV_SEGMENTER)
        for path in sorted((source / "rasters").glob("*/*/*/*.parquet"))[: ITEMS[stage]]:
            tile, drive = TileId.parse("/".join(path.parent.parts[-3:])), path.stem
            inputs = PerceptionInputs(workspace, tile, drive, frame, weights, "cpu", recipe.fingerprint)
            yield Job(stage, f"{tile}@{drive}", stages.perceive, inputs, config, recipe, workspace)
    else:
        from mapforge.fusion.stage import FusionInputs

        for path in sorted((source / "map_elements").glob("*/*/*.parquet"))[: ITEMS[stage]]:
            tile = TileId.parse("/".join((*path.parent.parts[-2:], path.stem)))
            inputs = FusionInputs(workspace, tile, frame, drives, recipe.fingerprint)
            yield Job(stage, str(tile), stages.fuse, inputs, config, recipe, workspace)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, help="a finished one; none = only the overhead")
    parser.add_argument("--stages", nargs="*", default=list(INPUTS))
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--address", help="of a Dask cluster with two workers; none starts one here")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if arguments.tasks:
            for name, make in {
                "local": lambda: LocalRunner(WORKERS),
                "dask": lambda: DaskRunner(arguments.address, WORKERS),
            }.items():
                runner = make()
                result[name] = overhead(runner, Workspace(scratch / name), arguments.tasks, WORKERS)
                runner.close()
                print(
                    f"{name}: {result[name]['overhead']:.2%} beside the work of {arguments.tasks} tasks of {TASK_S} s"
                )
        for stage in arguments.stages if arguments.workspace else ():
            result[stage] = speed_up(stage, arguments.workspace.resolve(), scratch, compose_settings([]))
            own = result[stage]
            print(f"{stage}: two workers {own['speed_up']:.2f} times as fast as one, {own['possible']:.2f} at most")
    result["load_after"] = os.getloadavg()[0]
    print(f"load before {result['load_before']:.1f}, after {result['load_after']:.1f}, of {result['cores']} cores")
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    missed = [n for n in ("local", "dask") if n in result and result[n]["overhead"] > 0.05]
    missed += [stage for stage in INPUTS if stage in result and result[stage]["speed_up"] < 1.8]
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
