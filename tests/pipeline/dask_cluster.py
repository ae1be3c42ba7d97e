"""A Dask cluster of processes: a scheduler and workers that can be killed one by one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

from mapforge.pipeline.execution import NoProgress


@dataclass
class Cluster:
    """address: of the scheduler. workers: their processes, in the order they were asked for."""

    address: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill(self, worker: int) -> None:
        self.workers[worker].send_signal(signal.SIGKILL)
        self.workers[worker].wait(timeout=30)


class KillOnce(NoProgress):
    """Kills a worker when the first job of a stage is done: the worker is then on its second."""

    def __init__(self, stage, kill):
        self.stage, self.kill, self.left = stage, kill, 1
        self.done = Counter()

    def advance(self, stage, item, error):
        self.done[stage] += 1
        if stage == self.stage and self.left:
            self.left = 0
            self.kill()


@contextmanager
def dask_cluster(folder: Path, workers: Sequence[dict[str, str] | None]) -> Iterator[Cluster]:
    """workers: for each the environment it has beside this process's; `RESOURCES` in it are those it offers."""
    folder.mkdir(parents=True, exist_ok=True)
    processes: list[subprocess.Popen[bytes]] = []
    connection = folder / "scheduler.json"
    try:
        words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file"]
        processes.append(_dask([*words, str(connection)], folder, "scheduler", {}))
        _wait(lambda: connection.exists() and connection.stat().st_size > 0, processes, folder)
        with Client(scheduler_file=str(connection), timeout=60) as client:
            cluster = Cluster(client.scheduler.address)
            for number, extra in enumerate(workers):
                environment = {"OMP_NUM_THREADS": "1", **(extra or {})}
                resources = environment.pop("RESOURCES", None)
                words = ["worker", cluster.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
                words += ["--local-directory", str(folder / f"worker{number}"), "--memory-limit", "0"]
                words += ["--resources", resources] if resources else []
                cluster.workers.append(_dask(words, folder, f"worker{number}", environment))
                processes.append(cluster.workers[-1])
            client.wait_for_workers(len(workers), timeout=120)
        yield cluster
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait(timeout=30)


def _dask(words: list[str], folder: Path, name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )


def _wait(ready, processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    for _ in range(600):
        if ready():
            return
        if any(process.poll() is not None for process in processes):
            break
        time.sleep(0.1)
    raise RuntimeError("Dask did not start: " + "".join(path.read_text() for path in folder.glob("*.log")))
