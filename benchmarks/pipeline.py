"""The whole pipeline on the demo town: stage times, drive seconds a wall second, memory, scores.

    python benchmarks/pipeline.py [--out data/benchmark] [--workers 2]

What it is measured against: the time the drives took to drive (a factor above 1 = mapped faster than driven), and a
second run in which nothing is new (what planning alone costs). Simulation is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

MAPFORGE = Path(sys.executable).with_name("mapforge")


def command(*words: str) -> tuple[dict, float]:
    started = time.perf_counter()
    done = subprocess.run([str(MAPFORGE), *words, "--json"], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return json.loads(done.stdout), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="data/benchmark")
    parser.add_argument("--workers", default="2")
    arguments = parser.parse_args()
    out = Path(arguments.out).resolve()
    made, seconds = command("simulate", f"out={out / 'simulated'}", f"engine.workers={arguments.workers}")
    print(f"simulation of {len(made['logs'])} drives: {seconds:.0f} s (not counted below; kept for the next time)")
    words = [
        "run",
        f"workspace={out / time.strftime('workspace-%Y%m%d-%H%M%S')}",
        f"region.logs=[{out / 'simulated' / 'logs'}]",
        f"region.reference={made['truth']}",
        f"engine.workers={arguments.workers}",
    ]
    report, wall_s = command(*words)
    again, again_s = command(*words)
    driven_s = sum(drive["duration_s"] for drive in report["drives"])
    print(f"{'stage':<16}{'seconds':>9}{'share':>8}")
    for stage, value in report["timing_s"].items():
        print(f"{stage:<16}{value:>9.1f}{value / report['throughput']['total_s']:>8.0%}")
    print(f"driven {driven_s:.0f} s, {report['throughput']['drive_km']:.2f} km; mapped in {wall_s:.0f} s wall")
    print(f"drive seconds a wall second: {driven_s / wall_s:.2f} with {arguments.workers} workers")
    print(f"nothing new: {again_s:.1f} s ({again_s / wall_s:.1%}), {sum(again['timing_s'].values()):.1f} s in stages")
    print(f"peak memory of a process: {report['peak_memory_mb']:.0f} MB")
    for name, values in report["metrics"].items():
        shown = {k: values.get(k) for k in ("mAP_easy", "mAP_hard", "lateral_median_m", "lateral_p95_m")}
        print(f"{name:<16}" + "  ".join(f"{k} {v:.3f}" for k, v in shown.items() if v is not None))


if __name__ == "__main__":
    main()
