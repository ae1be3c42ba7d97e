"""Spoilt files for as long as one likes: every reader, with other seeds each round.

    python tests/hostile/fuzz.py [--minutes 10] [--seed 1] [--cases 20] [READER ...]

Exits with 1 at the first round in which something else than a result or one of our errors came out, or the process
died; then says which seed repeats it, and leaves the file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROUND_S = 3600.0


def fuzz_round(folder: Path, seed: int, cases: int, readers: list[str]) -> tuple[Counter[str], list[str]]:
    """One round in a process of bounded memory: outcomes by kind, and what must not be."""
    paths = [str(HERE), str(HERE.parent / "ingest"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "ARROW_DEFAULT_MEMORY_POOL": "system"}
    command = [sys.executable, str(HERE / "corpus.py"), str(folder), str(cases), str(seed), *readers]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=ROUND_S)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    faults = [f"{case['reader']} {case['case']}: {case['outcome']}" for case in outcomes if _is_fault(case["outcome"])]
    if done.returncode != 0:
        after = f"after {outcomes[-1]['reader']} {outcomes[-1]['case']}" if outcomes else "at its start"
        faults.append(f"the process ended with {done.returncode} {after}: {done.stderr[-2000:]}")
    return Counter(case["outcome"].partition(":")[0] for case in outcomes), faults


def _is_fault(outcome: str) -> bool:
    return outcome.startswith(("ESCAPED", "HUNG"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; at least 1")
    parser.add_argument("--cases", type=int, default=20, help="of bit flips, a reader and round")
    parser.add_argument("readers", nargs="*")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    until, seed = time.monotonic() + 60.0 * options.minutes, max(1, options.seed)
    while True:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        counted, faults = fuzz_round(folder, seed, options.cases, options.readers)
        total += counted
        print(f"seed {seed}: {sum(counted.values())} cases, {len(faults)} faults", flush=True)
        if faults:
            print(*faults, f"files are in {folder}; --seed {seed} --minutes 0 repeats it", sep="\n")
            return 1
        shutil.rmtree(folder)
        seed += 1
        if time.monotonic() >= until:
            print(f"{sum(total.values())} cases: {dict(total)}")
            return 0


if __name__ == "__main__":
    sys.exit(main())
