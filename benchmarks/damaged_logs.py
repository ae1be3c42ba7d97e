"""Two hundred damaged logs beside a good one: none may end the run or reach the map unflagged; the good one is mapped.

Usage: python benchmarks/damaged_logs.py [--variants 200] [--keep FOLDER]
Prints, by kind of damage: refused logs, drives with flags, drives whose content the damage did not touch, and what the
pipeline made of them; exits with 1 when something slipped through.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mapforge.config import compose_settings
from mapforge.io.drive_store import DriveReader
from mapforge.simulation.damage import Damage, damage_log
from mapforge.simulation.stage import SimulationInputs
from mapforge.simulation.stage import run as simulate

SIMULATION = [
    "simulation.seed=3",
    "simulation.drives=2",
    "simulation.duration_s=6",
    "simulation.sensors.lidar.beams=32",
    "simulation.sensors.lidar.columns=512",
    "simulation.sensors.camera.enabled=false",
    "simulation.sensors.radar.enabled=false",
    "simulation.sensors.gnss.outages_per_drive=0",
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="work here and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        return check(options.keep or Path(scratch), options.variants)


def check(folder: Path, variants: int) -> int:
    made = simulate(SimulationInputs(folder / "simulated", workers=1), compose_settings(SIMULATION).simulation)
    inbox = folder / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    good, other = (inbox / "good.mcap"), (inbox / "whole.mcap")
    good.write_bytes(made.logs[0].read_bytes())
    other.write_bytes(made.logs[1].read_bytes())
    kinds = list(Damage)
    for number in range(variants):
        kind = kinds[number % len(kinds)]
        damage_log(other, inbox / f"{kind}-{number:03d}.mcap", kind, number)
    started = time.perf_counter()
    command = [sys.executable, "-c", "from mapforge.cli import main; main()", "run", "--json"]
    arguments = [f"workspace={folder / 'work'}", f"region.logs=[{inbox}]", "engine.workers=2"]
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if run.returncode not in (0, 1):
        print(run.stderr[-3000:])
        return 1
    return verdict(json.loads(run.stdout), folder / "work", run.returncode, seconds, variants)


def verdict(report: dict, workspace: Path, code: int, seconds: float, variants: int) -> int:
    """Prints the table; 1 when a drive differs from the whole log without a flag, or the good one is not mapped."""
    refused = {Path(drive["drive_id"]).stem for drive in report["drives"] if drive["state"] == "refused"}
    mapped = {drive["drive_id"] for drive in report["drives"]} - refused
    reference = content(workspace / "drives" / "whole")
    rows: dict[str, Counter[str]] = {str(kind): Counter() for kind in Damage}
    silent = []
    for path in sorted((workspace / "drives").glob("*/manifest.json")):
        name = path.parent.name
        if name in ("good", "whole"):
            continue
        manifest = DriveReader(path.parent).manifest
        kind = name.rpartition("-")[0]
        flagged = bool(manifest.warnings or manifest.quarantined)
        unharmed = content(path.parent) == reference
        rows[kind]["flagged" if flagged else "unharmed" if unharmed else "silent"] += 1
        rows[kind]["mapped"] += name in mapped
        if not flagged and not unharmed:
            silent.append(name)
    stored = sum(counts["flagged"] + counts["unharmed"] + counts["silent"] for counts in rows.values())
    print(f"{'damage':16} flagged unharmed silent mapped")
    for kind, counts in rows.items():
        print(f"{kind:16} {counts['flagged']:7} {counts['unharmed']:8} {counts['silent']:6} {counts['mapped']:6}")
    print(f"refused as logs: {variants - stored}; exit code {code}; {seconds:.0f} s for {variants + 2} logs")
    ok = not silent and "good" in mapped and code == 1
    print("nothing slipped through" if ok else f"FAILED: silent {silent}, good mapped: {'good' in mapped}")
    return 0 if ok else 1


def content(folder: Path) -> str:
    tables = sorted(folder.glob("*.parquet"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
