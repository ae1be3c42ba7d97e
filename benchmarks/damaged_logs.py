"""Two hundred damaged logs beside a good one: none may end a run or reach the map unflagged; the good one is mapped.

    python benchmarks/damaged_logs.py [--variants 200] [--batch 20] [--out data/damaged_logs]

Each run takes in the good log, another one, and a batch of variants of that one, and goes from logs to judged tiles.
Prints, by kind of damage: refused logs, drives with flags, drives whose content the damage did not
touch, and how many of those the map was made of; exits with 1 when something slipped through.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapforge.cli.results import is_whole
from mapforge.config import compose_settings
from mapforge.errors import MapForgeError
from mapforge.io.drive_store import DriveReader
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import LocalRunner, Runner
from mapforge.simulation.damage import Damage, damage_log
from mapforge.simulation.stage import SimulationInputs
from mapforge.simulation.stage import run as simulate

WORKERS = 2
SIMULATION = [
    "simulation.seed=3",
    "simulation.drives=2",
    "simulation.duration_s=3",
    "simulation.sensors.lidar.beams=32",
    "simulation.sensors.lidar.columns=360",
    "simulation.sensors.lidar.rate_hz=5",
    "simulation.sensors.camera.enabled=false",
    "simulation.sensors.radar.enabled=false",
    "simulation.sensors.gnss.outages_per_drive=0",
]
MAPPING = [
    "region.name=damaged",
    "rasterization.reach_m=12",
    "perception.signs.enabled=false",
    "validation.worst_tiles=0",
]
GOOD, WHOLE = "good", "whole"


@dataclass
class Tally:
    """By kind of damage, what became of its variants. faults: what must not be."""

    rows: dict[str, Counter[str]] = field(default_factory=lambda: {str(kind): Counter() for kind in Damage})
    faults: list[str] = field(default_factory=list)

    def print(self) -> None:
        columns = ("refused", "flagged", "unharmed", "silent", "mapped")
        print(f"{'damage':16}", *(f"{name:>9}" for name in columns))
        for kind, counts in self.rows.items():
            print(f"{kind:16}", *(f"{counts[name]:9}" for name in columns))


def variants(whole: Path, out: Path, count: int) -> Iterator[Path]:
    """Damaged copies of a log, every kind in turn."""
    kinds = list(Damage)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        path = out / f"{kind}-{number:03d}.mcap"
        damage_log(whole, path, kind, number)
        yield path


def check_batch(logs: list[Path], beside: list[Path], workspace: Path, runner: Runner, tally: Tally) -> None:
    """One run over the variants beside the good log and, for comparison, the one that was damaged."""
    settings = compose_settings(MAPPING)
    settings.workspace, settings.region.logs = str(workspace), [str(path) for path in [*beside, *logs]]
    try:
        report = run_region(settings, runner)
    except MapForgeError as error:
        tally.faults.append(f"the run ended: {error}")
        return
    if is_whole(report):
        tally.faults.append("exit code 0 although logs were damaged")
    states = {Path(drive["drive_id"]).stem: drive for drive in report["drives"]}
    for name in (GOOD, WHOLE):
        if states.get(name, {}).get("state") != "used":
            tally.faults.append(f"{name} is not mapped: {states.get(name)}")
    if not any(tile["state"] in ("valid", "rejected") for tile in report["tiles"]):
        tally.faults.append("no tile was built")
    reference = content(workspace / "drives" / WHOLE)
    for path in logs:
        kind, fate = path.stem.rpartition("-")[0], fate_of(path.stem, workspace, states, reference)
        tally.rows[kind][fate] += 1
        mapped = states.get(path.stem, {}).get("state") == "used"
        tally.rows[kind]["mapped"] += mapped
        if fate == "silent" and mapped:
            tally.faults.append(f"{path.stem} reached the map unflagged")


def fate_of(name: str, workspace: Path, states: dict[str, dict[str, Any]], reference: str) -> str:
    """Whether the log, or its drive, was refused; its drive flagged; or, without a flag, what it was made from."""
    folder = workspace / "drives" / name
    if not (folder / "manifest.json").exists() or states.get(name, {}).get("state") == "refused":
        return "refused"
    manifest = DriveReader(folder).manifest
    if manifest.warnings or manifest.quarantined:
        return "flagged"
    return "unharmed" if content(folder) == reference else "silent"


def content(folder: Path) -> str:
    tables = sorted(folder.glob("*.parquet"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()


def check(out: Path, count: int, batch: int) -> Tally:
    made = simulate(SimulationInputs(out / "simulated", workers=1), compose_settings(SIMULATION).simulation)
    beside = [out / "logs" / f"{name}.mcap" for name in (GOOD, WHOLE)]
    beside[0].parent.mkdir(parents=True, exist_ok=True)
    for source, target in zip(made.logs, beside):
        shutil.copyfile(source, target)
    tally = Tally()
    damaged = list(variants(beside[1], out / "logs", count))
    with closing(LocalRunner(WORKERS)) as runner:
        for first in range(0, count, batch):
            logs, workspace, started = damaged[first : first + batch], out / "work", time.perf_counter()
            check_batch(logs, beside, workspace, runner, tally)
            seconds = time.perf_counter() - started
            print(f"{first + len(logs)} variants, {seconds:.0f} s, {len(tally.faults)} faults so far", flush=True)
            shutil.rmtree(workspace, ignore_errors=True)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=200)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("data/damaged_logs"))
    options = parser.parse_args()
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    tally = check(out, options.variants, options.batch)
    tally.print()
    print("nothing slipped through" if not tally.faults else "\n".join(["FAULTS", *tally.faults]))
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
