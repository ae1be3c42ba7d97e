"""Damaged logs: an error or a flag for each, never a crash, a hang or memory without end, and never silently wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ingest_logs import START_NS, STEP_NS, Message, header, lidar_message, static_message, transform, write_mcap

from mapforge.simulation.damage import Damage, damage_log

SEEDS = 5
MEMORY_MB = 3000
"""Of the process that ingests; its libraries alone map about half of it."""

CHILD = """
import hashlib, json, resource, sys
from pathlib import Path
from mapforge.errors import MapForgeError
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.stage import IngestInputs, run
from mapforge.io.workspace import Workspace

limit = int(sys.argv[2]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for log in sorted(Path(sys.argv[1]).glob("*.mcap")):
    result = {"log": log.stem}
    try:
        folder = log.parent / "work" / log.stem
        (source,) = find_logs(log)
        manifest = run(IngestInputs(source, Workspace(folder)), IngestConfig())
    except MapForgeError as error:
        result["error"] = f"{type(error).__name__}: {error}"
    else:
        tables = sorted((folder / "drives" / manifest.drive_id).glob("*.parquet"))
        result["content"] = hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()
        result["flags"] = [*manifest.warnings, *(f"{name}: {n}" for name, n in manifest.quarantined.items())]
    print(json.dumps(result), flush=True)
"""


def drive_messages() -> list[Message]:
    """Twelve sweeps with everything a car may record."""
    messages = [static_message(transform("base_link", "os_sensor", (1.0, 0.0, 1.8)))]
    up, zero = {"x": 0.0, "y": 0.0, "z": 9.81}, {"x": 0.0, "y": 0.0, "z": 0.0}
    for i in range(12):
        messages.append(lidar_message(i))
        time_ns = START_NS + i * STEP_NS
        head = header(time_ns, "base_link")
        imu = {"header": head, "angular_velocity": zero, "linear_acceleration": up}
        fix = {
            "header": head, "status": {"status": 0, "service": 1}, "latitude": 48.0 + 1e-6 * i, "longitude": 11.0,
            "altitude": 500.0, "position_covariance": [0.01] * 9, "position_covariance_type": 2,
        }  # fmt: skip
        pose = {"pose": {"position": {**zero, "x": 0.8 * i}, "orientation": {**zero, "w": 1.0}}}
        twist = {"twist": {"linear": {**zero, "x": 8.0}, "angular": zero}}
        odometry = {"header": head, "child_frame_id": "base_link", "pose": pose, "twist": twist}
        messages += [
            ("/imu", "sensor_msgs/msg/Imu", imu, time_ns),
            ("/fix", "sensor_msgs/msg/NavSatFix", fix, time_ns),
            ("/odom", "nav_msgs/msg/Odometry", odometry, time_ns),
        ]
    return messages


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("damaged")
    good = write_mcap(folder / "good.mcap", drive_messages())
    for kind in Damage:
        for seed in range(SEEDS):
            damage_log(good, folder / f"{kind}-{seed}.mcap", kind, seed)
    command = [sys.executable, "-c", CHILD, str(folder), str(MEMORY_MB)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {result["log"]: result for result in results}


def test_the_good_log_is_ingested_without_a_flag(outcomes: dict[str, dict[str, object]]) -> None:
    assert outcomes["good"]["flags"] == []


def test_every_damaged_log_ends_in_an_error_or_a_drive(outcomes: dict[str, dict[str, object]]) -> None:
    assert len(outcomes) == 1 + SEEDS * len(Damage)


@pytest.mark.parametrize("kind", list(Damage))
def test_what_differs_is_flagged(outcomes: dict[str, dict[str, object]], kind: Damage) -> None:
    silent = [
        name
        for name, outcome in outcomes.items()
        if name.startswith(str(kind))
        and "error" not in outcome
        and not outcome["flags"]
        and outcome["content"] != outcomes["good"]["content"]
    ]
    assert silent == []


def test_errors_name_the_log(outcomes: dict[str, dict[str, object]]) -> None:
    for name, outcome in outcomes.items():
        assert f"{name}.mcap" in str(outcome.get("error", f"{name}.mcap"))


def test_the_same_seed_damages_alike(tmp_path: Path) -> None:
    good = write_mcap(tmp_path / "good.mcap", drive_messages())
    for kind in Damage:
        damage_log(good, tmp_path / "a.mcap", kind, 3)
        damage_log(good, tmp_path / "b.mcap", kind, 3)
        assert np.array_equal(*(np.fromfile(tmp_path / name, np.uint8) for name in ("a.mcap", "b.mcap")))
