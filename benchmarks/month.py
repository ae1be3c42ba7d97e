"""A month of nights in miniature: thirty nights over a small simulated town, with all that goes wrong in a month.

    python benchmarks/month.py [--out data/month] [--nights 30] [--workers 1]

Drives of a few seconds arrive night by night; some logs are torn, one night nothing comes, one night starts twice, a
tile fails for two nights, a drive is withdrawn, somebody changes a setting for the worse, and half way through the
month the paint around a crossing vanishes.
Written to --out: month.json (a row a night), month.md (a table), month.svg (the plot). What was driven, what was built
and what was published is recorded each night, with its cost, and its quality against the truth of that night's town.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import shapely

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState
from mapforge.config import EngineKind, Settings, compose_settings
from mapforge.io.workspace import Workspace
from mapforge.pipeline.execution import NoProgress
from mapforge.pipeline.jobs import Job, JobError, Outcome
from mapforge.pipeline.night_summary import NightOutcome, NightSummary
from mapforge.pipeline.nightly import nightly
from mapforge.pipeline.run import make_runner
from mapforge.pipeline.runners import Runner
from mapforge.pipeline.withdrawal import withdraw
from mapforge.releases.manifest import current_release
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.record import record_drive
from mapforge.simulation.routes import plan_drives
from mapforge.simulation.truth import write_truth_map
from mapforge.simulation.world import DrivePlan, World
from mapforge.simulation.worlds import make_world
from mapforge.validation.stage import ValidationInputs
from mapforge.validation.stage import run as validate
from month_plot import month_svg

SEED, DRIVES, DURATION_S = 31, 28, 5.0
DAY_NS = 86_400 * 10**9
SIMULATION = [
    f"simulation.seed={SEED}",
    "simulation.town.blocks_north=1",
    "simulation.town.block_m=70",
    "simulation.town.moving_vehicles=2",
    "simulation.sensors.lidar.beams=28",
    "simulation.sensors.lidar.columns=500",
    "simulation.sensors.camera.enabled=false",
    "simulation.sensors.radar.enabled=false",
    "simulation.sensors.gnss.outages_per_drive=0",
]
FIRST_NIGHT, EACH_NIGHT = 3, 1
QUIET, TORN, TOO_SHORT, DOUBLE_START, WITHDRAWAL = 8, (5, 19), 14, 12, 21
FAILING = {10: "fusion", 11: "fusion", 25: "localization"}
REPAINTED_FROM, CARELESS = 16, 23
GONE_WITHIN_M = 12.0


@dataclass
class Calls(NoProgress):
    """Counts what a night did and what it found done."""

    run: int = 0
    reused: int = 0

    def begin(self, stage: str, total: int, reused: int) -> None:
        self.run += total - reused
        self.reused += reused


@dataclass
class Unlucky:
    """A runner on whose machine one job of a stage fails."""

    runner: Runner
    stage: str | None
    hit: list[str] = field(default_factory=list)

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        jobs = sorted(jobs, key=lambda job: job.item)
        for job in jobs:
            if job.stage == self.stage and not self.hit:
                self.hit.append(job.item)
                error = JobError("RuntimeError", "injected: the machine had a bad night", "")
                yield Outcome(job.stage, job.item, 0.0, 0.0, (), error)
            else:
                yield from self.runner.map([job])

    def close(self) -> None:
        self.runner.close()


@dataclass(frozen=True)
class Town:
    """The town before and after it was repainted, and everybody's way through it."""

    before: World
    after: World
    plans: list[DrivePlan]

    @classmethod
    def make(cls) -> Town:
        config = compose_settings(SIMULATION).simulation
        before = make_world(config)
        crossings = [e for e in before.truth if e.element_class is ElementClass.PED_CROSSING]
        place = min(crossings, key=lambda e: e.element_id).geometry.buffer(GONE_WITHIN_M)
        painted = (ElementClass.PED_CROSSING, ElementClass.STOP_LINE, ElementClass.LANE_DIVIDER)
        truth = []
        for element in before.truth:
            if element.element_class not in painted or not element.geometry.intersects(place):
                truth.append(element)
                continue
            rest = element.geometry.difference(place)
            if element.element_class is ElementClass.LANE_DIVIDER:
                parts = [part for part in shapely.get_parts(rest) if part.length > 1.0]
                truth += [
                    replace(element, element_id=f"{element.element_id}-{n}", geometry=p) for n, p in enumerate(parts)
                ]
        paint = tuple(
            replace(mark, area=part)
            for mark in before.paint
            for part in shapely.get_parts(mark.area.difference(place))
            if isinstance(part, shapely.Polygon) and part.area > 1e-3
        )
        after = replace(before, paint=paint, truth=tuple(truth))
        plans = plan_drives(before, DRIVES, DURATION_S, SEED, moving_vehicles=config.town.moving_vehicles)
        return cls(before, after, plans)

    def on(self, night: int) -> World:
        return self.after if night >= REPAINTED_FROM else self.before

    def drop(self, number: int, night: int, inbox: Path, tmp: Path) -> Path:
        """Records a drive of the night before into the inbox."""
        plan = self.plans[number]
        plan = replace(plan, timestamps_ns=plan.timestamps_ns - number * 3600 * 10**9 + night * DAY_NS)
        log = inbox / f"night{night:02d}-{number:02d}.mcap"
        record_drive(self.on(night), plan, compose_settings(SIMULATION).simulation.sensors, log, tmp)
        return log


