"""Kill -9 at random: any process of a run with two workers, at any moment, then the same run again at once.

    python benchmarks/chaos.py [--kills 100] [--seed 1] [--out data/chaos]

After every kill: no torn file (what is there has the bytes that an undisturbed run gives it) and the catalog is sound.
Of a round no more tasks may begin again than there are workers, for each kill. Whenever a run gets through: final bytes
equal to the undisturbed ones, every tile once and judged, no lease left. Then the workspace is emptied for the next.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from mapforge.config import Settings, compose_settings, settings_from_dict, settings_to_dict
from mapforge.pipeline.jobs import Job, Outcome
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import LocalRunner

WORKERS = 2
PRODUCTS = ("trajectories", "rasters", "observations", "drive_elements", "map_elements", "lane_graph", "tiles")
TINY = yaml.safe_load(Path(__file__).with_name("tiny_region.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Traced:
    """A stage that notes when it begins and ends, whoever runs it."""

    run: Callable[[Any, Any], list[Path]]
    task: str
    trace: Path

    def __call__(self, inputs: Any, config: Any) -> list[Path]:
        self._note("begin")
        outputs = self.run(inputs, config)
        self._note("end")
        return outputs

    def _note(self, what: str) -> None:
        with self.trace.open("a") as stream:
            stream.write(f"{what} {self.task}\n")


class TracingRunner:
    """Local workers whose tasks are traced."""

    def __init__(self, trace: Path) -> None:
        self._inner = LocalRunner(WORKERS)
        self._trace = trace

    def map(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        traced = (replace(job, run=Traced(job.run, f"{job.stage} {job.item}", self._trace)) for job in jobs)
        yield from self._inner.map(traced)

    def close(self) -> None:
        self._inner.close()


@dataclass
class Tally:
    """What was seen. again: of each round, how many kills there were and how many tasks began again."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    named: int = 0
    again: list[tuple[int, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def tiny_settings(logs: Path, workspace: Path) -> Settings:
    settings = compose_settings(TINY["mapping"])
    settings.workspace, settings.region.logs = str(workspace), [str(logs)]
    return settings


def simulate_logs(out: Path) -> Path:
    """Logs of three short drives, made once."""
    from mapforge.simulation.stage import SimulationInputs, run

    if not (out / "done").exists():
        run(SimulationInputs(out, workers=1), compose_settings(TINY["simulation"]).simulation)
        (out / "done").touch()
    return out / "logs"


def products(workspace: Path) -> dict[str, str]:
    """sha256 of every product; the ledger of settled drives counts when all is done."""
    return {
        path.relative_to(workspace).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in PRODUCTS
        for path in sorted((workspace / folder).rglob("*.parquet"))
    }


def faults_now(workspace: Path, wanted: dict[str, str]) -> list[str]:
    """What a consumer who looks right now would find wrong. A build that another run's names gave is no fault."""
    found = []
    for name, sha256 in products(workspace).items():
        if name in wanted and wanted[name] != sha256:
            found.append(f"{name} has other bytes")
    for path in (*workspace.glob("*.json"), *(workspace / "drives").rglob("manifest.json")):
        with suppress(FileNotFoundError):
            try:
                json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                found.append(f"{path} is torn")
    if (workspace / "catalog.db").exists():
        with sqlite3.connect(workspace / "catalog.db", timeout=30) as database:
            (answer,) = database.execute("PRAGMA integrity_check").fetchone()
            found += [] if answer == "ok" else [f"catalog: {answer}"]
    return found


def faults_at_the_end(workspace: Path, wanted: dict[str, str], tiles: set[str]) -> list[str]:
    """After a run that got through: the undisturbed bytes, every tile once, judged and free."""
    made = products(workspace)
    found = [f"{name} differs" for name in sorted(wanted.keys() | made.keys()) if wanted.get(name) != made.get(name)]
    with sqlite3.connect(workspace / "catalog.db", timeout=30) as database:
        rows = database.execute("SELECT tile, state, lease_owner FROM tiles").fetchall()
    if {row[0] for row in rows} != tiles or len(rows) != len(tiles):
        found.append(f"tiles of the catalog: {sorted(row[0] for row in rows)}")
    return found + [f"tile {t}: {state}, lease {owner}" for t, state, owner in rows if owner or state == "building"]


def _print_now(text: str) -> None:
    print(text, flush=True)


def run_chaos(logs: Path, out: Path, kills: int, seed: int, say: Callable[[str], None] = _print_now) -> Tally:
    """Kills until `kills` have been made and the last round is through."""
    chance = random.Random(seed)
    undisturbed, workspace = out / "undisturbed", out / "killed"
    shutil.rmtree(undisturbed, ignore_errors=True)
    shutil.rmtree(workspace, ignore_errors=True)
    took_s = _timed(_start(logs, undisturbed, out / "undisturbed.trace"))
    wanted = products(undisturbed)
    tiles = {"/".join(Path(name).parts[1:4]) for name in wanted if name.startswith("tiles/")}
    say(f"undisturbed: {took_s:.1f} s, {len(wanted)} products, {len(tiles)} tiles")
    tally = Tally()
    process = _start(logs, workspace, out / "killed.trace")
    kills_before = 0
    while True:
        left = sum(tally.kills.values()) < kills
        through = _wait(process, chance.uniform(0.0, took_s) if left else None)
        if through and process.returncode == 1 and tally.named < sum(tally.kills.values()):
            # kills that hit one task again and again: the run named it and ended, and is run again like after any kill
            tally.named += 1
            process = _start(logs, workspace, out / "killed.trace")
            continue
        if through:
            tally.rounds += 1
            tally.faults += [] if process.returncode == 0 else [f"a run ended with {process.returncode}"]
            tally.faults += faults_at_the_end(workspace, wanted, tiles)
            in_round = sum(tally.kills.values()) - kills_before
            kills_before += in_round
            tally.again.append((in_round, _begun_again(out / "killed.trace")))
            if tally.again[-1][1] > WORKERS * in_round:
                tally.faults.append(f"{in_round} kills, but {tally.again[-1][1]} tasks began again")
            if not left:
                return tally
            shutil.rmtree(workspace)
            (out / "killed.trace").unlink(missing_ok=True)
            process = _start(logs, workspace, out / "killed.trace")
            continue
        victim = _kill(process, chance)
        tally.kills[victim] += 1
        if victim == "main":
            process.wait()
            tally.faults += faults_now(workspace, wanted)
            process = _start(logs, workspace, out / "killed.trace")
        say(f"kill {sum(tally.kills.values())}: {victim}; {len(tally.faults)} faults so far")


def _start(logs: Path, workspace: Path, trace: Path) -> subprocess.Popen[bytes]:
    trace.parent.mkdir(parents=True, exist_ok=True)
    plain = json.dumps(settings_to_dict(tiny_settings(logs, workspace)))
    words = [sys.executable, __file__, "--child", plain, str(trace)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=(trace.with_suffix(".err")).open("ab"))


def _child(plain: str, trace: str) -> None:
    runner = TracingRunner(Path(trace))
    run_region(settings_from_dict(json.loads(plain)), runner)
    runner.close()


def _timed(process: subprocess.Popen[bytes]) -> float:
    started = time.perf_counter()
    if process.wait() != 0:
        raise SystemExit("the undisturbed run failed; see the .err file beside its trace")
    return time.perf_counter() - started


def _wait(process: subprocess.Popen[bytes], seconds: float | None) -> bool:
    """Whether the run got through before the time was up."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes], chance: random.Random) -> str:
    """Kills the run or one of its workers; which."""
    with suppress(psutil.NoSuchProcess):
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        pid = chance.choice(family)
        psutil.Process(pid).kill()
        return "main" if pid == process.pid else "worker"
    return "main"


def _begun_again(trace: Path) -> int:
    """How many tasks began more than once, each counted as often."""
    lines = trace.read_text().splitlines() if trace.exists() else []
    begun = Counter(line for line in lines if line.startswith("begin "))
    return sum(count - 1 for count in begun.values())


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        _child(*sys.argv[2:4])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", default="data/chaos")
    arguments = parser.parse_args()
    out = Path(arguments.out).resolve()
    tally = run_chaos(simulate_logs(out / "simulated"), out, arguments.kills, arguments.seed)
    print(
        f"{sum(tally.kills.values())} kills ({dict(tally.kills)}), {tally.rounds} maps finished between them, "
        f"{tally.named} runs that ended with a named failure and were run again"
    )
    print("kills and tasks begun again, of each round:", *(f"{kills}/{tasks}" for kills, tasks in tally.again))
    print(f"faults: {len(tally.faults)}", *tally.faults, sep="\n")
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
