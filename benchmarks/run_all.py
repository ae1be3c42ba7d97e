"""Runs every benchmark, one process each, so that none measures what another left behind.

    python benchmarks/run_all.py [--quick]

Each prints what it measures and against what. `--quick` leaves out those that take minutes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SLOW = ("catalog.py", "fusion.py", "pipeline.py", "real_maps.py", "scaling.py")


def main() -> int:
    quick = "--quick" in sys.argv[1:]
    scripts = sorted(path for path in HERE.glob("*.py") if path.name != Path(__file__).name)
    failed = []
    for script in scripts:
        if quick and script.name in SLOW:
            continue
        print(f"\n=== {script.name} " + "=" * (70 - len(script.name)), flush=True)
        if subprocess.run([sys.executable, str(script)], check=False).returncode != 0:
            failed.append(script.name)
    if failed:
        print(f"\nended with an error: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