HOLD = """
import sys, time
from mapforge.catalog import Catalog
from mapforge.pipeline.nightly import NIGHT
with Catalog.of(sys.argv[1], None).locked(NIGHT, "a night that takes long"):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_night(workspace: Path) -> Iterator[None]:
    """A night that is still running in another process; killed at the end, as nights are."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(workspace)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()


def quality(workspace: Workspace, truth: Path) -> dict[str, float]:
    """The published map against the truth of tonight's town, where drives went."""
    release = current_release(workspace)
    if release is None:
        return {}
    with closing(Catalog.of(str(workspace.root), None)) as catalog:
        drives = [drive.drive_id for drive in catalog.drives(state=DriveState.USABLE)]
    paths = {drive: workspace.trajectory(drive) for drive in drives if workspace.trajectory(drive).exists()}
    result = validate(
        ValidationInputs(release.files(workspace), release.frame, truth, paths), compose_settings([]).validation
    )
    lines = [result.metrics.get(name, {}) for name in ("lane_divider", "road_boundary")]
    total = sum(values.get("truth_length_m", 0.0) for values in lines)
    found = sum(values.get("predicted_length_m", 0.0) for values in lines)
    return {
        "completeness": sum(v["completeness_0.5m"] * v["truth_length_m"] for v in lines) / total if total else 0.0,
        "correctness": sum(v["correctness_0.5m"] * v["predicted_length_m"] for v in lines) / found if found else 0.0,
        "truth_m": total,
        "mAP_easy": result.metrics["all"]["mAP_easy"],
    }


