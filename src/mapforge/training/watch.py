"""What a run tells while it goes on: losses, samples a second, time spent waiting, share of the device's peak."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from mapforge.training.learner import Learner
from mapforge.training.processes import Processes

logger = logging.getLogger(__name__)

_PROFILE_AFTER_STEPS = 5


class Watch:
    """Writes `<name>.jsonl` (one JSON object a line) and, where installed, TensorBoard; may trace some steps.

    flop_per_sample: forward and backward, to state the share of the device's peak; 0: not stated.
    Only the first process writes.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        processes: Processes,
        tensorboard: bool,
        profile_steps: int,
        flop_per_sample: float = 0.0,
    ) -> None:
        self._folder, self._name, self._processes = folder, name, processes
        self._flop_per_sample = flop_per_sample
        self._peak = measured_peak(processes.device) if flop_per_sample and processes.is_first else 0.0
        self._board = _board(folder / "tensorboard" / name) if tensorboard and processes.is_first else None
        self._profiler = _profiler(folder, profile_steps) if profile_steps and processes.is_first else None
        self._since, self._waited_s, self._samples = time.perf_counter(), 0.0, 0
        self._settled = self._since

    def begin(self, learner: Learner) -> None:
        """Where the run goes on from."""
        self._since = self._settled = time.perf_counter()
        self._samples = learner.samples

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around getting the next batch."""
        started = time.perf_counter()
        yield
        self._waited_s += time.perf_counter() - started

    def after_step(self) -> None:
        if self._profiler is not None:
            self._profiler.step()

    def settle(self, learner: Learner) -> None:
        """Adds the time since the last call to the run's cost."""
        now = time.perf_counter()
        learner.device_s += (now - self._settled) * self._processes.count
        self._settled = now

    def write(self, learner: Learner, means: dict[str, float]) -> None:
        """A line of the log: mean losses and the pace since the last line."""
        if not self._processes.is_first:
            return
        seconds = max(time.perf_counter() - self._since, 1e-9)
        pace = {
            "samples_per_s": (learner.samples - self._samples) / seconds,
            "waiting_share": self._waited_s / seconds,
            "learning_rate": learner.schedule.rate_at(max(learner.step - 1, 0)),
        }
        if self._peak:
            achieved = pace["samples_per_s"] * self._flop_per_sample / self._processes.count
            pace["share_of_peak"] = achieved / self._peak
        self._line({"step": learner.step, **means, **pace})
        self._since, self._waited_s, self._samples = time.perf_counter(), 0.0, learner.samples

    def write_score(self, learner: Learner, score: float) -> None:
        if self._processes.is_first:
            self._line({"step": learner.step, "score": score})

    def close(self) -> None:
        """Ends files and traces that are still open."""
        if self._profiler is not None:
            self._profiler.stop()
        if self._board is not None:
            self._board.close()

    def _line(self, values: dict[str, float]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{self._name}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({name: round(value, 6) for name, value in values.items()}) + "\n")
        if self._board is not None:
            for name, value in values.items():
                if name != "step":
                    self._board.add_scalar(name, value, int(values["step"]))


def measured_peak(device: str, size: int = 0) -> float:
    """Floating-point operations a second of a large bfloat16 matrix product, the best of a few."""
    size = size or (8192 if device.startswith("cuda") else 1024)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    best = float("inf")
    for _ in range(4):
        _wait_for(device)
        started = time.perf_counter()
        a @ a
        _wait_for(device)
        best = min(best, time.perf_counter() - started)
    return 2.0 * size**3 / best


def _wait_for(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        logger.info("tensorboard is not installed: only the JSON log is written")
        return None
    return SummaryWriter(str(folder))


def _profiler(folder: Path, steps: int) -> Any:
    """Traces `steps` steps after a few, then writes the trace and what it says."""
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
    traced = profile(
        activities=activities,
        schedule=schedule(wait=_PROFILE_AFTER_STEPS, warmup=1, active=steps, repeat=1),
        on_trace_ready=lambda found: _write_profile(found, folder),
    )
    traced.start()
    return traced


def _write_profile(traced: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    traced.export_chrome_trace(str(folder / "profile.json"))
    averages = traced.key_averages()
    parts = ("waiting for data", "forward", "backward", "optimizer")
    seconds = {row.key: row.cpu_time_total / 1e6 for row in averages if row.key in parts}
    total = max(sum(seconds.values()), 1e-9)
    worst = max(seconds, key=lambda name: seconds[name], default="nothing")
    lines = [f"{name}: {value:.3f} s, {value / total:.0%}" for name, value in sorted(seconds.items())]
    key = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    table = averages.table(sort_by=key, row_limit=15)
    (folder / "profile.txt").write_text("\n".join([f"bottleneck: {worst}", *lines, "", table]), encoding="utf-8")