class Month:
    """Thirty nights of one workspace."""

    def __init__(self, out: Path, workers: int) -> None:
        self.out, self.workspace = out, Workspace(out / "workspace")
        self.inbox, self.tmp = out / "inbox", out / "tmp"
        self.inbox.mkdir(parents=True)
        self.town, self.next_drive, self.rows = Town.make(), 0, []
        self.suspects: set[str] = set()
        self.judged: tuple[str, dict[str, float]] = ("", {})
        self.settings: Settings = compose_settings(
            [f"workspace={self.workspace.root}", f"nightly.inbox=[{self.inbox}]", "nightly.settle_s=0"]
        )
        self.settings.region.name = "month"
        self.settings.engine.workers = workers
        self.settings.engine.kind = EngineKind.local if workers > 1 else EngineKind.inline
        self.runner = make_runner(self.settings.engine)
        for name, world in (("before", self.town.before), ("after", self.town.after)):
            write_truth_map(world, out / f"truth_{name}.parquet", self.tmp, "month")

    def night(self, number: int) -> None:
        events = list(self.prepare(number))
        for log in self.inbox.glob("*.mcap"):
            os.utime(log, (0, 0))
        if number == DOUBLE_START:
            with another_night(self.workspace.root):
                skipped = nightly(self.settings, self.runner)
            events.append(f"second start {skipped.outcome}")
        settings = deepcopy(self.settings)
        if number == CARELESS:
            settings.fusion.min_confidence = 0.97
            events.append("somebody set fusion.min_confidence=0.97")
        calls, started = Calls(), time.perf_counter()
        unlucky = Unlucky(self.runner, FAILING.get(number))
        summary = nightly(settings, unlucky if number in FAILING else self.runner, calls)
        events += [f"{unlucky.stage} of {item} failed" for item in unlucky.hit]
        if summary.outcome is NightOutcome.HELD:
            names = [str(gate["about"]) for gate in summary.gates if not gate["passed"]]
            self.suspects = {name.removeprefix("drive ") for name in names if name.startswith("drive ")}
        self.rows.append(self.row(number, summary, calls, time.perf_counter() - started, events))
        (self.out / "month.json").write_text(json.dumps(self.rows, indent=1), encoding="utf-8")
        print(json.dumps(self.rows[-1]), flush=True)

    def prepare(self, number: int) -> Iterator[str]:
        """What happens before the night: logs arrive, whole or not; a drive is withdrawn."""
        wanted = 0 if number == QUIET else FIRST_NIGHT if number == 1 else EACH_NIGHT
        for _ in range(min(wanted, DRIVES - self.next_drive)):
            log = self.town.drop(self.next_drive, number, self.inbox, self.tmp)
            self.next_drive += 1
            if number in TORN:
                log.write_bytes(log.read_bytes()[: 2000 + log.stat().st_size // 500])
                yield f"{log.name} torn"
        if number == TOO_SHORT:
            (self.inbox / f"night{number:02d}-noise.mcap").write_bytes(b"\x89MCAP0\r\n" + os.urandom(4096))
            yield "noise in the inbox"
        if number == QUIET:
            yield "nothing arrived"
        if number == REPAINTED_FROM:
            yield "paint around a crossing removed"
        with closing(Catalog.of(str(self.workspace.root), None)) as catalog:
            usable = [drive.drive_id for drive in catalog.drives(state=DriveState.USABLE)]
            asked = self.suspects & set(usable)
            for drive in sorted(asked | ({usable[1]} if number == WITHDRAWAL else set())):
                done = withdraw(self.workspace, catalog, drive, "the benchmark asked for it")
                why = "as the gate advised" if drive in asked else "on request"
                yield f"{drive} withdrawn {why}, {len(done.rebuild)} tiles to rebuild"
        self.suspects = set()

    def row(self, number: int, night: NightSummary, calls: Calls, seconds: float, events: list[str]) -> dict[str, Any]:
        release = current_release(self.workspace)
        truth = self.out / f"truth_{'after' if number >= REPAINTED_FROM else 'before'}.parquet"
        return {
            "night": number,
            "outcome": str(night.outcome),
            "exit_code": night.exit_code,
            "new_drives": len(night.taken),
            "tiles_built": night.built_tiles,
            "tiles_released": len(release.tiles) if release is not None else 0,
            "seconds": round(seconds, 2),
            "tasks_run": calls.run,
            "tasks_reused": calls.reused,
            "held": sum(1 for tile in night.changed_tiles if tile.held),
            "failed_gates": [gate["gate"] for gate in night.gates if not gate["passed"]],
            "problems": [problem.what for problem in night.problems],
            "known": len(night.known),
            "reason": night.reason,
            "removed_m": round(sum(c.get("removed_m", 0.0) for c in night.changes.values()), 1),
            "added_m": round(sum(c.get("added_m", 0.0) for c in night.changes.values()), 1),
            "events": events,
            **self.quality(f"{release.name if release else ''} {truth.name}", truth),
        }

    def quality(self, what: str, truth: Path) -> dict[str, float]:
        """Judged again only when the release or the town is another."""
        if self.judged[0] != what:
            self.judged = what, {name: round(value, 4) for name, value in quality(self.workspace, truth).items()}
        return self.judged[1]


def table(rows: list[dict[str, Any]]) -> str:
    """The month as Markdown."""
    heads = ("night", "outcome", "drives", "tiles built", "released", "s", "tasks run", "reused", "complete", "correct")
    keys = ("night", "outcome", "new_drives", "tiles_built", "tiles_released", "seconds", "tasks_run", "tasks_reused")
    lines = [f"| {' | '.join(heads)} | what happened |", f"|{'---:|' * len(heads)}---|"]
    for row in rows:
        cells = [str(row[key]) for key in keys]
        cells += [f"{row[key]:.3f}" if key in row else "" for key in ("completeness", "correctness")]
        lines.append(f"| {' | '.join(cells)} | {'; '.join([*row['events'], *row['problems']])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("data/month"))
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    month = Month(out, arguments.workers)
    try:
        for number in range(1, arguments.nights + 1):
            month.night(number)
    finally:
        month.runner.close()
        (out / "month.md").write_text(table(month.rows), encoding="utf-8")
        (out / "month.svg").write_text(month_svg(month.rows), encoding="utf-8")
    print(f"table: {out / 'month.md'}\nplot: {out / 'month.svg'}")


if __name__ == "__main__":
    main()
